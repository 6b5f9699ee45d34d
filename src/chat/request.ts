/** The request of one call: Chat Completions with litellm's extensions, deep-readonly, no index signature. */

import type { FormatInput, ResponseFormat } from './format.js'
import { isObject, type JsonObject } from './json.js'
import type { ModelName } from './known-models.js'
import type { CacheControl, Message } from './message.js'

export interface ChatRequest<Format extends FormatInput = ResponseFormat> {
  /** `provider/model`, a bare model name that a provider recognizes, or an alias. */
  readonly model: ModelName
  readonly messages: readonly Message[]
  readonly temperature?: number | undefined
  readonly top_p?: number | undefined
  readonly top_k?: number | undefined
  readonly max_tokens?: number | undefined
  readonly max_completion_tokens?: number | undefined
  readonly stop?: string | readonly string[] | undefined
  readonly seed?: number | undefined
  /** Only 1 is supported. */
  readonly n?: number | undefined
  readonly presence_penalty?: number | undefined
  readonly frequency_penalty?: number | undefined
  readonly logit_bias?: Readonly<Record<string, number>> | undefined
  readonly logprobs?: boolean | undefined
  readonly top_logprobs?: number | undefined
  readonly tools?: readonly ToolDefinition[] | undefined
  readonly tool_choice?: ToolChoice | undefined
  readonly parallel_tool_calls?: boolean | undefined
  readonly response_format?: Format | undefined
  readonly reasoning_effort?: ReasoningEffort | undefined
  /** Anthropic's format, mapped wherever supported: `{ type: 'enabled', budget_tokens }`. */
  readonly thinking?: Thinking | undefined
  readonly verbosity?: 'low' | 'medium' | 'high' | undefined
  readonly modalities?: readonly ('text' | 'image' | 'audio')[] | undefined
  readonly user?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly store?: boolean | undefined
  readonly service_tier?: string | undefined
  readonly safety_identifier?: string | undefined
  readonly prompt_cache_key?: string | undefined
  readonly previous_response_id?: string | undefined
  readonly web_search_options?: Readonly<Record<string, unknown>> | undefined
  /** Drop unsupported parameters, with a warning (needs the `params` middleware). */
  readonly drop_params?: boolean | undefined
  readonly additional_drop_params?: readonly string[] | undefined
  readonly allowed_openai_params?: readonly string[] | undefined
  /** Sent in the body unchanged. */
  readonly extra_body?: Readonly<Record<string, unknown>> | undefined
  readonly extra_headers?: Readonly<Record<string, string>> | undefined
  /** Options for one provider alone, by its name, so that the request stays portable. */
  readonly provider_options?:
    | Readonly<Record<string, Readonly<Record<string, unknown>>>>
    | undefined
}

export type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'

export interface Thinking {
  /** `between_tools` (Anthropic): thinks only between tool calls, not before the answer. */
  readonly type: 'enabled' | 'disabled' | 'adaptive' | 'between_tools'
  readonly budget_tokens?: number | undefined
  readonly display?: 'summarized' | 'omitted' | undefined
  /** Anthropic: how a thinking block is handled after the messages before it changed. */
  readonly block_binding?: Readonly<Record<string, unknown>> | undefined
}

/** The objects that may hold untyped members: the request, `extra_body`, provider options. */
export const placesOf = (request: ChatRequest): readonly JsonObject[] =>
  [request, request.extra_body, ...Object.values(request.provider_options ?? {})].filter(isObject)

export type ToolDefinition = FunctionTool | CustomTool | HostedToolDefinition

export interface FunctionTool {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string | undefined
    /** JSON Schema. */
    readonly parameters?: Readonly<Record<string, unknown>> | undefined
    readonly strict?: boolean | null | undefined
  }
  readonly cache_control?: CacheControl | undefined
}

export interface CustomTool {
  readonly type: 'custom'
  readonly custom: {
    readonly name: string
    readonly description?: string | undefined
    readonly format?: Readonly<Record<string, unknown>> | undefined
  }
}

/** A tool run by the provider, in its format: `{ type: 'web_search' }`, `{ googleSearch: {} }`. */
export interface HostedToolDefinition {
  readonly type?: string
  readonly [key: string]: unknown
}

export const isFunctionTool = (tool: ToolDefinition): tool is FunctionTool =>
  tool.type === 'function' && isObject(tool.function)

export const isCustomTool = (tool: ToolDefinition): tool is CustomTool =>
  tool.type === 'custom' && isObject(tool.custom)

export type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } }
  | { readonly type: 'custom'; readonly custom: { readonly name: string } }
  | {
      readonly type: 'allowed_tools'
      readonly allowed_tools: {
        readonly mode: 'auto' | 'required'
        readonly tools: readonly Readonly<Record<string, unknown>>[]
      }
    }
