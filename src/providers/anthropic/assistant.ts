/** Maps an assistant message to content blocks: native ones if still valid, else rebuilt. */
import {
  type AssistantInput,
  type AssistantPart,
  type PairedCall,
  type PairedMessage,
  readToolCall,
  toCallInput,
} from '../../chat/index.js'
import { asObjects, asText, defined, type JsonObject, omit, pick } from '../../chat/json.js'
import { reportLosses } from '../turns.js'
import { nativeBlocks, noteLoose } from './native.js'
import { marked, toContent, toText, toTextBlocks, withMark } from './parts.js'
import type { WriteContext } from './profile.js'
import type { WireBlock, WireBlocks, WireToolUse } from './wire.js'

/** The blocks; images made by the assistant are apart: the API accepts them from the user only. */
export function toAssistant(message: PairedMessage, context: WriteContext) {
  const { content, images = [], cache_control } = message.message
  const blocks = nativeBlocks(message, context) ?? rebuilt(message, context)
  const media = asObjects(content).filter(({ type }) => type === 'image_url' || type === 'file')
  return {
    blocks: withMark(blocks, cache_control),
    images: toContent([...media, ...images], undefined, context),
  }
}

function rebuilt({ message, calls }: PairedMessage, context: WriteContext): WireBlocks {
  const signed = signedThinking(message)
  const isLoose = message.is_moved === true && context.profile.bindsThoughts && signed.length > 0
  if (isLoose) noteLoose(context)
  reportLosses(message, signed.length > 0 ? lostKinds : ['reasoning', ...lostKinds], context)
  return [...(isLoose ? [] : signed), ...toTexts(message), ...calls.map(toToolUse)]
}

const lostKinds = ['hosted tools', 'files', 'audio'] as const

function toTexts({ content, refusal, audio }: AssistantInput): WireBlocks {
  const parts = typeof content === 'string' ? toText(content) : (content ?? []).flatMap(toPart)
  return parts.length > 0 ? parts : toText(refusal ?? audio?.transcript ?? '')
}

const toPart = (part: AssistantPart): WireBlocks => {
  if (part.type === 'text') return toTextBlocks({ ...part })
  return part.type === 'refusal' ? toText(part.refusal) : []
}

/** Thinking as litellm stores it, beside the text or in its parts; the API requires a signature. */
function signedThinking(message: AssistantInput): WireBlocks {
  if (message.native && message.native.provider !== 'anthropic') return []
  const beside = message.thinking_blocks ?? []
  return [...beside, ...asObjects(message.content)].filter(isSigned).map(toThinking)
}

const isSigned = ({ type, thinking, signature, data }: JsonObject): boolean =>
  type === 'thinking'
    ? typeof thinking === 'string' && asText(signature) !== undefined
    : type === 'redacted_thinking' && typeof data === 'string'

const toThinking = ({ type, thinking, signature, data }: JsonObject): WireBlock =>
  type === 'thinking' ? { type, thinking, signature } : { type, data }

// -- calls and results ------------------------------------------------------------------------------------------------

/** Members of an API call beside name and input. */
export const callMembers = ['caller', 'toolset_name']

const toToolUse = ({ given, call }: PairedCall): WireToolUse => ({
  type: 'tool_use',
  id: call.id,
  name: readToolCall(call).name,
  input: toCallInput(call),
  ...pick(given, callMembers),
})

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
