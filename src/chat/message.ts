/** Messages as they are stored and sent: Chat Completions shape, every member readonly. */
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
  /** Names it in a conversation that a route's server keeps; no provider is sent it. */
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly cache_control?: CacheControl | undefined
}

/** The assistant turn of an answer. Push it back into the history as it is. */
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
  /** Whether its text is the answer or a word on the way to it (OpenAI): `commentary`, `final_answer`. */
  readonly phase?: string
  /** The beginning of `content` that is commentary, where the rest is not. */
  readonly commentary?: string
  readonly native?: Native
}

/** An assistant turn as a history may hold it: ours, or one that another library stored. */
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
  /** Whether it is the answer or a word on the way to it (OpenAI): `commentary`, `final_answer`. */
  readonly phase?: string | null | undefined
  /** The beginning of `content` that is commentary, where the rest is not. */
  readonly commentary?: string | null | undefined
  /** The call of the time before `tool_calls`. */
  readonly function_call?: { readonly name: string; readonly arguments: string } | null | undefined
  /**
   * A layer has changed what stands before it: what was signed behind the old beginning is left out where the model
   * wants it unchanged. No part of what is stored.
   */
  readonly is_moved?: true | undefined
  /** Signed thinking as litellm stores it. */
  readonly thinking_blocks?: readonly Readonly<Record<string, unknown>>[] | null | undefined
  /** Where litellm keeps thought signatures and the like. */
  readonly provider_specific_fields?: Readonly<Record<string, unknown>> | null | undefined
}

export interface ToolMessage {
  readonly role: 'tool'
  readonly tool_call_id: string
  readonly content?: string | readonly UserPart[] | undefined
  readonly name?: string | undefined
  readonly is_error?: true | undefined
  readonly cache_control?: CacheControl | undefined
  /** A person's answer to a `tool-approval`: the `tools` middleware runs or refuses the call. */
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

/** `url` is an address or a data URI; `format` is the media type where the address does not tell it. */
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

/** `data` is base64, `format` the short name: wav, mp3. */
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
  /** The provider that gave the `file_id`. */
  readonly provider?: string | undefined
  readonly cache_control?: CacheControl | undefined
}

export interface RefusalPart {
  readonly type: 'refusal'
  readonly refusal: string
}

/** Thinking as Anthropic and litellm store it among the parts of an assistant message. */
export interface ThinkingPart {
  readonly type: 'thinking'
  readonly thinking: string
  readonly signature?: string | undefined
}

export type UserPart = TextPart | ImagePart | AudioPart | FilePart
export type AssistantPart = TextPart | RefusalPart | ThinkingPart | ImagePart | FilePart
export type ContentPart = UserPart | AssistantPart

export type ToolCall = FunctionCall | CustomCall

/** What some providers say of a call beside its name and arguments. They want it back. */
export interface CallMembers {
  /** Where tools of one name are several (OpenAI). */
  readonly namespace?: string
  /** Who called, where it was not the model itself: code in the provider's container. */
  readonly caller?: Readonly<Record<string, unknown>>
  /** The answer goes on before the result is there (OpenAI). */
  readonly async?: true
  /** The toolset that has the tool (Anthropic). */
  readonly toolset_name?: string
}

/** `arguments` is JSON text. */
export interface FunctionCall extends CallMembers {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
  /** Where litellm keeps a thought signature. */
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

/** Where an assistant turn came from, and the provider's own blocks that it wants back byte for byte. Opaque, JSON-serialisable. */
export interface Native {
  /** The form of this slot; absent in what older versions stored. */
  readonly v?: 1
  readonly provider: string
  /** The one that answered. */
  readonly model: string
  /** What was asked for, where the answer has another name. */
  readonly asked?: string
  /** The provider's own blocks; absent where the message says it all, or was edited, so that they no longer say what it says. */
  readonly content?: readonly unknown[]
  /** What the model wrote, where a reversible transform changed it. */
  readonly said?: unknown
}

/** Marks what may be signed, and stands behind a beginning that a layer has changed. */
export const asMoved = (message: Message): Message =>
  message.role === 'assistant' &&
  (message.native?.content || message.thinking_blocks || Array.isArray(message.content))
    ? { ...message, is_moved: true }
    : message

/** A turn that says something else than its blocks still says where it came from. */
export const originOf = ({ content: _, said: __, ...origin }: Native): Native => origin

/** What an assistant message says in words, its parts joined. */
export function visibleText({ content, refusal }: AssistantInput) {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : asObjects(content)
  const join = (type: string, member: 'text' | 'refusal') =>
    parts.map((part) => (part.type === type ? asString(part[member]) : '')).join('')
  return { text: join('text', 'text'), refusal: refusal ?? join('refusal', 'refusal') }
}
