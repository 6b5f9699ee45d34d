/** `stop_reason` → finish reason. */
import type { FinishReason } from '../../chat/index.js'

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
