/** Maps the calls of a history and their results. */
import {
  defined,
  type PairedCall,
  readToolCall,
  toArguments,
  toCallInput,
} from '../../chat/index.js'
import { omit, pick } from '../notes.js'
import { marked, toContent } from './parts.js'
import type { WriteContext } from './profile.js'
import type { WireBlock, WireToolUse } from './wire.js'

/** Members of an API call beside name and input. */
export const callMembers = ['caller', 'toolset_name']

export const toToolUse = ({ given, call }: PairedCall): WireToolUse => ({
  type: 'tool_use',
  id: call.id,
  name: readToolCall(call).name,
  input: toCallInput(call),
  ...pick(given, callMembers),
})

/** The input object for a call's arguments; text that is no JSON object is repaired or wrapped. */
export const toInput = (given: unknown) => toArguments(given).input

const isInside = ({ type }: WireBlock) => type !== 'container_upload'

/** A result, and blocks that must be beside it. */
export function toResult({ call, result }: PairedCall, context: WriteContext) {
  const content = toContent(result.content ?? '', undefined, context)
  // a mark inside a result is set on the result
  const inside = content.filter(isInside).map((block) => omit(block, ['cache_control']))
  const mark = content.findLast((one) => one.cache_control)?.cache_control
  const [first, second] = inside
  const block: WireBlock = {
    type: 'tool_result',
    tool_use_id: call.id,
    // text alone is sent as a string, as in the API's examples
    ...(first && { content: first.type === 'text' && !second ? first.text : inside }),
    ...(result.is_error && { is_error: true }),
    ...defined({ cache_control: marked(result.cache_control)?.cache_control ?? mark }),
  }
  return { block, beside: content.filter((one) => !isInside(one)) }
}
