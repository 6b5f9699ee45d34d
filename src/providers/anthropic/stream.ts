/** Reads the events of one answer: a table of events, deltas and block ends over a small state. */
import { isObject, type JsonObject, parseJson, type Usage, unknownUsage } from '../../chat/index.js'
import { UnexpectedResponseError } from '../../core/index.js'
import type { Push, StreamReader, WireContext } from '../adapter.js'
import type { WireEvent } from '../transport.js'
import { toAnnotation } from './annotations.js'
import { toError } from './errors.js'
import { finishReason } from './finish.js'
import { isHostedCall, isHostedResult, pushResult } from './hosted.js'
import { JsonAnswer, unwrapped } from './json-answer.js'
import { profileOf } from './models.js'
import { toNative } from './native.js'
import { jsonToolName, toOutputFormat } from './output-format.js'
import { customNames } from './tools.js'
import { fromWireUsage, mergeUsage } from './usage.js'
import type { WireUsage } from './wire.js'

/** A block while its pieces come in. */
interface OpenBlock {
  readonly block: JsonObject
  /** Text, thinking or arguments so far. */
  readonly pieces: string[]
  readonly citations: unknown[]
  /** Among all blocks. */
  readonly position: number
  /** Where its text begins in the joined text. */
  readonly start: number
  readonly role: 'content' | 'call' | 'custom' | 'answer'
  /** Position among the calls. */
  readonly call: number
  signature: string
  /** What deltas of another kind brought. */
  extra: JsonObject
}

interface State {
  readonly context: WireContext
  readonly onUsage: (usage: Usage) => void
  readonly custom: ReadonlySet<string>
  readonly answer: JsonAnswer | undefined
  readonly open: Map<unknown, OpenBlock>
  /** Complete and open ones, in their order. */
  readonly blocks: (JsonObject | OpenBlock)[]
  readonly hostedNames: Map<unknown, string>
  /** Of the message that is being read; undefined before it begins. */
  id: string | undefined
  isEnded: boolean
  usage: WireUsage
  /** `stop_reason`, `stop_sequence`, `stop_details`, `container`: the last word on each. */
  stop: JsonObject
  textLength: number
  calls: number
  hasReasoning: boolean
}

type Handler = (event: JsonObject, state: State, push: Push) => void

/** `call` hears of usage as the wire tells it. */
export function streamReader(
  context: WireContext,
  call: { readonly onUsage: (usage: Usage) => void },
): StreamReader {
  const format = toOutputFormat(context.request, profileOf(context.model), () => {})
  const state: State = {
    context,
    onUsage: (usage) => call.onUsage(usage),
    custom: customNames(context.request),
    answer: format.kind === 'tool' ? new JsonAnswer(format.isWrapped) : undefined,
    open: new Map(),
    blocks: [],
    hostedNames: new Map(),
    id: undefined,
    isEnded: false,
    usage: {},
    stop: {},
    textLength: 0,
    calls: 0,
    hasReasoning: false,
  }
  return {
    read({ event, data }: WireEvent, push) {
      if (!isObject(data)) return
      const type = data.type ?? event
      if (state.id !== undefined || earlyEvents.has(type)) on.get(type)?.(data, state, push)
    },
    isWhole: () => state.isEnded,
    end(push) {
      if (state.isEnded) finish(state, push)
      return state.isEnded
    },
  }
}

// ---- Events ---------------------------------------------------------------------------------------------------------

/** Those that mean something before a message has begun. */
const earlyEvents: ReadonlySet<unknown> = new Set(['message_start', 'error'])

const on: ReadonlyMap<unknown, Handler> = new Map<unknown, Handler>([
  ['message_start', messageStart],
  [
    'content_block_start',
    ({ index, content_block }, state, push) => openBlock(content_block, index, state, push),
  ],
  ['content_block_delta', ({ index, delta }, state, push) => blockDelta(delta, index, state, push)],
  ['content_block_stop', ({ index }, state, push) => closeBlock(index, state, push)],
  ['message_delta', messageDelta],
  ['message_stop', messageStop],
  [
    'error',
    (event, { context: { model, request_id } }) => {
      throw toError({
        status: 200,
        body: event,
        model,
        ...(request_id !== undefined && { request_id }),
      })
    },
  ],
])

/** Said twice it is passed over; another message in the middle of this one is not to be mixed in. */
function messageStart({ message }: JsonObject, state: State, push: Push): void {
  if (!isObject(message)) return
  const id = typeof message.id === 'string' && message.id !== '' ? message.id : undefined
  const isFirst = state.id === undefined
  if (!isFirst && !state.isEnded) {
    if (id === undefined || id === state.id) return
    throw spliced(state.context)
  }
  const { context } = state
  state.id = id ?? state.id ?? `msg_${crypto.randomUUID()}`
  state.isEnded = false
  if (isFirst)
    push({
      type: 'start',
      id: state.id,
      model:
        typeof message.model === 'string' && message.model !== '' ? message.model : context.model,
      provider: 'anthropic',
      created: Math.floor(Date.now() / 1000),
      ...(context.request_id !== undefined && { request_id: context.request_id }),
    })
  const { stop_reason, stop_sequence, stop_details, container } = message
  state.stop = told({ stop_reason, stop_sequence, stop_details, container })
  tellUsage(mergeUsage({}, message.usage), state)
  for (const block of Array.isArray(message.content) ? message.content : []) {
    openBlock(block, given, state, push)
    closeBlock(given, state, push)
  }
}

