/** Results of tool calls → `tool_result` blocks. */
import type { ToolMessage } from '../../chat/index.js'
import { marked, toContent, toText, type WireContent } from './content.js'
import type { Note } from './notes.js'
import type { HistoryCall } from './tool-history.js'
import type { WireContainerUpload, WireToolResult } from './wire.js'

type Inside = Exclude<WireContent, WireContainerUpload>

const isInside = (block: WireContent): block is Inside => block.type !== 'container_upload'

/** A result and what may stand only beside it. A call without a result would be refused, with all that follows. */
export function toResult(
  { wireId, result }: HistoryCall,
  note: Note,
): { readonly block: WireToolResult; readonly beside: readonly WireContent[] } {
  const block = { type: 'tool_result', tool_use_id: wireId } as const
  if (!result) {
    note('repaired', 'A tool call had no result: the model was told so')
    return { block: { ...block, content: missingResult, is_error: true }, beside: [] }
  }
  const content = resultContent(result)
  const inside = content.filter(isInside).map(withoutMark)
  return {
    block: {
      ...block,
      // text alone goes as text, as the API's own examples have it
      ...(inside.length > 0 && { content: onlyText(inside) ?? inside }),
      ...(isFailed(result) && { is_error: true as const }),
      ...marked(
        result.cache_control ?? content.findLast((one) => one.cache_control)?.cache_control,
      ),
    },
    beside: content.filter((one) => !isInside(one)),
  }
}

/** A mark inside of a result counts as one on the result. */
const withoutMark = ({ cache_control: _, ...block }: Inside): Inside => block

const missingResult = 'No result was recorded for this call.'

const isFailed = ({ is_error, approval }: ToolMessage) => is_error || approval?.approved === false

function resultContent({ content, approval }: ToolMessage): readonly WireContent[] {
  if (content === undefined && approval?.approved === false)
    return toText(approval.reason ?? 'The user refused this call.')
  // a result that was stored as JSON is said as JSON
  const said =
    typeof content === 'string' || Array.isArray(content) ? content : JSON.stringify(content ?? '')
  return content === undefined ? toText(missingResult) : toContent(said)
}

function onlyText(content: readonly WireContent[]): string | undefined {
  const [first, second] = content
  return first?.type === 'text' && second === undefined ? first.text : undefined
}
