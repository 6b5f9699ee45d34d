/** Converts the AI SDK's prompt to messages; notes on our responses return in `providerOptions`. */
import {
  type AssistantInput,
  asText,
  type CacheControl,
  defined,
  extensionOf,
  isObject,
  isSameJson,
  type Message,
  parseJson,
  type ToolCall,
  type ToolMessage,
  toToolContent,
  type UserPart,
} from '../chat/index.js'
import { noteOf, splitApproval } from './note.js'
import type { PromptMessage, PromptPart, WithOptions } from './types.js'

/** Anthropic's cache mark, as set for the AI SDK's provider on messages, parts and tools. */
export function cacheControlOf({ providerOptions }: WithOptions): {
  readonly cache_control?: CacheControl
} {
  const { cacheControl, cache_control = cacheControl } = providerOptions?.anthropic ?? {}
  // its members are checked with the request
  return isObject(cache_control) ? { cache_control: cache_control as never } : {}
}

/** `provider` is that of the model name, if any: it selects the id of a file stored at several. */
export const toMessages = (
  prompt: readonly PromptMessage[],
  provider: string,
): readonly Message[] =>
  prompt.flatMap(({ content, ...message }) => {
    const own = typeof content === 'string' ? content : withOwnFiles(content, provider)
    return toOwn({ ...message, content: own })
  })

function toOwn(message: PromptMessage): readonly Message[] {
  const { role, content } = message
  const mark = cacheControlOf(message)
  if (role === 'system') return [{ role, content: String(content), ...mark }]
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  if (role === 'user') return [{ role, content: parts.map(toUserPart), ...mark }]
  if (role === 'tool') return parts.map((part) => ({ ...toToolMessage(part), ...mark }))
  return toTurns(parts).map((turn) => (turn.role === 'tool' ? turn : { ...turn, ...mark }))
}

// -- results of tools --------------------------------------------------------------------------------------------------

function toToolMessage(part: PromptPart): ToolMessage {
  const { type, toolCallId: tool_call_id = '', toolName: name, approvalId = '', reason } = part
  const mark = cacheControlOf(part)
  if (type !== 'tool-approval-response')
    return { role: 'tool', tool_call_id, ...defined({ name }), ...toResult(part), ...mark }
  const [id, tool_call_id_of] = splitApproval(approvalId)
  const approval = { id, approved: part.approved === true, ...defined({ reason }) }
  return { role: 'tool', tool_call_id: tool_call_id_of, approval }
}

function toResult({ output }: PromptPart): Pick<ToolMessage, 'content' | 'is_error'> {
  const { type = 'text', value, reason } = output ?? {}
  if (type === 'execution-denied')
    return { content: reason ?? 'The user did not allow this call.', is_error: true }
  const content =
    type === 'content' && Array.isArray(value) ? value.map(toUserPart) : toToolContent(value)
  return { content, ...(type.startsWith('error') && { is_error: true as const }) }
}

// -- files -------------------------------------------------------------------------------------------------------------

/** A part of a user message or of a tool result. */
function toUserPart(part: PromptPart): UserPart {
  const mark = cacheControlOf(part)
  if (part.type === 'text') return { type: 'text', text: part.text ?? '', ...mark }
  // a tool's output in one provider's format
  if (part.type === 'custom')
    return { type: 'text', text: JSON.stringify(part.providerOptions ?? {}), ...mark }
  const { mediaType: format = part.type.startsWith('image') ? 'image/*' : undefined } = part
  const { filename } = part
  const { url, data, id, provider } = toFile(part)
  const address = url ?? `data:${format ?? ''};base64,${data ?? ''}`
  const top = format?.split('/')[0]
  if (top === 'image' && id === undefined) {
    const detail = asText(part.providerOptions?.openai?.imageDetail)
    return { type: 'image_url', image_url: { url: address, ...defined({ detail }) }, ...mark }
  }
  if (top === 'audio' && data !== undefined && format)
    return { type: 'input_audio', input_audio: { data, format: extensionOf(format) }, ...mark }
  const place = id ? { file_id: id } : url ? { file_url: url } : { file_data: address }
  const file = {
    ...place,
    ...defined({ filename, format: format?.includes('/') ? format : undefined }),
  }
  return { type: 'file', file, ...defined({ provider }), ...mark }
}

interface FileSource {
  readonly url?: string | undefined
  readonly data?: string | undefined
  readonly id?: string | undefined
  readonly provider?: string | undefined
}

/** `data` is base64, bytes or a URL; from v4 on, an object with a type. */
function toFile({ data, url, fileId }: PromptPart): FileSource {
  if (url !== undefined) return { url }
  if (fileId !== undefined) return toReference(fileId)
  if (data instanceof URL) return { url: data.href }
  if (data instanceof Uint8Array) return { data: toBase64(data) }
  if (!isObject(data))
    return /^(?:https?|data):/i.test(String(data).slice(0, 8))
      ? { url: String(data) }
      : { data: String(data ?? '') }
  if (data.type === 'reference') return toReference(data.reference)
  if (data.type === 'text') return { data: toBase64(new TextEncoder().encode(String(data.text))) }
  return toFile({ type: 'file', data: data.type === 'url' ? new URL(String(data.url)) : data.data })
}

