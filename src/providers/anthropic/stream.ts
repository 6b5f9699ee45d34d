/** Reads the events of one answer: a table of events over a small state. */
import {
  asObject,
  asParts,
  asString,
  asText,
  isObject,
  type JsonObject,
  pick,
  updateCounts,
  words,
} from '../../chat/index.js'
import type { WireEvent, WireResponse } from '../../transport/index.js'
import type { Push, WireContext } from '../adapter.js'
import { type AnswerReader, mergeGiven, namesIn, readAnswer } from '../answers.js'
import { warnOfTransformations } from '../notes.js'
import type { ReaderLimits } from '../turn-writer.js'
import { blockDelta, closeBlock, openBlock, stopBlock } from './blocks.js'
import { toError } from './errors.js'
import { State } from './stream-state.js'
import { fromWireUsage } from './usage.js'

/** Reports usage to the call whenever the wire does. */
export const streamReader = (...given: ConstructorParameters<typeof State>): AnswerReader =>
  new Reader(...given)

class Reader extends State implements AnswerReader {
  read({ event, data }: WireEvent, push: Push): void {
    if (!isObject(data)) return
    this.writer.push = push
    // gateways send errors without a type
    const type = data.type ?? event ?? (data.error ? 'error' : undefined)
    if (expectedEvents(this)?.has(type) ?? true) on.get(type)?.(data, this)
  }

  isWhole(): boolean {
    return this.isEnded
  }

  end(push: Push): boolean {
    this.writer.push = push
    if (this.isEnded) finish(this)
    return this.isEnded
  }
}

/** Reads a plain answer. Throws typed errors for an error in a 200, and a body without message. */
export function fromWire({ body }: WireResponse, context: WireContext, limits?: ReaderLimits) {
  const { content } = asObject(body)
  const isMessage = typeof content === 'string' || Array.isArray(content)
  const event = isMessage ? { type: 'message', message: body } : body
  const reader = new Reader(context, undefined, limits)
  return readAnswer(reader, event, 'bad_shape', 'something that is not a message')
}

type Handler = (event: JsonObject, state: State) => void

/** Types of events that are read before a message begins and after it ends; undefined: all. */
function expectedEvents({ id, isEnded }: State): ReadonlySet<unknown> | undefined {
  if (isEnded) return beginnings
  return id === undefined ? earlyEvents : undefined
}

const beginnings: ReadonlySet<unknown> = new Set(['message_start', 'message'])
const earlyEvents: ReadonlySet<unknown> = new Set([...beginnings, 'error'])

const on: ReadonlyMap<unknown, Handler> = new Map<unknown, Handler>([
  ['message_start', messageStart],
  // a whole body, as a synthetic event
  ['message', wholeMessage],
  [
    'content_block_start',
    ({ index, content_block }, state) => void openBlock(content_block, Number(index), state),
  ],
  ['content_block_delta', ({ index, delta }, state) => blockDelta(delta, Number(index), state)],
  ['content_block_stop', ({ index }, state) => stopBlock(Number(index), state)],
  ['message_delta', messageDelta],
  ['message_stop', messageStop],
  ['error', fail],
])

function fail(event: JsonObject, { writer }: State): never {
  throw writer.failed(event, toError)
}

function wholeMessage(event: JsonObject, state: State): void {
  if (!isObject(event.message)) return
  messageStart(event, state)
  messageStop(event, state)
}

/** Skips a repeated start; throws for another message in the middle of one. */
function messageStart({ message }: JsonObject, state: State): void {
  if (!isObject(message)) return
  const { writer, context } = state
  const id = asText(message.id)
  if (state.id !== undefined && !state.isEnded) {
    if (id === undefined || id === state.id) return
    throw writer.unexpected('spliced', 'started a new message before the end of the last one')
  }
  state.id = id ?? state.id ?? `msg_${crypto.randomUUID()}`
  state.isEnded = false
  writer.start({ id: state.id, model: asText(message.model) ?? context.model })
  writer.keepUnread(message, readMembers)
  state.stop = pick(message, stopNames)
  state.usage = {}
  readUsage(message.usage, state)
  for (const block of asParts(message.content)) {
    openBlock(block, given, state)
    closeBlock(given, state)
  }
}