/** Stands for the index of a block that comes whole with its message. */
const given = Symbol('given')

const spliced = ({ model, request_id }: WireContext) =>
  new UnexpectedResponseError(`anthropic/${model} began another message in the middle of one`, {
    provider: 'anthropic',
    model,
    code: 'spliced',
    phase: 'stream',
    requestId: request_id,
    maybeBilled: true,
  })

const told = (members: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value != null))

function messageDelta({ delta, usage }: JsonObject, state: State): void {
  if (isObject(delta)) state.stop = { ...state.stop, ...told(delta) }
  tellUsage(mergeUsage(state.usage, usage), state)
}

function tellUsage(wire: WireUsage, state: State): void {
  if (wire === state.usage) return
  state.usage = wire
  const usage = fromWireUsage(wire)
  if (usage) state.onUsage(usage)
}

function messageStop(_: JsonObject, state: State, push: Push): void {
  for (const index of [...state.open.keys()]) closeBlock(index, state, push)
  state.isEnded = true
}

/** Once a read is over: a message may stand right behind another, and both are one answer. */
function finish(state: State, push: Push): void {
  const { answer, stop, usage, context } = state
  if (answer) pushText(answer.release(), state, push)
  const { explanation } = isObject(stop.stop_details) ? stop.stop_details : {}
  if (stop.stop_reason === 'refusal' && typeof explanation === 'string')
    push({ type: 'refusal-delta', text: explanation })
  const isAnswered = answer?.isGiven === true && state.calls === 0
  // the text stands for the call: there is nothing to be sent back as it was
  const native = isAnswered
    ? undefined
    : toNative(state.blocks as JsonObject[], { model: context.model, container: stop.container })
  push({
    type: 'finish',
    finish_reason:
      isAnswered && stop.stop_reason === 'tool_use' ? 'stop' : finishReason(stop.stop_reason),
    ...(typeof stop.stop_reason === 'string' && { native_finish_reason: stop.stop_reason }),
    ...(typeof stop.stop_sequence === 'string' && { stop_sequence: stop.stop_sequence }),
    ...(typeof usage.service_tier === 'string' && { service_tier: usage.service_tier }),
    usage: fromWireUsage(usage) ?? unknownUsage,
    ...(native && { native }),
  })
}

// ---- Blocks ---------------------------------------------------------------------------------------------------------

function openBlock(block: unknown, index: unknown, state: State, push: Push): void {
  if (!isObject(block)) return
  if (state.open.has(index)) closeBlock(index, state, push)
  const role = roleOf(block, state)
  const opened: OpenBlock = {
    block,
    pieces: [],
    citations: Array.isArray(block.citations) ? [...block.citations] : [],
    position: state.blocks.length,
    start: state.textLength,
    role,
    call: state.calls,
    signature: typeof block.signature === 'string' ? block.signature : '',
    extra: {},
  }
  state.open.set(index, opened)
  state.blocks.push(opened)
  if (role === 'call' || role === 'custom') startCall(opened, state, push)
  else if (role === 'answer') startAnswer(state)
  else started(opened, state, push)
}

function roleOf({ type, name }: JsonObject, { answer, calls, custom }: State): OpenBlock['role'] {
  if (type !== 'tool_use') return 'content'
  if (answer && name === jsonToolName && calls === 0 && !answer.isGiven) return 'answer'
  return custom.has(String(name)) ? 'custom' : 'call'
}

function startCall({ block, role, call }: OpenBlock, state: State, push: Push): void {
  if (state.answer) pushText(state.answer.release(), state, push)
  state.calls++
  push({
    type: 'tool-call-start',
    index: call,
    id:
      typeof block.id === 'string' && block.id !== ''
        ? block.id
        : `toolu_${crypto.randomUUID().slice(0, 24)}`,
    name: String(block.name),
    ...(role === 'custom' && { kind: 'custom' as const }),
  })
}

function startAnswer({ answer, context }: State): void {
  if (answer?.begin())
    context.warn({
      code: 'dropped',
      param: 'response_format',
      provider: 'anthropic',
      message: 'Text that the model wrote before its JSON answer was left out',
    })
}

/** A block may begin with content, or come whole. */
function started(opened: OpenBlock, state: State, push: Push): void {
  const { block } = opened
  const { type, id, name, file_id } = block
  if (type === 'text' && typeof block.text === 'string') addText(block.text, opened, state, push)
  if (type === 'thinking' && typeof block.thinking === 'string')
    addThinking(block.thinking, opened, state, push)
  if (isHostedCall(type)) {
    state.hostedNames.set(id, String(name))
    push({ type: 'hosted-tool', id: String(id), name: String(name), status: 'running' })
  }
  if (isHostedResult(type)) pushResult(block, state.hostedNames.get(block.tool_use_id), push)
  if (type === 'container_upload' && typeof file_id === 'string')
    push({ type: 'file', media_type: 'application/octet-stream', file_id })
}

