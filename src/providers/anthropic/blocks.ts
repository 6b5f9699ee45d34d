/** Reads content blocks of an answer: start, deltas, end. */
import { GrowingText } from '../../chat/gather.js'
import { asCount, toArgumentsText } from '../../chat/index.js'
import {
  asId,
  asObject,
  asObjects,
  asString,
  asText,
  isObject,
  type JsonObject,
  nonEmpty,
  parseJson,
} from '../../chat/json.js'
import { mergeGiven, namesIn } from '../answers.js'
import { readCallMembers, type TurnWriter, withoutPlaceholder } from '../turn-writer.js'
import { toAnnotation } from './annotations.js'
import { jsonToolName, wrapper } from './output-format.js'
import type { OpenBlock, State } from './stream-state.js'
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
    text: new GrowingText(),
    citations: Array.isArray(block.citations) ? [...block.citations] : [],
    position: state.blocks.length,
    start: writer.textLength,
    role,
    ...(isCall && { call: writer.openCall(callIn(block, role)) }),
    signature: asString(block.signature),
    extra: {},
  }
  state.open.set(index, opened)
  state.begun.add(index)
  state.blocks.push(block)
  if (opened.call) writer.startCall(opened.call)
  else if (role === 'answer') startAnswer(state)
  else started(opened, state)
  return opened
}

/** Infers a missing type from text or input; undefined leaves it to the first delta. */
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
  id: asId(block.id) ?? '',
  name: asString(block.name),
  isCustom: role === 'custom',
  members: readCallMembers(block),
})

function startAnswer({ answer, writer }: State): void {
  const message = 'Dropped text that the model wrote before its JSON answer'
  if (answer?.begin()) writer.warn('dropped', message, 'response_format')
}

/** A block may begin with content, or be whole. */
function started(opened: OpenBlock, state: State): void {
  const { block } = opened
  const { writer, hostedNames } = state
  const { type, file_id } = block
  if (isText(block)) addText(block.text, opened, state)
  if (type === 'thinking') addThinking(block.thinking, opened, state)
  if (isHostedCall(block)) {
    hostedNames.set(block.id, String(block.name))
    writer.hosted({ ...hostedCall(block), server: asText(block.server_name) })
  }
  if (type === 'compaction') writer.hosted({ ...compaction(opened), status: 'running' })
  if (type === 'fallback') warnOfFallback(block, state)
  if (isHostedResult(block)) pushResult(block, hostedNames.get(block.tool_use_id), writer)
  if (type === 'container_upload' && typeof file_id === 'string')
    writer.push({ type: 'file', media_type: 'application/octet-stream', file_id })
}

const hostedCall = ({ id, name }: JsonObject) =>
  ({ id: String(id), name: String(name), status: 'running' }) as const

/** Blocks of unknown types may hold text, too. */
const isText = (block: JsonObject) => block.type === 'text' || !isKnown(block)

const isKnown = (block: JsonObject) =>
  knownBlocks.has(block.type) || isHostedCall(block) || isHostedResult(block)

const knownBlocks: ReadonlySet<unknown> = namesIn(
  'text thinking redacted_thinking tool_use compaction fallback container_upload',
)

const compaction = ({ position: at }: OpenBlock) => ({ id: `compaction_${at}`, name: 'compaction' })

/** Warns that another model continues the answer. */
function warnOfFallback({ from, to, trigger }: JsonObject, { writer }: State): void {
  const name = (place: unknown) => asText(asObject(place).model) ?? 'another model'
  const why = asText(asObject(trigger).type)
  writer.warn('fallback', `${name(from)} handed over to ${name(to)}${why ? ` (${why})` : ''}`)
}

export function blockDelta(delta: unknown, index: unknown, state: State): void {
  if (!isObject(delta)) return
  const begun = state.open.get(index)
  const kind = blocksOfDeltas.get(delta.type)
  const opened = begun && (!kind || fits(kind, begun)) ? begun : openBlock(kind, index, state)
  if (opened) onDelta.get(delta.type)?.(delta, opened, state)
  else if (delta.type === 'input_json_delta') checkBegun(delta, index, state)
}

function checkBegun({ partial_json }: JsonObject, index: unknown, { begun, writer }: State): void {
  if (!begun.has(index) && asText(partial_json))
    throw writer.unexpected('bad_arguments', 'streamed arguments of a call that never began')
}

const fits = ({ type }: JsonObject, { block }: OpenBlock) =>
  type === block.type || (type === 'text' && isText(block))

/**
 * The block to open if it never began, has ended, or is of another type, where the delta implies
 * it: some gateways omit its start.
 */
const blocksOfDeltas: ReadonlyMap<unknown, JsonObject> = new Map([
  ['text_delta', { type: 'text' }],
  ['thinking_delta', { type: 'thinking' }],
])

type DeltaHandler = (delta: JsonObject, opened: OpenBlock, state: State) => void

const onDelta: ReadonlyMap<unknown, DeltaHandler> = new Map<unknown, DeltaHandler>([
  ['text_delta', ({ text }, opened, state) => addText(text, opened, state)],
  [
    'thinking_delta',
    ({ thinking, estimated_tokens }, opened, state) => {
      addThinking(thinking, opened, state)
      const tokens = asCount(estimated_tokens)
      if (tokens) state.writer.thinking(tokens)
    },
  ],
  ['input_json_delta', ({ partial_json }, opened, state) => addInput(partial_json, opened, state)],
  ['citations_delta', ({ citation }, { citations }) => void citations.push(citation)],
  [
    'signature_delta',
    ({ signature }, opened) => {
      opened.signature += asString(signature)
    },
  ],
  [
    'compaction_delta',
    ({ type: _, ...members }, opened) => {
      opened.extra = mergeGiven(opened.extra, members)
    },
  ],
])

