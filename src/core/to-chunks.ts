/** Response → chunks, and the completion of a minimal answer. */
import {
  type AnswerInput,
  type AssistantMessage,
  type ChatResponse,
  type ChunkOf,
  callMembers,
  defined,
  emptyUsage,
  readToolCall,
  type StreamChunk,
  type ToolMessage,
  toPendingApprovals,
} from '../chat/index.js'

/**
 * The chunks of this answer. `accumulate(toChunks(response))` equals `response`, except `attempts`.
 */
export function toChunks(response: ChatResponse): StreamChunk[] {
  const chunks: StreamChunk[] = response.warnings.map((warning) => ({ type: 'warning', warning }))
  const last = response.messages.findLastIndex((message) => message.role === 'assistant')
  response.messages.forEach((message, position) => {
    if (message.role === 'tool') chunks.push(toToolResult(message))
    else pushTurn(chunks, message, response, position === last)
  })
  for (const { id, tool_call_id } of response.approvals ?? [])
    chunks.push({ type: 'tool-approval', id, tool_call_id })
  return chunks
}

function pushTurn(
  chunks: StreamChunk[],
  message: AssistantMessage,
  response: ChatResponse,
  isLast: boolean,
): void {
  const { id, created, model, provider, request_id } = response
  chunks.push({ type: 'start', id, model, provider, created, ...defined({ request_id }) })
  if (message.reasoning_content)
    chunks.push({ type: 'reasoning-delta', text: message.reasoning_content })
  chunks.push(...textChunks(message))
  if (message.refusal) chunks.push({ type: 'refusal-delta', text: message.refusal })
  for (const annotation of message.annotations ?? [])
    chunks.push({ type: 'annotation', annotation })
  for (const tool of message.hosted_tools ?? []) chunks.push({ type: 'hosted-tool', ...tool })
  pushFiles(chunks, message)
  if (isLast && response.logprobs)
    chunks.push({ type: 'logprobs', content: response.logprobs.content })
  message.tool_calls?.forEach((call, index) => {
    const isCustom = call.type === 'custom'
    const { name, text } = readToolCall(call)
    chunks.push({
      type: 'tool-call-start',
      index,
      id: call.id,
      name,
      ...(isCustom && { kind: 'custom' as const }),
      ...callMembers(call),
    })
    chunks.push({ type: 'tool-call-delta', index, arguments: text })
    chunks.push({ type: 'tool-call-end', index })
  })
  const native = message.native && { native: message.native }
  chunks.push(
    isLast
      ? {
          type: 'finish',
          finish_reason: response.finish_reason,
          usage: response.usage,
          ...native,
          ...defined({
            native_finish_reason: response.native_finish_reason,
            stop_sequence: response.stop_sequence,
            service_tier: response.service_tier,
            parsed: response.parsed,
            provider_specific_fields: response.provider_specific_fields,
          }),
        }
      : {
          type: 'finish',
          finish_reason: message.tool_calls ? 'tool_calls' : 'stop',
          usage: emptyUsage,
          ...native,
        },
  )
}

function textChunks({ content, phase, commentary = '' }: AssistantMessage): StreamChunk[] {
  const texts = [
    { text: commentary, phase: 'commentary' },
    { text: content?.slice(commentary.length) ?? '', phase },
  ]
  return texts
    .filter(({ text }) => text !== '')
    .map((part) => ({ type: 'text-delta', ...defined(part) }))
}

function pushFiles(chunks: StreamChunk[], { images, audio, files }: AssistantMessage): void {
  for (const { image_url } of images ?? []) {
    const [, media_type, data] = image_url.url.match(/^data:([^;,]+);base64,(.*)$/s) ?? []
    chunks.push(
      media_type && data !== undefined
        ? { type: 'file', media_type, data }
        : { type: 'file', media_type: 'image/*', url: image_url.url },
    )
  }
  if (audio) {
    const { id, data, format, transcript, expires_at } = audio
    const media_type = `audio/${format ?? 'wav'}`
    chunks.push({
      type: 'file',
      media_type,
      data,
      ...defined({ file_id: id, transcript, expires_at }),
    })
  }
  for (const file of files ?? []) chunks.push({ type: 'file', ...file })
}

function toToolResult(message: ToolMessage): ChunkOf<'tool-result'> {
  const { content = '' } = message
  return {
    type: 'tool-result',
    tool_call_id: message.tool_call_id,
    name: message.name ?? '',
    content,
    ...(message.is_error && { is_error: true as const }),
  }
}

/**
 * Completes the answer of an adapter or of a layer. `text` and the last of `messages` are derived
 * from the message.
 */
export function completeAnswer(answer: AnswerInput, provider: string): ChatResponse {
  const { content, ...rest } = answer.message
  const message: AssistantMessage = content === '' ? { ...rest, content: null } : answer.message
  const messages = withLast(answer.messages, message)
  const { approvals, ...members } = answer
  return {
    ...members,
    provider: answer.provider ?? provider,
    text: message.content ?? '',
    message,
    messages,
    ...(approvals && { approvals: toPendingApprovals(approvals, messages) }),
    attempts: answer.attempts ?? [],
    warnings: answer.warnings ?? [],
  }
}

function withLast(messages: ChatResponse['messages'] | undefined, message: AssistantMessage) {
  const last = messages?.findLastIndex((one) => one.role === 'assistant') ?? -1
  if (!messages || last < 0) return [message]
  return messages[last] === message ? messages : messages.with(last, message)
}
