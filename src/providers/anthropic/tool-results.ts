/** Results of tool calls → `tool_result` blocks. */
import { defined } from '../../chat/index.js'
import type { Notes } from '../notes.js'
import { marked, toContent } from './parts.js'
import type { HistoryCall } from './tool-history.js'
import type { WireBlock } from './wire.js'

const isInside = ({ type }: WireBlock) => type !== 'container_upload'

/** A result and what may stand only beside it. */
export function toResult(
  { wireId, result }: HistoryCall,
  notes: Notes,
): { readonly block: WireBlock; readonly beside: readonly WireBlock[] } {
  const content = toContent(result.content ?? '', undefined, notes)
  const inside = content.filter(isInside).map(withoutMark)
  return {
    block: {
      type: 'tool_result',
      tool_use_id: wireId,
      // text alone goes as text, as the API's own examples have it
      ...(inside.length > 0 && { content: onlyText(inside) ?? inside }),
      ...(result.is_error && { is_error: true }),
      ...defined({ cache_control: marked(result.cache_control)?.cache_control ?? markOf(content) }),
    },
    beside: content.filter((one) => !isInside(one)),
  }
}

/** A mark inside of a result counts as one on the result. */
const withoutMark = ({ cache_control: _, ...block }: WireBlock): WireBlock => block

const markOf = (content: readonly WireBlock[]) =>
  content.findLast((one) => one.cache_control)?.cache_control

function onlyText([first, second]: readonly WireBlock[]): unknown {
  return first?.type === 'text' && second === undefined ? first.text : undefined
}
