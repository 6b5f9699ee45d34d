/** The Messages API as we write it: `POST /v1/messages`. Checked against the official SDK in `test/types/anthropic.ts`. */
import type { JsonObject } from '../../chat/index.js'

/** Marks the end of a prefix that the provider keeps. */
export interface WireCacheControl {
  readonly type: 'ephemeral'
  readonly ttl?: '5m' | '1h'
}

interface Cacheable {
  readonly cache_control?: WireCacheControl
}

/** A mark on thinking is refused. */
interface Uncacheable {
  readonly cache_control?: never
}

export interface WireText extends Cacheable {
  readonly type: 'text'
  readonly text: string
}

export interface WireImage extends Cacheable {
  readonly type: 'image'
  readonly source:
    | { readonly type: 'base64'; readonly media_type: ImageType; readonly data: string }
    | { readonly type: 'url'; readonly url: string }
    | { readonly type: 'file'; readonly file_id: string }
}

export type ImageType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp'

export interface WireDocument extends Cacheable {
  readonly type: 'document'
  readonly source:
    | { readonly type: 'base64'; readonly media_type: 'application/pdf'; readonly data: string }
    | { readonly type: 'text'; readonly media_type: 'text/plain'; readonly data: string }
    | { readonly type: 'url'; readonly url: string }
    | { readonly type: 'file'; readonly file_id: string }
  readonly title?: string
  readonly context?: string
  readonly citations?: { readonly enabled?: boolean }
}

/** A file that code execution finds in its container. */
export interface WireContainerUpload extends Cacheable {
  readonly type: 'container_upload'
  readonly file_id: string
}

export interface WireThinking extends Uncacheable {
  readonly type: 'thinking'
  readonly thinking: string
  readonly signature: string
}

export interface WireRedactedThinking extends Uncacheable {
  readonly type: 'redacted_thinking'
  readonly data: string
}

export interface WireToolUse extends Cacheable {
  readonly type: 'tool_use'
  readonly id: string
  readonly name: string
  readonly input: JsonObject
}

export interface WireToolResult extends Cacheable {
  readonly type: 'tool_result'
  readonly tool_use_id: string
  readonly content?: string | readonly (WireText | WireImage | WireDocument)[]
  readonly is_error?: true
}

export type WireBlock =
  | WireText
  | WireImage
  | WireDocument
  | WireContainerUpload
  | WireThinking
  | WireRedactedThinking
  | WireToolUse
  | WireToolResult

export type WireMessage =
  | { readonly role: 'user' | 'assistant'; readonly content: readonly WireBlock[] }
  | { readonly role: 'system'; readonly content: readonly WireText[] }

/** A tool of the caller, or (by `type`) one that the provider runs or knows, in its own words. */
export interface WireTool extends Cacheable {
  readonly name: string
  readonly description?: string
  readonly input_schema: { readonly type: 'object'; readonly [keyword: string]: unknown }
  readonly strict?: boolean
}

export type WireToolChoice =
  | { readonly type: 'auto' | 'any'; readonly disable_parallel_tool_use?: true }
  | { readonly type: 'tool'; readonly name: string; readonly disable_parallel_tool_use?: true }
  | { readonly type: 'none' }

export type WireThinkingConfig =
  | { readonly type: 'adaptive'; readonly display?: 'summarized' | 'omitted' }
  | {
      readonly type: 'enabled'
      readonly budget_tokens: number
      readonly display?: 'summarized' | 'omitted'
    }
  | { readonly type: 'disabled' | 'between_tools' }

export type WireEffort = 'low' | 'medium' | 'high' | 'xhigh' | 'max'

export interface WireOutputConfig {
  readonly effort?: WireEffort
  readonly format?: { readonly type: 'json_schema'; readonly schema: Record<string, unknown> }
}

export interface WireBody {
  readonly model: string
  readonly max_tokens: number
  readonly messages: readonly WireMessage[]
  readonly system?: readonly WireText[]
  readonly stop_sequences?: readonly string[]
  /** The three below only on `anthropic-version: 2023-06-01` and models that take them. */
  readonly temperature?: number
  readonly top_p?: number
  readonly top_k?: number
  readonly thinking?: WireThinkingConfig
  readonly output_config?: WireOutputConfig
  readonly tools?: readonly WireTool[]
  readonly tool_choice?: WireToolChoice
  readonly metadata?: { readonly user_id: string }
  readonly service_tier?: 'auto' | 'standard_only'
  readonly stream?: true
}

/** An MCP server the provider talks to (beta `mcp-client-2025-04-04`). */
export interface WireMcpServer {
  readonly type: 'url'
  readonly url: string
  readonly name: string
  readonly authorization_token?: string
  readonly tool_configuration?: {
    readonly enabled?: boolean
    readonly allowed_tools?: readonly string[]
  }
}

/** Token counts as any answer or event tells them; each may be null or missing. */
export interface WireUsage {
  readonly input_tokens?: number | null
  readonly output_tokens?: number | null
  readonly cache_read_input_tokens?: number | null
  readonly cache_creation_input_tokens?: number | null
  readonly cache_creation?: {
    readonly ephemeral_5m_input_tokens?: number | null
    readonly ephemeral_1h_input_tokens?: number | null
  } | null
  readonly output_tokens_details?: { readonly thinking_tokens?: number | null } | null
  readonly server_tool_use?: Readonly<Record<string, number | null>> | null
  readonly service_tier?: string | null
  readonly speed?: string | null
  readonly iterations?: readonly WireIteration[] | null
}

/** One pass of the model behind an answer (beta). */
export interface WireIteration extends WireUsage {
  readonly type: string
  readonly model?: string
}
