/**
 * Masks the parts of a request written by people or tools; not ids, types, tool names, media URLs,
 * native blocks.
 */
import type {
  AssistantInput,
  ChatRequest,
  ContentPart,
  Message,
  Native,
  ToolCall,
  ToolDefinition,
  UserPart,
} from '../../src/chat/index.js'
import { asObject, isObject, originOf } from '../../src/chat/index.js'
import { editContent, editValue, type TextMap, wordsOnly } from './mask.js'
import { type Original, originalBy } from './original.js'

/** Members without personal data, or that a provider must get unchanged. */
const untouched: ReadonlySet<string> = new Set([
  'model',
  'tool_choice',
  'previous_response_id',
  'extra_headers',
  'additional_drop_params',
  'allowed_openai_params',
  'modalities',
  'logit_bias',
])

export interface RequestMap extends TextMap {
  /** The parts of a turn that are sent as the model wrote them, with their native blocks. */
  readonly originalOf: (message: AssistantInput) => Original | undefined
  /** Whether native blocks may be sent. */
  readonly mayKeep: (native: Native) => boolean
}

export function editRequest(request: ChatRequest, map: RequestMap): ChatRequest {
  const edited = Object.entries(request).map(([name, value]) => [
    name,
    editMember(name, value, map),
  ])
  // each member keeps its type: strings stay strings
  return Object.fromEntries(edited) as ChatRequest
}

function editMember(name: string, value: unknown, map: RequestMap): unknown {
  if (untouched.has(name) || typeof value === 'number') return value
  // by its name it is that member of ChatRequest
  if (name === 'messages')
    return (value as ChatRequest['messages']).map((message) => editMessage(message, map))
  if (name === 'tools' && Array.isArray(value)) return value.map((tool) => editTool(tool, map))
  return editValue(value, wordsOnly(map))
}

/** A hosted tool is in the provider's own form and may need the keys it contains. */
function editTool(tool: ToolDefinition, map: TextMap): ToolDefinition {
  const settings = wordsOnly(map)
  for (const kind of ['function', 'custom'] as const) {
    const own = asObject(tool)[kind]
    if (!isObject(own)) continue
    const { name, ...rest } = own
    return { ...tool, [kind]: { name, ...asObject(editValue(rest, settings)) } }
  }
  return tool
}

function editMessage(message: Message, map: RequestMap): Message {
  if (message.role === 'assistant') return editAssistant(message, map)
  const { content } = message
  if (content === undefined) return { ...message, ...approvalOf(message, map) }
  const edit = (text: string) => (message.role === 'tool' ? editContent(text, map) : map.text(text))
  const edited = typeof content === 'string' ? edit(content) : editParts(content, edit, map)
  // a part keeps its type
  const own = { ...nameOf(message, map), ...approvalOf(message, map) }
  return { ...message, ...own, content: edited } as Message
}

/** The reason, since a provider that waits for the approval itself reads it. */
const approvalOf = (message: Message, map: TextMap) =>
  message.role === 'tool' && message.approval?.reason !== undefined
    ? { approval: { ...message.approval, reason: map.text(message.approval.reason) } }
    : {}

const nameOf = (message: Message, map: TextMap) =>
  message.role === 'user' && message.name !== undefined ? { name: map.text(message.name) } : {}

/** The content of a tool result. */
export const editResult = (content: string | readonly UserPart[], map: TextMap) =>
  typeof content === 'string'
    ? editContent(content, map)
    : // a part keeps its type
      (editParts(content, (text) => editContent(text, map), map) as readonly UserPart[])

function editParts(
  parts: readonly ContentPart[],
  edit: (text: string) => string,
  map: TextMap,
): readonly ContentPart[] {
  return parts.map((part) => {
    if (part.type === 'text') return { ...part, text: edit(part.text) }
    if (part.type === 'refusal') return { ...part, refusal: edit(part.refusal) }
    if (part.type === 'thinking') return unsigned(part, edit(part.thinking))
    if (part.type !== 'file' || typeof part.file?.filename !== 'string') return part
    return { ...part, file: { ...part.file, filename: map.text(part.file.filename) } }
  })
}

/** Drops the signature of edited text: it is valid for the original only. */
function unsigned<
  Part extends { readonly thinking: string; readonly signature?: string | undefined },
>(part: Part, thinking: string) {
  if (thinking === part.thinking) return part
  const { signature: _, ...rest } = part
  return { ...rest, thinking }
}

function editAssistant(message: AssistantInput, map: RequestMap): AssistantInput {
  const original = map.originalOf(message)
  const { native, thinking_blocks, ...rest } = message
  const other = {
    ...editMembers(rest, map),
    ...(thinking_blocks && { thinking_blocks: editBlocks(thinking_blocks, map) }),
  }
  if (original) return { ...other, ...original.of(message), native: withoutOriginal(native) }
  if (!native) return other
  const isSame = originalBy(message) === originalBy(other) && map.mayKeep(native)
  return { ...other, native: isSame ? withoutOriginal(native) : originOf(native) }
}

const withoutOriginal = (native: Native | undefined): Native | undefined => {
  if (!native) return undefined
  const { said: _, ...rest } = native
  return rest
}

type Member = (value: never, map: TextMap) => unknown

const nullable = (value: string | null, map: TextMap) => value && map.text(value)

const members: Readonly<Record<string, Member>> = {
  content: (content: string | null | readonly ContentPart[], map) =>
    typeof content === 'string' || content === null
      ? nullable(content, map)
      : editParts(content, (text) => map.text(text), map),
  refusal: nullable,
  commentary: nullable,
  reasoning_content: nullable,
  tool_calls: (calls: readonly ToolCall[] | null, map) => calls?.map((call) => editCall(call, map)),
  function_call: (call: { readonly arguments: string } | null, map) =>
    call && { ...call, arguments: map.json(call.arguments) },
  annotations: editValue,
  hosted_tools: (tools: readonly object[], map) => tools.map((tool) => editHosted(tool, map)),
  audio: (audio: { readonly transcript?: string } | null, map) =>
    audio?.transcript ? { ...audio, transcript: map.text(audio.transcript) } : audio,
  name: (name: string, map) => map.text(name),
}

function editMembers(message: AssistantInput, map: TextMap): AssistantInput {
  const edited = Object.entries(message).map(([name, value]) => {
    const edit = value === undefined || value === null ? undefined : members[name]
    // the names in the table are members of AssistantInput
    return [name, edit ? edit(value as never, map) : value]
  })
  return Object.fromEntries(edited) as AssistantInput
}

function editCall(call: ToolCall, map: TextMap): ToolCall {
  if (call.type === 'custom')
    return { ...call, custom: { ...call.custom, input: map.text(call.custom.input) } }
  return {
    ...call,
    function: { ...call.function, arguments: map.json(call.function.arguments) },
  }
}

export const editHosted = <Tool extends object>(tool: Tool, map: TextMap): Tool =>
  isObject(tool)
    ? {
        ...tool,
        ...('input' in tool && { input: editValue(tool.input, map) }),
        ...('output' in tool && { output: editValue(tool.output, map) }),
      }
    : tool

/** Signed thinking as litellm stores it. */
const editBlocks = (blocks: readonly Readonly<Record<string, unknown>>[], map: TextMap) =>
  blocks.map((block) =>
    typeof block?.thinking === 'string'
      ? unsigned({ ...block, thinking: block.thinking }, map.text(block.thinking))
      : block,
  )
