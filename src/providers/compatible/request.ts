/**
 * Maps a chat request to a Chat Completions body. Most parameters are the wire's own; others are
 * mapped, or dropped and reported.
 */
import { type ChatRequest, defined, omit, type ResponseFormat, words } from '../../chat/index.js'
import type { TransportRequest } from '../../transport/index.js'
import { headersOf } from '../extras.js'
import { effortOfBudget, isOff } from '../model-rules.js'
import { reportThinking, reportUnmapped, type WriteOptions } from '../notes.js'
import { isReasoningModel, type ServerTraits, unknownModel, type WriteContext } from './models.js'
import { schemas, toWireTools } from './tools.js'
import { toWireMessages } from './turns.js'
import type { WireExtensions, WireFormat, WireRequest } from './wire.js'

/** The request to `/chat/completions`. Throws `BadRequestError` if it cannot be sent. */
export function toWire(
  request: ChatRequest,
  { streaming }: Pick<WriteOptions, 'streaming'>,
  context: WriteContext,
): TransportRequest {
  const { provider, traits } = context
  return {
    path: '/chat/completions',
    model: request.model,
    body: {
      ...toBody(request, context),
      ...(streaming && { stream: true }),
      ...(streaming && traits.includeUsage && { stream_options: { include_usage: true } }),
      ...request.extra_body,
      ...request.provider_options?.[provider],
    },
    ...headersOf(request),
  }
}

/** Not on this wire, or mapped below; only the adapter specifies whether it streams. */
const notTheSame = words(
  'messages n drop_params additional_drop_params allowed_openai_params extra_body extra_headers provider_options previous_response_id tools tool_choice parallel_tool_calls response_format reasoning_effort thinking max_tokens max_completion_tokens logprobs top_logprobs stream stream_options',
)

/** The body without the caller's extra members. */
function toBody(request: ChatRequest, context: WriteContext): WireRequest & WireExtensions {
  const { model, messages, response_format, logprobs, top_logprobs } = request
  reportUnmapped(request, unknownModel.rules, context)
  return {
    // members with the same name and meaning on the wire, and unknown ones
    ...defined(omit(request, notTheSame)),
    model,
    messages: toWireMessages(messages, context),
    ...toWireTools(request, context),
    ...limitOf(request, context),
    ...reasoningOf(request, context),
    ...defined({
      response_format: response_format && toWireFormat(response_format, context),
      // OpenAI refuses `top_logprobs` without `logprobs`
      logprobs: logprobs ?? (top_logprobs === undefined ? undefined : true),
      top_logprobs,
    }),
  }
}

/** The limit under the server's name. OpenAI's reasoning models refuse the older name. */
function limitOf(
  { model, max_tokens, max_completion_tokens }: ChatRequest,
  { traits }: WriteContext,
): Pick<WireRequest, 'max_tokens' | 'max_completion_tokens'> {
  const limit = max_completion_tokens ?? max_tokens
  if (limit === undefined) return {}
  const isNewer = max_completion_tokens !== undefined || isReasoningModel(model)
  const given = isNewer ? 'max_completion_tokens' : 'max_tokens'
  return { [traits.maxTokensParam === 'as asked' ? given : traits.maxTokensParam]: limit }
}

function toWireFormat(format: ResponseFormat, { traits, note }: WriteContext): WireFormat {
  if (format.type !== 'json_schema') return { type: format.type }
  const { name, schema, description, strict } = format.json_schema
  const dialect =
    schema && strict && traits.strictSubset
      ? schemas.part.openaiAnswerSchema(schema, {
          strict,
          warn: (message) => note.changed(message, 'response_format'),
        })
      : { schema, strict: strict ?? undefined }
  return {
    type: 'json_schema',
    json_schema: {
      name,
      ...defined({ schema: dialect.schema, description, strict: dialect.strict }),
    },
  }
}

type ReasoningParams = Pick<WireRequest, 'reasoning_effort'> &
  Pick<WireExtensions, 'reasoning' | 'thinking'>

/** Effort and thinking budget in the server's form. The effort wins. */
function reasoningOf(request: ChatRequest, context: WriteContext) {
  const { reasoning_effort, thinking } = request
  const { traits, note } = context
  reportThinking(thinking, context)
  if (reasoning_effort !== undefined && thinking?.budget_tokens !== undefined)
    note.dropped(
      'thinking.budget_tokens was left out: reasoning_effort sets the amount',
      'thinking',
    )
  const { params, isCoarser } = forms[traits.reasoningParam](reasoning_effort, thinking)
  if (isCoarser)
    note.changed(
      'thinking was sent in the nearest form this server accepts, without the exact budget',
      'thinking',
    )
  return params
}

type Effort = ChatRequest['reasoning_effort']
type Thinking = ChatRequest['thinking']

type ReasoningForm = (
  effort: Effort,
  thinking: Thinking,
) => { readonly params: ReasoningParams; readonly isCoarser: boolean }

const forms: Readonly<Record<ServerTraits['reasoningParam'], ReasoningForm>> = {
  reasoning_effort: (effort, thinking) => ({
    params: defined({ reasoning_effort: effort ?? effortOf(thinking) }),
    isCoarser: effort === undefined && thinking?.type === 'enabled',
  }),

  // https://openrouter.ai/docs/use-cases/reasoning-tokens
  reasoning: (effort, thinking) => {
    const enabled = thinking && thinking.type !== 'disabled'
    const max_tokens = enabled ? thinking.budget_tokens : undefined
    const amount = max_tokens === undefined ? thinking && { enabled } : { max_tokens }
    const reasoning = effort === undefined ? amount : { effort }
    return { params: defined({ reasoning }), isCoarser: false }
  },

  // https://api-docs.deepseek.com/guides/thinking_mode
  thinking: (effort, thinking) => {
    const type = thinking?.type ?? (effort === 'none' ? 'disabled' : undefined)
    const isOff = type === 'disabled'
    return {
      params: defined({
        thinking: type && { type: isOff ? 'disabled' : 'enabled' },
        reasoning_effort: isOff ? undefined : effort,
      }),
      isCoarser: !isOff && effort === undefined && thinking?.budget_tokens !== undefined,
    }
  },
}

/** The inverse of litellm's table. */
const effortRows = [
  [1024, 'low'],
  [4096, 'medium'],
] as const

function effortOf(thinking: Thinking): Effort {
  if (!thinking || thinking.type === 'adaptive') return undefined
  return isOff(thinking)
    ? 'none'
    : effortOfBudget(thinking.budget_tokens ?? 2048, effortRows, 'high')
}
