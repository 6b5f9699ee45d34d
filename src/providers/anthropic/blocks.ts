/** Content blocks of an answer, from their start over their deltas to their end. */
import { isObject, type JsonObject, parseJson } from '../../chat/index.js'
import { toAnnotation } from './annotations.js'
import { isHostedCall, isHostedResult, pushResult } from './hosted.js'
import { unwrapped } from './json-answer.js'
import { jsonToolName } from './output-format.js'
import { type OpenBlock, type State, withTold } from './stream-state.js'

export function openBlock(block: unknown, index: unknown, state: State): void {
  if (!isObject(block)) return
  if (state.open.has(index)) closeBlock(index, state)
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
  if (role === 'call' || role === 'custom') startCall(opened, state)
  else if (role === 'answer') startAnswer(state)
  else started(opened, state)
}

function roleOf({ type, name }: JsonObject, { answer, calls, custom }: State): OpenBlock['role'] {
  if (type !== 'tool_use') return 'content'
  if (answer && name === jsonToolName && calls === 0 && !answer.isGiven) return 'answer'
  return custom.has(String(name)) ? 'custom' : 'call'
}

function startCall({ block, role, call }: OpenBlock, state: State): void {
  if (state.answer) pushText(state.answer.release(), state)
  state.calls++
  state.push({
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
function started(opened: OpenBlock, state: State): void {
  const { block } = opened
  const { type, id, name, file_id } = block
  if (type === 'text' && typeof block.text === 'string') addText(block.text, opened, state)
  if (type === 'thinking' && typeof block.thinking === 'string')
    addThinking(block.thinking, opened, state)
  if (isHostedCall(type)) {
    state.hostedNames.set(id, String(name))
    state.push({ type: 'hosted-tool', id: String(id), name: String(name), status: 'running' })
  }
  if (isHostedResult(type)) pushResult(block, state.hostedNames.get(block.tool_use_id), state.push)
  if (type === 'container_upload' && typeof file_id === 'string')
    state.push({ type: 'file', media_type: 'application/octet-stream', file_id })
}

export function blockDelta(delta: unknown, index: unknown, state: State): void {
  if (!isObject(delta)) return
  const opened = state.open.get(index)
  if (opened) onDelta.get(delta.type)?.(delta, opened, state)
}

type DeltaHandler = (delta: JsonObject, opened: OpenBlock, state: State) => void

const onDelta: ReadonlyMap<unknown, DeltaHandler> = new Map<unknown, DeltaHandler>([
  [
    'text_delta',
    ({ text }, opened, state) => typeof text === 'string' && addText(text, opened, state),
  ],
  [
    'thinking_delta',
    ({ thinking }, opened, state) =>
      typeof thinking === 'string' && addThinking(thinking, opened, state),
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

function addText(text: string, { pieces, block }: OpenBlock, state: State): void {
  if (text === '' || block.type !== 'text') return
  pieces.push(text)
  if (state.answer) state.answer.hold(text)
  else pushText(text, state)
}

export function pushText(text: string, state: State): void {
  if (text === '') return
  state.textLength += text.length
  state.push({ type: 'text-delta', text })
}

/** Thoughts of several blocks are parted by a blank line. */
function addThinking(text: string, { pieces, block }: OpenBlock, state: State): void {
  if (text === '' || block.type !== 'thinking') return
  const isNext = pieces.length === 0 && state.hasReasoning
  pieces.push(text)
  state.hasReasoning = true
  state.push({ type: 'reasoning-delta', text: isNext ? `\n\n${text}` : text })
}

function addInput(json: unknown, opened: OpenBlock, state: State): void {
  if (typeof json !== 'string' || json === '') return
  const { pieces, role, call } = opened
  pieces.push(json)
  if (role === 'call') state.push({ type: 'tool-call-delta', index: call, arguments: json })
  if (role === 'answer' && !state.answer?.isWrapped) pushText(json, state)
}

export function closeBlock(index: unknown, state: State): void {
  const opened = state.open.get(index)
  if (!opened) return
  state.open.delete(index)
  ended(opened, state)
  state.blocks[opened.position] = whole(opened)
}

function ended(opened: OpenBlock, state: State): void {
  const { block, role, call, citations, start, pieces } = opened
  if (role === 'call') {
    if (pieces.length === 0)
      state.push({ type: 'tool-call-delta', index: call, arguments: argumentsOf(opened) })
    state.push({ type: 'tool-call-end', index: call })
  } else if (role === 'custom') {
    state.push({ type: 'tool-call-delta', index: call, arguments: freeText(argumentsOf(opened)) })
    state.push({ type: 'tool-call-end', index: call })
  } else if (role === 'answer') {
    if (state.answer?.isWrapped) pushText(unwrapped(argumentsOf(opened)), state)
    else if (pieces.length === 0) pushText(argumentsOf(opened), state)
  } else if (isHostedCall(block.type)) {
    const { id, name } = block
    const input = inputOf(opened)
    state.push({
      type: 'hosted-tool',
      id: String(id),
      name: String(name),
      status: 'running',
      input,
    })
  }
  for (const citation of citations) {
    const annotation = toAnnotation(citation, { start, end: state.textLength })
    if (annotation) state.push({ type: 'annotation', annotation })
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
