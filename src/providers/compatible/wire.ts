/** Chat Completions on the wire: what we send is typed like the official parameters, of what we read nothing is sure. */
import type { JsonObject } from '../../chat/index.js'

/** The body of one request. Compared with `ChatCompletionCreateParams` of the official client in `test/types/`. */
export interface WireRequest {
  readonly model: string
  readonly messages: readonly WireMessage[]
  readonly tools?: readonly WireTool[]
  readonly tool_choice?: WireToolChoice
  readonly parallel_tool_calls?: boolean
  readonly response_format?: WireFormat
  readonly temperature?: number
  readonly top_p?: number
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
  readonly stop?: string | readonly string[]
  readonly seed?: number
  readonly presence_penalty?: number
  readonly frequency_penalty?: number
  readonly logit_bias?: Readonly<Record<string, number>>
  readonly logprobs?: boolean
  readonly top_logprobs?: number
  readonly reasoning_effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'
  readonly verbosity?: 'low' | 'medium' | 'high'
  readonly user?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly store?: boolean
  readonly safety_identifier?: string
  readonly prompt_cache_key?: string
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage: boolean }
}

/** What servers take beside the official parameters. */
export interface WireExtensions {
  readonly top_k?: number
  readonly service_tier?: string
  readonly modalities?: readonly string[]
  readonly web_search_options?: JsonObject
  /** OpenRouter's form. */
  readonly reasoning?: JsonObject
  /** The form of DeepSeek, Moonshot and others. */
  readonly thinking?: JsonObject
  readonly [key: string]: unknown
}

export type WireMessage =
  | WireSystemMessage
  | WireUserMessage
  | WireAssistantMessage
  | WireToolMessage

export interface WireSystemMessage {
  readonly role: 'system' | 'developer'
  readonly content: string | readonly WireTextPart[]
  readonly name?: string
}

export interface WireUserMessage {
  readonly role: 'user'
  readonly content: string | readonly WireUserPart[]
  readonly name?: string
}

export interface WireAssistantMessage {
  readonly role: 'assistant'
  readonly content: string | readonly WireTextPart[] | null
  readonly name?: string
  readonly tool_calls?: readonly WireToolCall[]
  readonly audio?: { readonly id: string }
  /** What some servers want back: see `messages.ts`. */
  readonly reasoning_content?: string
  readonly reasoning?: string
  readonly reasoning_details?: readonly unknown[]
  readonly extra_content?: unknown
}

export interface WireToolMessage {
  readonly role: 'tool'
  readonly tool_call_id: string
  readonly content: string | readonly WireTextPart[]
  readonly name?: string
}

/** Where a server (OpenRouter) takes Anthropic's cache marks. */
interface CacheMark {
  readonly cache_control?: { readonly type: 'ephemeral'; readonly ttl?: string }
}

export interface WireTextPart extends CacheMark {
  readonly type: 'text'
  readonly text: string
}

export interface WireImagePart extends CacheMark {
  readonly type: 'image_url'
  readonly image_url: { readonly url: string; readonly detail?: 'auto' | 'low' | 'high' }
}

export interface WireAudioPart extends CacheMark {
  readonly type: 'input_audio'
  readonly input_audio: { readonly data: string; readonly format: 'wav' | 'mp3' }
}

export interface WireFilePart extends CacheMark {
  readonly type: 'file'
  readonly file: {
    readonly file_data?: string
    readonly file_id?: string
    readonly filename?: string
  }
}

export type WireUserPart = WireTextPart | WireImagePart | WireAudioPart | WireFilePart

export type WireToolCall =
  | {
      readonly id: string
      readonly type: 'function'
      readonly function: { readonly name: string; readonly arguments: string }
      readonly extra_content?: unknown
    }
  | {
      readonly id: string
      readonly type: 'custom'
      readonly custom: { readonly name: string; readonly input: string }
      readonly extra_content?: unknown
    }

export type WireTool =
  | {
      readonly type: 'function'
      readonly function: {
        readonly name: string
        readonly description?: string
        readonly parameters?: Readonly<Record<string, unknown>>
        readonly strict?: boolean
      }
    }
  | {
      readonly type: 'custom'
      readonly custom: {
        readonly name: string
        readonly description?: string
        readonly format?: WireGrammar
      }
    }

export type WireGrammar =
  | { readonly type: 'text' }
  | {
      readonly type: 'grammar'
      readonly grammar: { readonly definition: string; readonly syntax: 'lark' | 'regex' }
    }

export type WireToolChoice =
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

export type WireFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema'
      readonly json_schema: {
        readonly name: string
        readonly schema?: Readonly<Record<string, unknown>>
        readonly description?: string
        readonly strict?: boolean
      }
    }