function addText(given: unknown, opened: OpenBlock, { answer, writer }: State): void {
  const text = asString(given)
  opened.text.add(text)
  if (answer) answer.hold(text)
  else writer.text(text)
}

function addThinking(given: unknown, opened: OpenBlock, { writer }: State): void {
  const text = asString(given)
  opened.text.add(text)
  writer.reasoning(text, opened)
}

function addInput(given: unknown, { text, role, call }: OpenBlock, state: State): void {
  const json = toArgumentsText(given) ?? ''
  if (json === '') return
  text.add(json)
  if (call && role === 'call') state.writer.addArguments(call, json)
  if (role === 'answer' && !state.answer?.isWrapped) state.writer.text(json)
}

/** A call without whole arguments stays open: some gateways send them, or the rest, after its end. */
export function stopBlock(index: unknown, state: State): void {
  const opened = state.open.get(index)
  const { input } = opened?.call ? opened.block : {}
  const streamed = opened && parseJson(withoutPlaceholder(opened.text.toString()))
  const isWhole = [streamed, input].some((given) => nonEmpty(asObject(given)))
  if (!opened?.call || isWhole) closeBlock(index, state)
}

export function closeBlock(index: unknown, state: State): void {
  const opened = state.open.get(index)
  if (!opened) return
  state.open.delete(index)
  ended(opened, state)
  state.blocks[opened.position] = whole(opened)
}

function ended(opened: OpenBlock, { answer, writer }: State): void {
  const { block, role, call, citations, start, text } = opened
  const isWhole = text.length === 0
  if (call) {
    if (role === 'custom') writer.addArguments(call, freeText(argumentsOf(opened)))
    else if (isWhole) writer.addArguments(call, argumentsOf(opened))
    writer.endCall(call)
  } else if (role === 'answer') {
    if (answer?.isWrapped) writer.text(unwrapped(argumentsOf(opened)))
    else if (isWhole) writer.text(argumentsOf(opened))
  } else if (isHostedCall(block)) writer.hosted({ ...hostedCall(block), input: inputOf(opened) })
  if (block.type === 'compaction') writer.hosted({ ...compaction(opened), status: 'done' })
  if (!isKnown(block) && isWhole) writer.skip('Blocks', block.type)
  const span = { start_index: start, end_index: writer.textLength }
  for (const citation of citations) writer.cite(toAnnotation(citation, span), citation)
}

/** The pieces, else the initial input, else an empty object. */
function argumentsOf({ text, block: { input } }: OpenBlock): string {
  if (text.length > 0) return withoutPlaceholder(text.toString())
  if (typeof input === 'string') return input || '{}'
  return JSON.stringify(input ?? {})
}

/** Arguments that were cut off remain text. */
function inputOf(opened: OpenBlock): unknown {
  const json = argumentsOf(opened)
  return parseJson(json) ?? json
}

const freeText = (json: string): string => {
  const { input } = asObject(parseJson(json))
  return typeof input === 'string' ? input : json
}

/** Unwraps the answer; without a wrapper the whole JSON is the answer. */
function unwrapped(json: string): string {
  const value = asObject(parseJson(json))
  return Object.hasOwn(value, wrapper) ? JSON.stringify(value[wrapper]) : json
}

/** The block for `native`. */
function whole(opened: OpenBlock): JsonObject {
  const { block, call, citations, signature, extra } = opened
  const text = opened.text.toString()
  switch (block.type) {
    case 'text':
      return { ...block, text, ...(citations.length > 0 && { citations }) }
    case 'thinking':
      return { ...block, thinking: text, signature }
    case 'tool_use':
      // generated if the server sent none, or one twice
      return { ...block, id: call?.id || block.id, input: inputOf(opened) }
    case 'server_tool_use':
    case 'mcp_tool_use':
      return { ...block, input: inputOf(opened) }
  }
  return { ...block, ...(text !== '' && { text }), ...extra }
}

// -- hosted tools -----------------------------------------------------------------------------------------------------

/** `name`: that of the call, which may be in an earlier answer than its result. */
function pushResult(block: JsonObject, name: string | undefined, writer: TurnWriter): void {
  const { type, tool_use_id, content } = block
  writer.hosted({
    id: String(tool_use_id),
    name: name ?? String(type).replace(/_tool_result$/, ''),
    status: isFailed(block) ? 'failed' : 'done',
    output: readable(content),
  })
  for (const file_id of filesIn(content))
    writer.push({ type: 'file', media_type: 'application/octet-stream', file_id })
}

const isFailed = ({ is_error, content }: JsonObject) =>
  is_error === true || (isObject(content) && /_error$/.test(String(content.type)))

/** Removes encrypted members, which only the provider can read: `native` holds them. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !name.startsWith('encrypted_'))
      .map(([name, inner]) => [name, readable(inner)]),
  )
}

/** Files written by code: `{ content: [{ type: '…_output', file_id }] }`. */
const filesIn = (content: unknown): readonly string[] =>
  asObjects(asObject(content).content).flatMap(({ type, file_id }) =>
    /_output$/.test(String(type)) ? (asText(file_id) ?? []) : [],
  )
