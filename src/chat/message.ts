/** Messages as stored and sent: Chat Completions shape, every member readonly. */
import { asObjects, asString } from './json.js'
import type { Annotation, HostedTool } from './output.js'

export type Message = SystemMessage | UserMessage | AssistantInput | ToolMessage

export interface SystemMessage {
  readonly role: 'system' | 'developer'
  readonly content: string | readonly TextPart[]
  readonly name?: string | undefined
  readonly cache_control?: CacheControl | undefined
}

export interface UserMessage {
  readonly role: 'user'
  readonly content: string | readonly UserPart[]
  /** Identifies it in a conversation that the route's server stores; never sent to a provider. */
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly cache_control?: CacheControl | undefined
}

/** The assistant turn of a response. Append it to the history unchanged. */
export interface AssistantMessage {
  readonly role: 'assistant'
  readonly content: string | null
  readonly refusal?: string | null
  readonly tool_calls?: readonly ToolCall[]
  readonly reasoning_content?: string
  readonly annotations?: readonly Annotation[]
  readonly images?: readonly OutputImage[]
  readonly audio?: OutputAudio
  readonly files?: readonly OutputFile[]
  readonly hosted_tools?: readonly HostedTool[]
  /** Whether it is interim commentary or the answer (OpenAI): `commentary`, `final_answer`. */
  readonly phase?: string
  /** The leading part of `content` that is commentary, if the rest is not. */
  readonly commentary?: string
  readonly native?: Native
}

/** An assistant turn of a history, stored by this library or by another. */
export interface AssistantInput {
  readonly role: 'assistant'
  readonly content?: string | null | readonly AssistantPart[] | undefined
  readonly name?: string | undefined
  readonly refusal?: string | null | undefined
  readonly tool_calls?: readonly ToolCall[] | null | undefined
  readonly reasoning_content?: string | null | undefined
  readonly annotations?: readonly Annotation[] | undefined
  readonly images?: readonly OutputImage[] | undefined
  readonly audio?: Partial<OutputAudio> | null | undefined
  readonly files?: readonly OutputFile[] | undefined
  readonly hosted_tools?: readonly HostedTool[] | undefined
  readonly native?: Native | undefined
  readonly cache_control?: CacheControl | undefined
  /** Whether it is interim commentary or the answer (OpenAI): `commentary`, `final_answer`. */
  readonly phase?: string | null | undefined
  /** The leading part of `content` that is commentary, if the rest is not. */
  readonly commentary?: string | null | undefined
  /** The legacy form of `tool_calls`. */
  readonly function_call?: { readonly name: string; readonly arguments: string } | null | undefined
  /**
   * A layer has changed earlier messages: signatures over the old prefix are dropped for models
   * that verify it. Not part of a stored message.
   */
  readonly is_moved?: true | undefined
  /** Signed thinking in litellm's format. */
  readonly thinking_blocks?: readonly Readonly<Record<string, unknown>>[] | null | undefined
  /** litellm's slot for thought signatures and similar data. */
  readonly provider_specific_fields?: Readonly<Record<string, unknown>> | null | undefined
}

export interface ToolMessage {
  readonly role: 'tool'
  readonly tool_call_id: string
  readonly content?: string | readonly UserPart[] | undefined
  readonly name?: string | undefined
  readonly is_error?: true | undefined
  readonly cache_control?: CacheControl | undefined
  /** The user's decision on a `tool-approval`: the `tools` middleware runs or rejects the call. */
  readonly approval?: ToolApproval | undefined
}

export interface ToolApproval {
  readonly id: string
  readonly approved: boolean
  readonly reason?: string | undefined
}

export interface CacheControl {
  readonly type: 'ephemeral'
  readonly ttl?: '5m' | '1h' | undefined
}

export interface TextPart {
  readonly type: 'text'
  readonly text: string
  readonly cache_control?: CacheControl | undefined
}

/** `url` is a URL or data URI; `format` is the media type if the URL does not imply it. */
export interface ImagePart {
  readonly type: 'image_url'
  readonly image_url:
    | string
    | {
        readonly url: string
        readonly detail?: string | undefined
        readonly format?: string | undefined
      }
  readonly cache_control?: CacheControl | undefined
}