const stopNames = words('stop_reason stop_sequence stop_details container input_transformations')

/** Members that are read. */
const readMembers = namesIn('id type role model content stop_reason stop_sequence usage delta')

/** Of its usage. */
const readCounts = namesIn(
  'input_tokens output_tokens cache_read_input_tokens cache_creation_input_tokens cache_creation output_tokens_details server_tool_use service_tier iterations',
)

/** Replaces the index of blocks that are in the message itself. */
const given = Symbol('given')

function messageDelta(event: JsonObject, state: State): void {
  const { delta, usage, input_transformations } = event
  state.writer.keepUnread(event, readMembers)
  if (isObject(delta)) {
    state.writer.keepUnread(delta, readMembers)
    state.stop = mergeGiven(state.stop, { ...delta, input_transformations })
  }
  if (isObject(usage)) readUsage(usage, state)
}

function readUsage(snapshot: unknown, { usage, writer }: State): void {
  updateCounts(usage, snapshot)
  writer.reportUsage(fromWireUsage(usage))
}

function messageStop(_: JsonObject, state: State): void {
  for (const index of [...state.open.keys()]) closeBlock(index, state)
  state.isEnded = true
}

/** Called after a network read: a message directly after another belongs to the same answer. */
function finish(state: State): void {
  const { answer, stop, usage, writer, context } = state
  const { stop_reason, stop_sequence, stop_details, container, input_transformations } = stop
  writer.keepUsage(usage, readCounts)
  warnOfTransformations(input_transformations, 'anthropic', context.warn)
  const native = asText(stop_reason)
  if (answer) writer.text(answer.release())
  if (native === 'refusal') writer.refusal(asString(asObject(stop_details).explanation))
  const isAnswered = answer?.isGiven === true && writer.calls.length === 0
  writer.finish({
    finish_reason: writer.reasonOf(native),
    native_finish_reason: native,
    stop_sequence: asText(stop_sequence),
    // fast mode is reported as a tier:
    // https://platform.claude.com/docs/en/build-with-claude/fast-mode
    service_tier: usage.speed === 'fast' ? 'fast' : asText(usage.service_tier),
    // the text replaces the call: no block has to be sent back
    content: isAnswered ? undefined : toNative(state.blocks, container),
  })
}

// -- what the next turn needs -----------------------------------------------------------------------------------------

/** Type of the entry for the code-execution container: the next turn can use its files. */
export const containerType = 'container'

const isPlainText = ({ type, citations }: JsonObject) =>
  type === 'text' && (citations == null || (Array.isArray(citations) && citations.length === 0))

const plainCallKeys = new Set(['type', 'id', 'name', 'input'])

const isPlainCall = (block: JsonObject) =>
  block.type === 'tool_use' && Object.keys(block).every((key) => plainCallKeys.has(key))

/** True for text, then calls: the message alone can rebuild them. */
function isRebuildable(blocks: readonly JsonObject[]): boolean {
  const firstCall = blocks.findIndex(isPlainCall)
  const texts = firstCall < 0 ? blocks : blocks.slice(0, firstCall)
  const calls = firstCall < 0 ? [] : blocks.slice(firstCall)
  return texts.length <= 1 && texts.every(isPlainText) && calls.every(isPlainCall)
}

/** The blocks that an answer keeps for the next turn; undefined if the message holds all. */
function toNative(
  blocks: readonly JsonObject[],
  container: unknown,
): readonly JsonObject[] | undefined {
  if (blocks.length === 0 || isRebuildable(blocks)) return undefined
  return isObject(container) ? [...blocks, { ...container, type: containerType }] : blocks
}

/** True for a client tool call made by code in the provider's container. */
export const isCodeCall = ({ type, caller }: JsonObject) =>
  type === 'tool_use' && isObject(caller) && caller.type !== 'direct'
