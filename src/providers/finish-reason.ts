/** Maps the finish reasons of all wires. */
import { type FinishReason, words } from '../chat/index.js'

/**
 * Maps the finish reason of a wire, in any case; undefined for an unknown one. Anthropic's
 * `pause_turn` is a stop: resending the same messages with this answer appended makes the model
 * continue.
 */
export const finishReasonOf = (native: unknown): FinishReason | undefined =>
  reasons.get(String(native).toLowerCase())

const table = [
  ['stop', words('stop end_turn stop_sequence pause_turn eos eos_token complete')],
  ['tool_calls', words('tool_calls tool_call function_call tool_use')],
  [
    'length',
    words(
      'length max_tokens max_output_tokens model_length model_context_window_exceeded compaction continuation',
    ),
  ],
  [
    'content_filter',
    words(
      'content_filter refusal sensitive safety recitation model_armor language blocklist prohibited_content spii image_safety image_prohibited_content image_recitation',
    ),
  ],
] as const

const reasons: ReadonlyMap<string, FinishReason> = new Map(
  table.flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
)