/** `data` is base64, `format` a short name: wav, mp3. */
export interface AudioPart {
  readonly type: 'input_audio'
  readonly input_audio: { readonly data: string; readonly format: string }
  readonly cache_control?: CacheControl | undefined
}

/** One of `file_data` (data URI, or base64 with `format`), `file_id`, `file_url`. */
export interface FilePart {
  readonly type: 'file'
  readonly file: {
    readonly file_data?: string | undefined
    readonly file_id?: string | undefined
    readonly file_url?: string | undefined
    readonly filename?: string | undefined
    /** Media type. */
    readonly format?: string | undefined
  }
  /** The provider that issued the `file_id`. */
  readonly provider?: string | undefined
  readonly cache_control?: CacheControl | undefined
}

export interface RefusalPart {
  readonly type: 'refusal'
  readonly refusal: string
}

/** Thinking as a part of an assistant message, in the format of Anthropic and litellm. */
export interface ThinkingPart {
  readonly type: 'thinking'
  readonly thinking: string
  readonly signature?: string | undefined
}

export type UserPart = TextPart | ImagePart | AudioPart | FilePart
export type AssistantPart = TextPart | RefusalPart | ThinkingPart | ImagePart | FilePart
export type ContentPart = UserPart | AssistantPart

export type ToolCall = FunctionCall | CustomCall

/** Provider-specific members of a call, to be sent back to the provider. */
export interface CallMembers {
  /** Distinguishes tools of the same name (OpenAI). */
  readonly namespace?: string
  /** The caller, if not the model itself: code in the provider's container. */
  readonly caller?: Readonly<Record<string, unknown>>
  /** The model continues before the result arrives (OpenAI). */
  readonly async?: true
  /** The toolset that contains the tool (Anthropic). */
  readonly toolset_name?: string
}

/** `arguments` is JSON text. */
export interface FunctionCall extends CallMembers {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
  /** litellm's slot for a thought signature. */
  readonly provider_specific_fields?: Readonly<Record<string, unknown>> | null | undefined
}

/** `input` is free text. */
export interface CustomCall extends CallMembers {
  readonly id: string
  readonly type: 'custom'
  readonly custom: { readonly name: string; readonly input: string }
}

export interface OutputImage {
  readonly type: 'image_url'
  readonly image_url: { readonly url: string }
}

export interface OutputAudio {
  readonly data: string
  readonly id?: string
  readonly format?: string
  readonly transcript?: string
  /** Unix seconds. */
  readonly expires_at?: number
}

export interface OutputFile {
  readonly media_type: string
  readonly data?: string
  readonly file_id?: string
  readonly name?: string
}

/**
 * The origin of an assistant turn, and the provider's own blocks to send back byte for byte.
 * Opaque, JSON-serializable.
 */
export interface Native {
  /** Format version; absent in data stored by older versions. */
  readonly v?: 1
  readonly provider: string
  /** The model that answered. */
  readonly model: string
  /** The requested model, if the response names another. */
  readonly asked?: string
  /**
   * The provider's own blocks; absent if the message is complete without them, or was edited and no
   * longer matches them.
   */
  readonly content?: readonly unknown[]
  /** The model's original output, if a reversible transform changed it. */
  readonly said?: unknown
}

/** Sets `is_moved` on a message that may hold signatures, after a change to earlier messages. */
export const asMoved = (message: Message): Message =>
  message.role === 'assistant' &&
  (message.native?.content || message.thinking_blocks || Array.isArray(message.content))
    ? { ...message, is_moved: true }
    : message

/** The origin without the blocks, for a message that no longer matches them. */
export const originOf = ({ content: _, said: __, ...origin }: Native): Native => origin

/** The text and refusal of an assistant message, each joined from its parts. */
export function visibleText({ content, refusal }: AssistantInput) {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : asObjects(content)
  const join = (type: string, member: 'text' | 'refusal') =>
    parts.map((part) => (part.type === type ? asString(part[member]) : '')).join('')
  return { text: join('text', 'text'), refusal: refusal ?? join('refusal', 'refusal') }
}
