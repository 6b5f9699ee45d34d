/** Maps the calls of a history and their results. */
import {
  defined,
  type JsonObject,
  type PairedCall,
  type ToolMessage,
  toArguments,
  wrapInput,
} from '../../chat/index.js'
import { omit, pick } from '../notes.js'
import { marked, toContent } from './parts.js'
import type { WriteContext } from './profile.js'
import type { WireBlock } from './wire.js'

/** A call as sent. */
export interface HistoryCall {
  readonly wireId: string
  readonly name: string
  readonly input: JsonObject
  readonly result: ToolMessage
  readonly members: JsonObject
}

/** The text of a custom call becomes the one property of our mapping. */
export function toHistoryCall({ given, call, result }: PairedCall): HistoryCall {
  const content =
    call.type === 'custom'
      ? { name: call.custom.name, input: wrapInput(call.custom.input) }
      : { name: call.function.name, input: toInput(call.function.arguments) }
  return { wireId: call.id, ...content, result, members: pick(given, callMembers) }
}

/** Members of an API call beside name and input. */
export const callMembers = ['caller', 'toolset_name']

/** The input object for a call's arguments; text that is no JSON object is repaired or wrapped. */
export const toInput = (given: unknown): JsonObject => toArguments(given).input

const isInside = ({ type }: WireBlock) => type !== 'container_upload'

/** A result, and blocks that must be beside it. */
export function toResult(
  { wireId, result }: HistoryCall,
  context: WriteContext,
): { readonly block: WireBlock; readonly beside: readonly WireBlock[] } {
  const content = toContent(result.content ?? '', undefined, context)
  // a mark inside a result is set on the result
  const inside = content.filter(isInside).map((block) => omit(block, ['cache_control']))
  const mark = content.findLast((one) => one.cache_control)?.cache_control
  return {
    block: {
      type: 'tool_result',
      tool_use_id: wireId,
      // text alone is sent as a string, as in the API's examples
      ...(inside.length > 0 && { content: onlyText(inside) ?? inside }),
      ...(result.is_error && { is_error: true }),
      ...defined({ cache_control: marked(result.cache_control)?.cache_control ?? mark }),
    },
    beside: content.filter((one) => !isInside(one)),
  }
}

function onlyText([first, second]: readonly WireBlock[]): unknown {
  return first?.type === 'text' && second === undefined ? first.text : undefined
}
