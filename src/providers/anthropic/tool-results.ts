/** Results of tool calls → `tool_result` blocks. */

import type { Notes } from '../notes.js'
import { marked, toContent, type WireContent } from './parts.js'
import type { HistoryCall } from './tool-history.js'
import type { WireContainerUpload, WireToolResult } from './wire.js'

type Inside = Exclude<WireContent, WireContainerUpload>

const isInside = (block: WireContent): block is Inside => block.type !== 'container_upload'

/** A result and what may stand only beside it. */
export function toResult(
  { wireId, result }: HistoryCall,
  notes: Notes,
): { readonly block: WireToolResult; readonly beside: readonly WireContent[] } {
  const block = { type: 'tool_result', tool_use_id: wireId } as const
  const content = toContent(result.content ?? '', undefined, notes)
  const inside = content.filter(isInside).map(withoutMark)
  return {
    block: {
      ...block,
      // text alone goes as text, as the API's own examples have it
      ...(inside.length > 0 && { content: onlyText(inside) ?? inside }),
      ...(result.is_error && { is_error: true as const }),
      ...marked(
        result.cache_control ?? content.findLast((one) => one.cache_control)?.cache_control,
      ),
    },
    beside: content.filter((one) => !isInside(one)),
  }
}

/** A mark inside of a result counts as one on the result. */
const withoutMark = ({ cache_control: _, ...block }: Inside): Inside => block

function onlyText(content: readonly WireContent[]): string | undefined {
  const [first, second] = content
  return first?.type === 'text' && second === undefined ? first.text : undefined
}
