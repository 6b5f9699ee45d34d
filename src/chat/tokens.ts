/** A token count without a tokenizer: linear, no tables, a little high rather than low. */
import type { AssistantInput, AssistantMessage, ContentPart, Message } from './message.js'
import type { ChatRequest } from './request.js'

/**
 * Estimated tokens of a text. Latin words count a token for each four letters begun, digits for each three, other
 * marks and line breaks one each, CJK characters one each, emoji and rarer scripts two.
 */
export function estimateTokens(text: string): number {
  let tokens = 0
  let run = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const isWord =
      (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 0xc0 && code < 0x250)
    if (isWord) {
      if (run++ % 5 === 0) tokens++
      continue
    }
    run = 0
    if (code === 32) continue
    if (code >= 48 && code <= 57) tokens += 1 / 3
    else if (code < 128) tokens += code === 10 || code === 13 || code === 9 ? 0.5 : 0.8
    else if (code < 0x3000) tokens += 0.6
    else if (code >= 0xd800 && code <= 0xdfff) tokens += 1.2
    else tokens += 1
  }
  return Math.ceil(tokens)
}

/** Tokens that frame each message, and that an image or a file of unknown size counts. */
const perMessage = 4
const perImage = 1000

/** Estimated prompt tokens of a request: messages, tools and schema. Base64 is not counted as text. */
export function estimatePromptTokens(request: ChatRequest): number {
  let tokens = 0
  for (const message of request.messages) tokens += estimateMessageTokens(message)
  if (request.tools) tokens += estimateTokens(JSON.stringify(request.tools))
  if (request.response_format) tokens += estimateTokens(JSON.stringify(request.response_format))
  return tokens
}

/** Estimated tokens of one message. */
export function estimateMessageTokens(message: Message): number {
  const { content } = message
  let tokens = perMessage
  if (typeof content === 'string') tokens += estimateTokens(content)
  else for (const part of content ?? []) tokens += estimatePart(part)
  if (message.role === 'assistant') tokens += estimateOutputTokens(message)
  return tokens
}

/** Estimated tokens of what an assistant turn says beside its content: tool calls and refusal. */
const estimateOutputTokens = ({ tool_calls, refusal }: AssistantInput): number =>
  (tool_calls?.length ? estimateTokens(JSON.stringify(tool_calls)) : 0) +
  (refusal ? estimateTokens(refusal) : 0)

function estimatePart(part: ContentPart): number {
  switch (part.type) {
    case 'text':
      return estimateTokens(part.text)
    case 'refusal':
      return estimateTokens(part.refusal)
    case 'thinking':
      return estimateTokens(part.thinking)
    default:
      return perImage
  }
}

/** Estimated completion tokens of an assistant turn, reasoning included. */
export function estimateCompletionTokens(message: AssistantMessage): number {
  return (
    estimateTokens(message.content ?? '') +
    estimateTokens(message.reasoning_content ?? '') +
    estimateOutputTokens(message)
  )
}
