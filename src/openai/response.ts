/** Converts a whole response to a chat.completion object. */
import type { AssistantMessage, ChatResponse, FinishReason, ToolCall } from '../chat/index.js'
import { defined } from '../chat/index.js'
import type { ChatCompletion, CompletionMessage, CompletionReason } from './types.js'
import { asOpenAIUsage } from './usage.js'

export interface AsOpenAIOptions {
  /** The model name to show. @default the model that answered */
  readonly model?: string | undefined
  /**
   * Include `message.native`, so that clients that send the message back keep reasoning and
   * signatures. @default false
   */
  readonly includeNative?: boolean | undefined
  /** Send the first call as `function_call`, to a client that sent `functions`. @default false */
  readonly functionCall?: boolean | undefined
}

/**
 * The response in OpenAI's format: the last assistant turn. Calls already run here, in a tool loop,
 * are left out.
 *
 * @example
 * app.post('/v1/chat/completions', async (req, res) => {
 *   const { request } = fromOpenAI(req.body)
 *   res.json(asOpenAI(await ai.generate(request)))
 * })
 */
export function asOpenAI(response: ChatResponse, options: AsOpenAIOptions = {}): ChatCompletion {
  const { id, created, message, usage, logprobs, service_tier, native_finish_reason } = response
  const { model = response.model } = options
  const tool_calls = openCalls(response)
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: toMessage(message, tool_calls, options),
        logprobs: logprobs ? { content: logprobs.content, refusal: null } : null,
        finish_reason: shownReason(response.finish_reason, tool_calls.length > 0, options),
        ...defined({ native_finish_reason }),
      },
    ],
    usage: asOpenAIUsage(usage),
    ...defined({ service_tier }),
  }
}

function openCalls({ message, messages }: ChatResponse): readonly ToolCall[] {
  const answered = new Set(messages.flatMap((one) => (one.role === 'tool' ? one.tool_call_id : [])))
  return (message.tool_calls ?? []).filter((call) => !answered.has(call.id))
}

/** `tool_calls` requires pending calls, since clients expect some; without them it is `stop`. */
export function shownReason(
  reason: FinishReason,
  hasCalls: boolean,
  { functionCall }: AsOpenAIOptions,
): CompletionReason {
  if (reason !== 'tool_calls') return reason
  if (!hasCalls) return 'stop'
  return functionCall ? 'function_call' : reason
}

function toMessage(
  message: AssistantMessage,
  tool_calls: readonly ToolCall[],
  { includeNative, functionCall }: AsOpenAIOptions,
): CompletionMessage {
  const { content, refusal = null, reasoning_content, annotations, audio, images, files } = message
  return {
    role: 'assistant',
    content,
    refusal,
    ...(tool_calls.length > 0 && (functionCall ? firstCall(tool_calls) : { tool_calls })),
    ...defined({ reasoning_content, annotations, audio, images, files }),
    ...(includeNative && message.native && { native: message.native }),
  }
}

/** The legacy form has one call a turn: the model is called again with the result of the first. */
function firstCall(calls: readonly ToolCall[]): Pick<CompletionMessage, 'function_call'> {
  const call = calls.find(({ type }) => type === 'function')
  return call?.type === 'function' ? { function_call: call.function } : {}
}
