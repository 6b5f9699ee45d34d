/** Reads the events of one answer: a table of events over a small state. */
import { defined, isObject, type JsonObject, type Usage, unknownUsage } from '../../chat/index.js'
import { UnexpectedResponseError } from '../../core/index.js'
import type { WireEvent } from '../../transport/index.js'
import type { StreamReader, WireContext } from '../adapter.js'
import { blockDelta, closeBlock, openBlock, pushText } from './blocks.js'
import { toError } from './errors.js'
import { finishReason } from './finish.js'
import { toNative } from './native.js'
import { newState, type State, withTold } from './stream-state.js'
import { fromWireUsage, mergeUsage } from './usage.js'
import type { WireUsage } from './wire.js'

/** `call` hears of usage as the wire tells it. */
export function streamReader(
  context: WireContext,
  call: { readonly onUsage: (usage: Usage) => void },
): StreamReader {
  const state = newState(context, (usage) => call.onUsage(usage))
  return {
    read({ event, data }: WireEvent, push) {
      if (!isObject(data)) return
      state.push = push
      const type = data.type ?? event
      if (state.id !== undefined || earlyEvents.has(type)) on.get(type)?.(data, state)
    },
    isWhole: () => state.isEnded,
    end(push) {
      state.push = push
      if (state.isEnded) finish(state)
      return state.isEnded
    },
  }
}

type Handler = (event: JsonObject, state: State) => void

/** Those that mean something before a message has begun. */
const earlyEvents: ReadonlySet<unknown> = new Set(['message_start', 'error'])

const on: ReadonlyMap<unknown, Handler> = new Map<unknown, Handler>([
  ['message_start', messageStart],
  [
    'content_block_start',
    ({ index, content_block }, state) => openBlock(content_block, index, state),
  ],
  ['content_block_delta', ({ index, delta }, state) => blockDelta(delta, index, state)],
  ['content_block_stop', ({ index }, state) => closeBlock(index, state)],
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
function messageStart({ message }: JsonObject, state: State): void {
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
    state.push({
      type: 'start',
      id: state.id,
      model:
        typeof message.model === 'string' && message.model !== '' ? message.model : context.model,
      provider: 'anthropic',
      created: Math.floor(Date.now() / 1000),
      ...(context.request_id !== undefined && { request_id: context.request_id }),
    })
  const { stop_reason, stop_sequence, stop_details, container } = message
  state.stop = withTold({}, { stop_reason, stop_sequence, stop_details, container })
  tellUsage(mergeUsage({}, message.usage), state)
  for (const block of Array.isArray(message.content) ? message.content : []) {
    openBlock(block, given, state)
    closeBlock(given, state)
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

function messageDelta({ delta, usage }: JsonObject, state: State): void {
  if (isObject(delta)) state.stop = withTold(state.stop, delta)
  tellUsage(mergeUsage(state.usage, usage), state)
}

function tellUsage(wire: WireUsage, state: State): void {
  if (wire === state.usage) return
  state.usage = wire
  const usage = fromWireUsage(wire)
  if (usage) state.onUsage(usage)
}

function messageStop(_: JsonObject, state: State): void {
  for (const index of [...state.open.keys()]) closeBlock(index, state)
  state.isEnded = true
}

/** Once a read is over: a message may stand right behind another, and both are one answer. */
function finish(state: State): void {
  const { answer, stop, usage, context } = state
  if (answer) pushText(answer.release(), state)
  const { explanation } = isObject(stop.stop_details) ? stop.stop_details : {}
  if (stop.stop_reason === 'refusal' && typeof explanation === 'string')
    state.push({ type: 'refusal-delta', text: explanation })
  const isAnswered = answer?.isGiven === true && state.calls === 0
  // the text stands for the call: there is nothing to be sent back as it was
  const native = isAnswered
    ? undefined
    : toNative(state.blocks as JsonObject[], { model: context.model, container: stop.container })
  state.push({
    type: 'finish',
    finish_reason:
      isAnswered && stop.stop_reason === 'tool_use' ? 'stop' : finishReason(stop.stop_reason),
    ...(typeof stop.stop_reason === 'string' && { native_finish_reason: stop.stop_reason }),
    ...(typeof stop.stop_sequence === 'string' && { stop_sequence: stop.stop_sequence }),
    ...defined({ service_tier: tierOf(usage) }),
    usage: fromWireUsage(usage) ?? unknownUsage,
    ...(native && { native }),
  })
}

/** A fast answer is a tier of its own, whatever tier stands beside it: https://platform.claude.com/docs/en/build-with-claude/fast-mode */
const tierOf = ({ speed, service_tier }: WireUsage) =>
  speed === 'fast' ? 'fast' : typeof service_tier === 'string' ? service_tier : undefined
