/** Redacts answers: text, tools, data, files, annotations and usage stay, the rest if exposed. */
import type { ChatResponse, Message, StreamChunk, Usage } from '../chat/index.js'
import type { Exposure } from './formats/format.js'

export const closed: Exposure = {
  reasoning: true,
  warnings: false,
  attempts: false,
  cost: false,
  requestIds: false,
}

/** The chunks a client may see. `native` is left to the encoder, which knows if it is signed. */
export function redactChunks(
  chunks: readonly StreamChunk[],
  expose: Exposure,
): readonly StreamChunk[] {
  const shown: StreamChunk[] = []
  for (const chunk of chunks) {
    const one = redactChunk(chunk, expose)
    if (one) shown.push(one)
  }
  return shown
}

function redactChunk(chunk: StreamChunk, expose: Exposure): StreamChunk | undefined {
  switch (chunk.type) {
    case 'reasoning-delta':
      return expose.reasoning ? chunk : undefined
    case 'warning':
      return expose.warnings ? chunk : undefined
    case 'start': {
      if (expose.requestIds || chunk.request_id === undefined) return chunk
      const { request_id: _, ...rest } = chunk
      return rest
    }
    case 'finish': {
      // may contain any provider text: no option exposes it
      const { provider_specific_fields: _, ...rest } = chunk
      return { ...rest, usage: redactUsage(chunk.usage, expose) }
    }
    default:
      return chunk
  }
}

const redactUsage = (usage: Usage, { cost }: Exposure): Usage => {
  if (cost || usage.cost === undefined) return usage
  const { cost: _, ...rest } = usage
  return rest
}

/** The whole answer as a client may see it. */
export function redactResponse(response: ChatResponse, expose: Exposure): ChatResponse {
  const { request_id, provider_specific_fields: _, ...rest } = response
  return {
    ...rest,
    message: redactMessage(response.message, expose),
    messages: response.messages.map((message) => redactMessage(message, expose)),
    usage: redactUsage(response.usage, expose),
    warnings: expose.warnings ? response.warnings : [],
    // an attempt's error may contain provider text
    attempts: expose.attempts ? response.attempts.map(({ error: _, ...attempt }) => attempt) : [],
    ...(expose.requestIds && request_id !== undefined && { request_id }),
  }
}

/** Removes the reasoning, and with it the native blocks, which contain it too. */
function redactMessage<T extends Message>(message: T, expose: Exposure): T {
  if (expose.reasoning || message.role !== 'assistant') return message
  const { reasoning_content: _, native: __, ...rest } = message
  // all removed members are optional
  return rest as T
}
