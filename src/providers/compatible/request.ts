/** A chat request becomes a Chat Completions body. Most parameters are the wire's own; what is not is mapped or left out, told. */
import {
  asObject,
  type ChatRequest,
  defined,
  type ReasoningEffort,
  type ResponseFormat,
  type Thinking,
} from '../../chat/index.js'
import type { TransportRequest } from '../../transport/index.js'
import type { Warn } from '../adapter.js'
import { headersOf } from '../headers.js'
import { type Notes, notesOf, warnOfThinking } from '../notes.js'
import { isReasoningModel, type ServerTraits } from './models.js'
import { schemas, toWireTools } from './tools.js'
import { toWireMessages } from './turns.js'
import type { WireExtensions, WireFormat, WireRequest } from './wire.js'

export interface RequestContext {
  readonly provider: string
  readonly traits: ServerTraits
  readonly streaming: boolean
  readonly warn: Warn
  /** Unix seconds. */
  readonly now: number
}

interface Writing extends RequestContext, Notes {
  readonly provider: string
}

/** The request to `/chat/completions`. Throws `BadRequestError` for what cannot be sent. */
export function toWire(request: ChatRequest, context: RequestContext): TransportRequest {
  return {
    path: '/chat/completions',
    model: request.model,
    body: {
      ...toBody(request, context),
      ...request.extra_body,
      ...request.provider_options?.[context.provider],
    },
    ...headersOf(request),
  }
}

/** The body without what the caller adds to it by hand. */
export function toBody(request: ChatRequest, asked: RequestContext): WireRequest & WireExtensions {
  const {
    model,
    messages,
    // for others, or not on this wire
    n: _n,
    drop_params: _dropParams,
    additional_drop_params: _additionalDropParams,
    allowed_openai_params: _allowedParams,
    extra_body: _extraBody,
    extra_headers: _extraHeaders,
    provider_options: _providerOptions,
    previous_response_id,
    // mapped below
    tools: _tools,
    tool_choice: _toolChoice,
    parallel_tool_calls: _parallel,
    response_format,
    reasoning_effort: _effort,
    thinking: _thinking,
    max_tokens: _maxTokens,
    max_completion_tokens: _maxCompletionTokens,
    logprobs,
    top_logprobs,
    ...same
  } = request
  const { provider, traits, streaming, warn, now } = asked
  const context: Writing = { ...asked, ...notesOf(provider, model, warn) }
  if (previous_response_id !== undefined)
    context.note(
      'dropped',
      'previous_response_id was left out: Chat Completions keeps no state',
      'previous_response_id',
    )
  return {
    ...withoutStreamKeys(same),
    model,
    messages: toWireMessages(messages, { provider, model, traits, warn, now }),
    ...toWireTools(request, context),
    ...limitOf(request, context),
    ...reasoningOf(request, context),
    ...defined({
      response_format: response_format && toWireFormat(response_format, context),
      // OpenAI refuses the one without the other
      logprobs: logprobs ?? (top_logprobs === undefined ? undefined : true),
      top_logprobs,
    }),
    ...(streaming && { stream: true }),
    ...(streaming && traits.includeUsage && { stream_options: { include_usage: true } }),
  }
}

/** What has the same name and meaning on the wire, and what the package does not know. */
function withoutStreamKeys(same: object): WireExtensions {
  // keys that no type knows: the adapter alone says whether it streams
  const { stream: _stream, stream_options: _options, ...rest } = asObject(same)
  return defined(rest)
}

/** One limit under the name the server knows. OpenAI's reasoning models refuse the older name. */
function limitOf(
  { model, max_tokens, max_completion_tokens }: ChatRequest,
  { traits }: Writing,
): Pick<WireRequest, 'max_tokens' | 'max_completion_tokens'> {
  const limit = max_completion_tokens ?? max_tokens
  if (limit === undefined) return {}
  const isNewer = max_completion_tokens !== undefined || isReasoningModel(model)
  const asked = isNewer ? 'max_completion_tokens' : 'max_tokens'
  return { [traits.maxTokensParam === 'as asked' ? asked : traits.maxTokensParam]: limit }
}

function toWireFormat(format: ResponseFormat, { traits, note }: Writing): WireFormat {
  if (format.type !== 'json_schema') return { type: format.type }
  const { name, schema, description, strict } = format.json_schema
  const dialect =
    schema && strict && traits.strictSubset
      ? schemas.part.openaiAnswerSchema(schema, {
          strict,
          warn: (message) => note('changed', message, 'response_format'),
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

/** Effort and thinking budget, in the server's own form. The effort wins where both are given. */
function reasoningOf(request: ChatRequest, { traits, warn, note, provider }: Writing) {
  const { reasoning_effort, thinking } = request
  warnOfThinking(request, provider, warn)
  if (reasoning_effort !== undefined && thinking?.budget_tokens !== undefined)
    note(
      'dropped',
      'thinking.budget_tokens was left out: reasoning_effort says how much',
      'thinking',
    )
  const { params, isCoarser } = forms[traits.reasoningParam](reasoning_effort, thinking)
  if (isCoarser)
    note(
      'changed',
      'thinking was sent in the nearest form this server takes, without the exact budget',
      'thinking',
    )
  return params
}

type ReasoningForm = (
  effort: ReasoningEffort | undefined,
  thinking: Thinking | undefined,
) => { readonly params: ReasoningParams; readonly isCoarser: boolean }

const forms: Readonly<Record<ServerTraits['reasoningParam'], ReasoningForm>> = {
  reasoning_effort: (effort, thinking) => ({
    params: defined({ reasoning_effort: effort ?? effortOf(thinking) }),
    isCoarser: effort === undefined && thinking?.type === 'enabled',
  }),

  // https://openrouter.ai/docs/use-cases/reasoning-tokens
  reasoning: (effort, thinking) => {
    const budget = thinking?.budget_tokens
    const reasoning =
      effort !== undefined
        ? { effort }
        : thinking && thinking.type !== 'disabled' && budget !== undefined
          ? { max_tokens: budget }
          : thinking && { enabled: thinking.type !== 'disabled' }
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

/** Budgets as litellm reads efforts, the other way round. */
function effortOf(thinking: Thinking | undefined): ReasoningEffort | undefined {
  if (!thinking || thinking.type === 'adaptive') return undefined
  if (thinking.type === 'disabled' || thinking.type === 'between_tools') return 'none'
  const budget = thinking.budget_tokens ?? 2048
  if (budget <= 1024) return 'low'
  return budget <= 4096 ? 'medium' : 'high'
}