function blockDelta(delta: unknown, index: unknown, state: State, push: Push): void {
  if (!isObject(delta)) return
  const opened = state.open.get(index)
  if (opened) onDelta.get(delta.type)?.(delta, opened, state, push)
}

type DeltaHandler = (delta: JsonObject, opened: OpenBlock, state: State, push: Push) => void

const onDelta: ReadonlyMap<unknown, DeltaHandler> = new Map<unknown, DeltaHandler>([
  [
    'text_delta',
    ({ text }, opened, state, push) =>
      typeof text === 'string' && addText(text, opened, state, push),
  ],
  [
    'thinking_delta',
    ({ thinking }, opened, state, push) =>
      typeof thinking === 'string' && addThinking(thinking, opened, state, push),
  ],
  [
    'input_json_delta',
    ({ partial_json }, opened, state, push) => addInput(partial_json, opened, state, push),
  ],
  ['citations_delta', ({ citation }, { citations }) => void citations.push(citation)],
  [
    'signature_delta',
    ({ signature }, opened) => {
      if (typeof signature === 'string') opened.signature += signature
    },
  ],
  [
    'compaction_delta',
    ({ type: _, ...members }, opened) => {
      opened.extra = { ...opened.extra, ...told(members) }
    },
  ],
])

function addText(text: string, { pieces, block }: OpenBlock, state: State, push: Push): void {
  if (text === '' || block.type !== 'text') return
  pieces.push(text)
  if (state.answer) state.answer.hold(text)
  else pushText(text, state, push)
}

function pushText(text: string, state: State, push: Push): void {
  if (text === '') return
  state.textLength += text.length
  push({ type: 'text-delta', text })
}

/** Thoughts of several blocks are parted by a blank line. */
function addThinking(text: string, { pieces, block }: OpenBlock, state: State, push: Push): void {
  if (text === '' || block.type !== 'thinking') return
  const isNext = pieces.length === 0 && state.hasReasoning
  pieces.push(text)
  state.hasReasoning = true
  push({ type: 'reasoning-delta', text: isNext ? `\n\n${text}` : text })
}

function addInput(json: unknown, opened: OpenBlock, state: State, push: Push): void {
  if (typeof json !== 'string' || json === '') return
  const { pieces, role, call } = opened
  pieces.push(json)
  if (role === 'call') push({ type: 'tool-call-delta', index: call, arguments: json })
  if (role === 'answer' && !state.answer?.isWrapped) pushText(json, state, push)
}

function closeBlock(index: unknown, state: State, push: Push): void {
  const opened = state.open.get(index)
  if (!opened) return
  state.open.delete(index)
  ended(opened, state, push)
  state.blocks[opened.position] = whole(opened)
}

function ended(opened: OpenBlock, state: State, push: Push): void {
  const { block, role, call, citations, start, pieces } = opened
  if (role === 'call') {
    if (pieces.length === 0)
      push({ type: 'tool-call-delta', index: call, arguments: argumentsOf(opened) })
    push({ type: 'tool-call-end', index: call })
  } else if (role === 'custom') {
    push({ type: 'tool-call-delta', index: call, arguments: freeText(argumentsOf(opened)) })
    push({ type: 'tool-call-end', index: call })
  } else if (role === 'answer') {
    if (state.answer?.isWrapped) pushText(unwrapped(argumentsOf(opened)), state, push)
    else if (pieces.length === 0) pushText(argumentsOf(opened), state, push)
  } else if (isHostedCall(block.type)) {
    const { id, name } = block
    const input = inputOf(opened)
    push({ type: 'hosted-tool', id: String(id), name: String(name), status: 'running', input })
  }
  for (const citation of citations) {
    const annotation = toAnnotation(citation, { start, end: state.textLength })
    if (annotation) push({ type: 'annotation', annotation })
  }
}

/** Pieces win over what the block began with; neither means an empty object. */
function argumentsOf({ pieces, block: { input } }: OpenBlock): string {
  if (pieces.length > 0) return pieces.join('')
  if (typeof input === 'string') return input || '{}'
  return JSON.stringify(input ?? {})
}

/** Arguments that were cut off are kept as text. */
function inputOf(opened: OpenBlock): unknown {
  const json = argumentsOf(opened)
  return parseJson(json) ?? json
}

const freeText = (json: string): string => {
  const input = parseJson(json)
  return isObject(input) && typeof input.input === 'string' ? input.input : json
}

/** The block as it goes into `native`. */
function whole(opened: OpenBlock): JsonObject {
  const { block, pieces, citations, signature, extra } = opened
  switch (block.type) {
    case 'text':
      return { ...block, text: pieces.join(''), ...(citations.length > 0 && { citations }) }
    case 'thinking':
      return { ...block, thinking: pieces.join(''), signature }
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return { ...block, input: inputOf(opened) }
  }
  return { ...block, ...extra }
}
