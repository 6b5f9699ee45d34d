/** Content blocks of an answer, from their start over their deltas to their end. */
import {
  asCount,
  asObject,
  asString,
  asText,
  defined,
  isObject,
  type JsonObject,
  parseJson,
} from '../../chat/index.js'
import { readCallMembers, withoutPlaceholder } from '../turn-writer.js'
import { toAnnotation } from './annotations.js'
import { pushResult } from './hosted.js'
import { unwrapped } from './json-answer.js'
import { jsonToolName } from './output-format.js'
import { type OpenBlock, type State, withTold } from './stream-state.js'
import { isHostedCall, isHostedResult } from './wire.js'

export function openBlock(given: unknown, index: unknown, state: State): OpenBlock | undefined {
  const block = isObject(given) ? typed(given) : undefined
  if (!block) return undefined
  closeBlock(index, state)
  const { answer, writer } = state
  const role = roleOf(block, state)
  const isCall = role === 'call' || role === 'custom'
  if (isCall && answer) writer.text(answer.release())
  const opened: OpenBlock = {
    block,
    pieces: [],
    citations: Array.isArray(block.citations) ? [...block.citations] : [],
    position: state.blocks.length,
    start: writer.textLength,
    role,
    ...(isCall && { call: writer.openCall(callIn(block, role)) }),
    signature: typeof block.signature === 'string' ? block.signature : '',
    extra: {},
  }
  state.open.set(index, opened)
  state.blocks.push(block)
  if (opened.call) writer.startCall(opened.call)
  else if (role === 'answer') startAnswer(state)
  else started(opened, state)
  return opened
}

/** A block without a type is known by its text, its input, or its first delta. */
function typed(block: JsonObject): JsonObject | undefined {
  if (block.type) return block
  if (typeof block.text === 'string') return { ...block, type: 'text' }
  const isCall = typeof block.name === 'string' && isObject(block.input)
  return isCall ? { ...block, type: 'tool_use' } : undefined
}

function roleOf({ type, name }: JsonObject, { answer, writer, custom }: State): OpenBlock['role'] {
  if (type !== 'tool_use') return 'content'
  const isFirst = writer.calls.length === 0
  if (answer && name === jsonToolName && isFirst && !answer.isGiven) return 'answer'
  return custom.has(String(name)) ? 'custom' : 'call'
}

const callIn = (block: JsonObject, role: OpenBlock['role']) => ({
  id: asString(block.id),
  name: String(block.name),
  isCustom: role === 'custom',
  members: readCallMembers(block),
})

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
function started(opened: OpenBlock, state: State): void {
  const { block } = opened
  const { writer } = state
  const { type, id, name, file_id } = block
  if (typeof block.text === 'string' && isText(block)) addText(block.text, opened, state)
  if (type === 'thinking' && typeof block.thinking === 'string')
    addThinking(block.thinking, opened, state)
  if (isHostedCall(block)) {
    state.hostedNames.set(id, String(name))
    const server = asText(block.server_name)
    writer.push({
      type: 'hosted-tool',
      id: String(id),
      name: String(name),
      ...defined({ server }),
      status: 'running',
    })
  }
  if (type === 'compaction') writer.push({ ...compaction(opened), status: 'running' })
  if (type === 'fallback') warnOfFallback(block, state)
  if (isHostedResult(block))
    pushResult(block, state.hostedNames.get(block.tool_use_id), writer.push)
  if (type === 'container_upload' && typeof file_id === 'string')
    writer.push({ type: 'file', media_type: 'application/octet-stream', file_id })
}

/** Of a kind that nobody knows it is text, too. */
const isText = (block: JsonObject) => block.type === 'text' || !isKnown(block)

const isKnown = (block: JsonObject) =>
  knownBlocks.has(block.type) || isHostedCall(block) || isHostedResult(block)

const knownBlocks: ReadonlySet<unknown> = new Set(
  'text thinking redacted_thinking tool_use compaction fallback container_upload'.split(' '),
)

const compaction = ({ position }: OpenBlock) =>
  ({ type: 'hosted-tool', id: `compaction_${position}`, name: 'compaction' }) as const

/** Another model answers from here on. */
function warnOfFallback({ from, to, trigger }: JsonObject, { context: { warn } }: State): void {
  const name = (place: unknown) => asText(asObject(place).model) ?? 'another model'
  const why = asText(asObject(trigger).type)
  warn({
    code: 'fallback',
    provider: 'anthropic',
    message: `${name(from)} handed over to ${name(to)}${why ? ` (${why})` : ''}`,
  })
}