/** A file stored at one provider: `{ anthropic: 'file_…' }`, or the id alone. */
function toReference(reference: unknown): FileSource {
  if (!isObject(reference)) return { id: String(reference) }
  const [name = '', id] = Object.entries(reference)[0] ?? []
  return { id: String(id), provider: providerNamed(name) }
}

const providerNamed = (name: string) => (name === 'google' ? 'gemini' : name)

/** Reduces file references to this provider's id, if they have one. */
function withOwnFiles(parts: readonly PromptPart[], provider: string): readonly PromptPart[] {
  const ownOf = (reference: unknown) => {
    const own = Object.entries(isObject(reference) ? reference : {}).find(
      ([name]) => providerNamed(name) === provider,
    )
    return own ? Object.fromEntries([own]) : reference
  }
  return parts.map((part) => {
    const { data, fileId, output } = part
    if (isObject(fileId)) return { ...part, fileId: ownOf(fileId) }
    if (isObject(data) && data.type === 'reference')
      return { ...part, data: { ...data, reference: ownOf(data.reference) } }
    if (output?.type !== 'content' || !Array.isArray(output.value)) return part
    return { ...part, output: { ...output, value: withOwnFiles(output.value, provider) } }
  })
}

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // few enough to pass as arguments
  for (let at = 0; at < bytes.length; at += 8_192)
    binary += String.fromCharCode(...bytes.subarray(at, at + 8_192))
  return btoa(binary)
}

// -- assistant turns ---------------------------------------------------------------------------------------------------

type Draft = { -readonly [Key in keyof AssistantInput]: AssistantInput[Key] }

/** One AI SDK message may hold several of our turns: a result of `tools()` ends one. */
function toTurns(parts: readonly PromptPart[]): readonly (AssistantInput | ToolMessage)[] {
  const turns: (Draft | ToolMessage)[] = []
  const open = (): Draft => {
    const last = turns.at(-1)
    if (last?.role === 'assistant') return last
    const turn: Draft = { role: 'assistant', content: null }
    turns.push(turn)
    return turn
  }
  for (const part of parts) {
    const { native, ran, again } = noteOf(part)
    if (again) continue
    if (part.type === 'tool-result' && ran) turns.push(toToolMessage(part))
    else Object.assign(open(), added(open(), part), native && { native })
  }
  return turns
}

/** The changes that a part makes to its turn. */
function added(turn: Draft, part: PromptPart): Partial<Draft> {
  const { type, text = '', toolCallId: id = '', toolName: name = '' } = part
  const { refusal, ran } = noteOf(part)
  if (type === 'text' && refusal) return { refusal: `${turn.refusal ?? ''}${text}` }
  if (type === 'text') return { content: `${turn.content ?? ''}${text}` }
  if (type === 'reasoning') return addReasoning(turn, part)
  if (type === 'file') return addFile(turn, part)
  if (type === 'tool-result') {
    const output = part.output?.value
    const status = part.output?.type.startsWith('error') ? 'failed' : 'done'
    const hosted_tools = turn.hosted_tools?.map((tool) =>
      tool.id === id ? ({ ...tool, status, output } as const) : tool,
    )
    return defined({ hosted_tools })
  }
  if (type !== 'tool-call') return {}
  if (part.providerExecuted && !ran) {
    const tool = { id, name, status: 'running', input: part.input } as const
    return { hosted_tools: [...(turn.hosted_tools ?? []), tool] }
  }
  return { tool_calls: [...(turn.tool_calls ?? []), toCall(id, name, part)] }
}

/** `signature` is stored by the AI SDK's Anthropic provider. */
function addReasoning(
  { reasoning_content, thinking_blocks }: Draft,
  part: PromptPart,
): Partial<Draft> {
  const { text = '', providerOptions } = part
  const signature = asText(providerOptions?.anthropic?.signature)
  const block = signature && { type: 'thinking', thinking: text, signature }
  return {
    ...(text && { reasoning_content: [reasoning_content, text].filter(Boolean).join('\n\n') }),
    ...(block && { thinking_blocks: [...(thinking_blocks ?? []), block] }),
  }
}

function addFile({ images = [], files = [] }: Draft, part: PromptPart): Partial<Draft> {
  const { mediaType: media_type = '', filename: name } = part
  const { url, data } = toFile(part)
  const address = url ?? `data:${media_type};base64,${data ?? ''}`
  if (media_type.startsWith('image/'))
    return { images: [...images, { type: 'image_url', image_url: { url: address } }] }
  return { files: [...files, { media_type, ...defined({ data, name }) }] }
}

function toCall(id: string, name: string, part: PromptPart): ToolCall {
  const { input, providerOptions } = part
  if (typeof input === 'string') return { id, type: 'custom', custom: { name, input } }
  const text = noteOf(part).arguments
  const isSame = typeof text === 'string' && isSameJson(parseJson(text), input)
  // stored by the AI SDK's Google provider
  const thought_signature = asText(providerOptions?.google?.thoughtSignature)
  return {
    id,
    type: 'function',
    function: { name, arguments: isSame ? text : JSON.stringify(input ?? {}) },
    ...(thought_signature && { provider_specific_fields: { thought_signature } }),
  }
}
