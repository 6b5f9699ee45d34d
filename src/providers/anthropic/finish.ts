/** The end of an answer: its reason, and the blocks that are worth keeping. */
import { type FinishReason, isObject, type JsonObject } from '../../chat/index.js'
import type { WireContext } from '../adapter.js'

/**
 * https://docs.claude.com/en/api/handling-stop-reasons. A `pause_turn` is a stop: the same messages, with this answer
 * behind them, make the model go on. What is not known is a stop, with its native name beside it.
 */
export const finishReason = (stop: unknown): FinishReason => finishReasons.get(stop) ?? 'stop'

const finishReasons: ReadonlyMap<unknown, FinishReason> = new Map<unknown, FinishReason>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['tool_use', 'tool_calls'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['compaction', 'length'],
  ['refusal', 'content_filter'],
])

/** A reason that nobody knows yet, which a `stop` alone would hide. */
export function warnOfReason(stop: unknown, { model, warn }: WireContext): void {
  if (typeof stop !== 'string' || finishReasons.has(stop)) return
  const message = `anthropic/${model} ended with ${stop.slice(0, 100)}`
  warn({ code: 'other', provider: 'anthropic', message })
}

/** Marks the container of code execution among the blocks: its files are there for the next turn too. */
export const containerType = 'container'

const isPlainText = ({ type, citations }: JsonObject) =>
  type === 'text' && (citations == null || (Array.isArray(citations) && citations.length === 0))

const plainCallKeys = new Set(['type', 'id', 'name', 'input'])

const isPlainCall = (block: JsonObject) =>
  block.type === 'tool_use' && Object.keys(block).every((key) => plainCallKeys.has(key))

/** Text, then calls: what can be rebuilt from the message needs no second copy. */
function isRebuildable(blocks: readonly JsonObject[]): boolean {
  const firstCall = blocks.findIndex(isPlainCall)
  const texts = firstCall < 0 ? blocks : blocks.slice(0, firstCall)
  const calls = firstCall < 0 ? [] : blocks.slice(firstCall)
  return texts.length <= 1 && texts.every(isPlainText) && calls.every(isPlainCall)
}

/** What an answer carries for the next turn; undefined where the message says it all. */
export function toNative(
  blocks: readonly JsonObject[],
  container: unknown,
): readonly JsonObject[] | undefined {
  if (blocks.length === 0 || isRebuildable(blocks)) return undefined
  return isObject(container) ? [...blocks, { ...container, type: containerType }] : blocks
}

/** A call of a client tool that code in the provider's container made. */
export const isCodeCall = ({ type, caller }: JsonObject) =>
  type === 'tool_use' && isObject(caller) && caller.type !== 'direct'