export function blockDelta(delta: unknown, index: unknown, state: State): void {
  if (!isObject(delta)) return
  const begun = state.open.get(index)
  const kind = blocksOfDeltas.get(delta.type)
  const opened = begun && (!kind || fits(kind, begun)) ? begun : openBlock(kind, index, state)
  if (opened) onDelta.get(delta.type)?.(delta, opened, state)
}

const fits = ({ type }: JsonObject, { block }: OpenBlock) =>
  type === block.type || (type === 'text' && isText(block))

/**
 * The block that was never begun, has ended, or is of another kind, where a delta is enough to know it: some gateways leave
 * its start out.
 */
const blocksOfDeltas: ReadonlyMap<unknown, JsonObject> = new Map([
  ['text_delta', { type: 'text' }],
  ['thinking_delta', { type: 'thinking' }],
])

type DeltaHandler = (delta: JsonObject, opened: OpenBlock, state: State) => void

const onDelta: ReadonlyMap<unknown, DeltaHandler> = new Map<unknown, DeltaHandler>([
  [
    'text_delta',
    ({ text }, opened, state) => typeof text === 'string' && addText(text, opened, state),
  ],
  [
    'thinking_delta',
    ({ thinking, estimated_tokens }, opened, state) => {
      if (typeof thinking === 'string') addThinking(thinking, opened, state)
      const tokens = asCount(estimated_tokens)
      if (tokens) state.writer.thinking(tokens)
    },
  ],
  ['input_json_delta', ({ partial_json }, opened, state) => addInput(partial_json, opened, state)],
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
      opened.extra = withTold(opened.extra, members)
    },
  ],
])

function addText(text: string, { pieces }: OpenBlock, { answer, writer }: State): void {
  pieces.push(text)
  if (answer) answer.hold(text)
  else writer.text(text)
}

function addThinking(text: string, opened: OpenBlock, { writer }: State): void {
  opened.pieces.push(text)
  writer.reasoning(text, opened)
}

function addInput(json: unknown, opened: OpenBlock, state: State): void {
  if (typeof json !== 'string' || json === '') return
  const { pieces, role, call } = opened
  pieces.push(json)
  if (call && role === 'call') state.writer.addArguments(call, json)
  if (role === 'answer' && !state.answer?.isWrapped) state.writer.text(json)
}

/** A call whose arguments are not whole stays open: gateways send the rest of them behind its end. */
export function stopBlock(index: unknown, state: State): void {
  const opened = state.open.get(index)
  const isCut = opened?.call && parseJson(withoutPlaceholder(opened.pieces.join(''))) === undefined
  if (!isCut || hasInput(opened)) closeBlock(index, state)
}

const hasInput = ({ block: { input } }: OpenBlock) =>
  isObject(input) && Object.keys(input).length > 0

export function closeBlock(index: unknown, state: State): void {
  const opened = state.open.get(index)
  if (!opened) return
  state.open.delete(index)
  ended(opened, state)
  state.blocks[opened.position] = whole(opened)
}

function ended(opened: OpenBlock, { answer, writer }: State): void {
  const { block, role, call, citations, start, pieces } = opened
  if (call) {
    const json = argumentsOf(opened)
    if (role === 'custom' || pieces.length === 0)
      writer.addArguments(call, role === 'custom' ? freeText(json) : json)
    writer.endCall(call)
  } else if (role === 'answer') {
    if (answer?.isWrapped) writer.text(unwrapped(argumentsOf(opened)))
    else if (pieces.length === 0) writer.text(argumentsOf(opened))
  } else if (isHostedCall(block)) {
    const { id, name } = block
    const input = inputOf(opened)
    writer.push({
      type: 'hosted-tool',
      id: String(id),
      name: String(name),
      status: 'running',
      input,
    })
  }
  if (block.type === 'compaction') writer.push({ ...compaction(opened), status: 'done' })
  if (!isKnown(block) && pieces.length === 0) writer.skip('Blocks', block.type)
  for (const citation of citations) {
    const annotation = toAnnotation(citation, { start, end: writer.textLength })
    if (annotation) writer.push({ type: 'annotation', annotation })
    else writer.skip('Citations', asObject(citation).type)
  }
}

/** Pieces win over what the block began with; neither means an empty object. */
function argumentsOf({ pieces, block: { input } }: OpenBlock): string {
  if (pieces.length > 0) return withoutPlaceholder(pieces.join(''))
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
  return { ...block, ...(pieces.length > 0 && { text: pieces.join('') }), ...extra }
}
