/** Opt-in content: messages as the conventions' JSON. */
import type {
  ChatRequest,
  ChatResponse,
  Message,
  PartialResponse,
  ToolCall,
} from '../../src/chat/index.js'
import type { Attributes } from './api.js'
import { finishReason } from './attributes.js'

/** Returns the part of a text to record. */
export type Show = (text: string) => string

interface CallContent {
  readonly request: ChatRequest
  readonly answer: ChatResponse | PartialResponse | undefined
}

/**
 * The request as it is sent, the masked answer. If the function throws, the attribute is left out.
 */
export function contentAttributes(
  { request, answer }: CallContent,
  show: Show,
  mask: Show,
): Attributes {
  return {
    ...asJson('gen_ai.input.messages', () =>
      request.messages.map((message) => toMessage(message, show)),
    ),
    ...(answer &&
      asJson('gen_ai.output.messages', () => [
        {
          ...toMessage(answer.message, (text) => show(mask(text))),
          finish_reason: finishReason(answer.finish_reason),
        },
      ])),
  }
}

function asJson(name: string, make: () => unknown): Attributes {
  try {
    return { [name]: JSON.stringify(make()) }
  } catch {
    return {}
  }
}

const toMessage = (message: Message, show: Show) => ({
  role: message.role === 'developer' ? 'system' : message.role,
  parts: message.role === 'tool' ? [toResult(message, show)] : partsOf(message, show),
})

function partsOf(message: Exclude<Message, { role: 'tool' }>, show: Show): readonly object[] {
  const parts = contentOf(message.content, show)
  if (message.role !== 'assistant') return parts
  const { reasoning_content: thought, refusal, tool_calls } = message
  return [
    ...(thought ? [{ type: 'reasoning', content: show(thought) }] : []),
    ...parts,
    ...(refusal ? [{ type: 'refusal', content: show(refusal) }] : []),
    ...(tool_calls ?? []).map((call) => toCall(call, show)),
  ]
}

/** For an image or a file only its type. */
function contentOf(content: Message['content'], show: Show): readonly object[] {
  if (typeof content === 'string') return content ? [{ type: 'text', content: show(content) }] : []
  return (content ?? []).map((part) =>
    part.type === 'text' ? { type: 'text', content: show(part.text) } : { type: part.type },
  )
}

function toCall(call: ToolCall, show: Show): object {
  const [name, text] =
    call.type === 'custom'
      ? [call.custom.name, call.custom.input]
      : [call.function.name, call.function.arguments]
  return { type: 'tool_call', id: call.id, name, arguments: show(text) }
}

function toResult({ tool_call_id, content }: Extract<Message, { role: 'tool' }>, show: Show) {
  const response = typeof content === 'string' ? show(content) : contentOf(content, show)
  return { type: 'tool_call_response', id: tool_call_id, response }
}
