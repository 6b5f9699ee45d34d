/** Reads the events of one answer: a table of events over a small state. */
import {
  asParts,
  asText,
  defined,
  isObject,
  type JsonObject,
  mergeCounts,
  unknownUsage,
} from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireEvent } from '../../transport/index.js'
import type { StreamReader, WireContext } from '../adapter.js'
import { warnOfTransformations } from '../notes.js'
import { blockDelta, closeBlock, openBlock, stopBlock } from './blocks.js'
import { toError } from './errors.js'
import { finishReason, toNative, warnOfReason } from './finish.js'
import { newState, type State, withTold } from './stream-state.js'
import { fromWireUsage } from './usage.js'

/** Reports usage to the call as the wire does. */
export function streamReader(context: WireContext, call?: Pick<Call, 'onUsage'>): StreamReader {
  const state = newState(context, (usage) => call?.onUsage(usage))
  return {
    read({ event, data }: WireEvent, push) {
      if (!isObject(data)) return
      state.writer.push = push
      const type = data.type ?? event
      if (expectedEvents(state)?.has(type) ?? true) on.get(type)?.(data, state)
    },
    isWhole: () => state.isEnded,
    end(push) {
      state.writer.push = push
      if (state.isEnded) finish(state)
      return state.isEnded
    },
  }
}

type Handler = (event: JsonObject, state: State) => void

/** Those that mean something before a message has begun, and behind its end; undefined: all do. */
function expectedEvents({ id, isEnded }: State): ReadonlySet<unknown> | undefined {
  if (isEnded) return beginnings
  return id === undefined ? earlyEvents : undefined
}

const beginnings: ReadonlySet<unknown> = new Set(['message_start', 'message'])
const earlyEvents: ReadonlySet<unknown> = new Set([...beginnings, 'error'])

const on: ReadonlyMap<unknown, Handler> = new Map<unknown, Handler>([
  ['message_start', messageStart],
  // a whole body, as an event of its own
  [
    'message',
    (event, state) => {
      messageStart(event, state)
      messageStop(event, state)
    },
  ],
  [
    'content_block_start',
    ({ index, content_block }, state) => void openBlock(content_block, Number(index), state),
  ],
  ['content_block_delta', ({ index, delta }, state) => blockDelta(delta, Number(index), state)],
  ['content_block_stop', ({ index }, state) => stopBlock(Number(index), state)],
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
  const id = asText(message.id)
  if (state.id !== undefined && !state.isEnded) {
    if (id === undefined || id === state.id) return
    throw state.writer.unexpected('spliced', 'began another message in the middle of one')
  }
  state.id = id ?? state.id ?? `msg_${crypto.randomUUID()}`
  state.isEnded = false
  state.writer.start({ id: state.id, model: asText(message.model) ?? state.context.model })
  state.writer.keepUnread(message, readMembers)
  const { stop_reason, stop_sequence, stop_details, container, input_transformations } = message
  state.stop = withTold(
    {},
    { stop_reason, stop_sequence, stop_details, container, input_transformations },
  )
  tellUsage(mergeCounts({}, message.usage), state)
  for (const block of asParts(message.content)) {
    openBlock(block, given, state)
    closeBlock(given, state)
  }
}

/** What is read here. */
const readMembers: ReadonlySet<string> = new Set(
  'id type role model content stop_reason stop_sequence usage delta'.split(' '),
)

/** Of its usage. */
const readCounts: ReadonlySet<string> = new Set(
  'input_tokens output_tokens cache_read_input_tokens cache_creation_input_tokens cache_creation output_tokens_details server_tool_use service_tier iterations'.split(
    ' ',
  ),
)

/** Stands for the index of a block that comes whole with its message. */
const given = Symbol('given')

function messageDelta(event: JsonObject, state: State): void {
  const { delta, usage } = event
  state.writer.keepUnread(event, readMembers)
  if (isObject(delta)) state.writer.keepUnread(delta, readMembers)
  const { input_transformations } = event
  if (isObject(delta)) state.stop = withTold(state.stop, { ...delta, input_transformations })
  tellUsage(isObject(usage) ? mergeCounts({ ...state.usage }, usage) : state.usage, state)
}

function tellUsage(wire: JsonObject, state: State): void {
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
  const { answer, stop, usage, writer, context } = state
  writer.keepUsage(usage, readCounts)
  warnOfTransformations(stop.input_transformations, 'anthropic', context.warn)
  warnOfReason(stop.stop_reason, context)
  if (answer) writer.text(answer.release())
  const { explanation } = isObject(stop.stop_details) ? stop.stop_details : {}
  if (stop.stop_reason === 'refusal' && typeof explanation === 'string') writer.refusal(explanation)
  const isAnswered = answer?.isGiven === true && writer.calls.length === 0
  // the text stands for the call: there is nothing to be sent back as it was
  const content = isAnswered ? undefined : toNative(state.blocks, stop.container)
  writer.finish({
    finish_reason: writer.fittingReason(finishReason(stop.stop_reason)),
    ...(typeof stop.stop_reason === 'string' && { native_finish_reason: stop.stop_reason }),
    ...(typeof stop.stop_sequence === 'string' && { stop_sequence: stop.stop_sequence }),
    ...defined({ service_tier: tierOf(usage) }),
    usage: fromWireUsage(usage) ?? unknownUsage,
    content,
  })
}

/** A fast answer is a tier of its own, whatever tier stands beside it: https://platform.claude.com/docs/en/build-with-claude/fast-mode */
const tierOf = ({ speed, service_tier }: JsonObject) =>
  speed === 'fast' ? 'fast' : typeof service_tier === 'string' ? service_tier : undefined
