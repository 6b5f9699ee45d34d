/**
 * The AI SDK's UI message stream, limited to what every `useChat` from 5.0.0 on reads: 5.0.0
 * rejects unknown keys and events. https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol
 */
import type { FinishReason, JsonObject, Native, Usage, Warning } from '../../../chat/index.js'

export type UiEvent =
  | { readonly type: 'start'; readonly messageId: string; readonly messageMetadata?: UiMetadata }
  | { readonly type: 'start-step' | 'finish-step' }
  /** Without `reason`, which 5.0.0 rejects. */
  | { readonly type: 'abort' }
  | {
      readonly type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end'
      readonly id: string
    }
  | UiDelta
  | ToolInputStart
  | ToolInputDelta
  | ToolInput
  | ToolOutput
  | ToolError
  /** From version 6 on, as are tools that need approval. */
  | {
      readonly type: 'tool-approval-request'
      readonly approvalId: string
      readonly toolCallId: string
    }
  | { readonly type: 'tool-output-denied'; readonly toolCallId: string }
  | {
      readonly type: 'source-url'
      readonly sourceId: string
      readonly url: string
      readonly title?: string
    }
  | SourceDocument
  | { readonly type: 'file'; readonly url: string; readonly mediaType: string }
  | DataEvent
  /** Merged into `message.metadata`, objects member by member. */
  | { readonly type: 'message-metadata'; readonly messageMetadata: UiMetadata }
  /** Without `finishReason`, which 5.0.0 rejects; it is in the metadata. */
  | { readonly type: 'finish'; readonly messageMetadata?: UiMetadata }
  | { readonly type: 'error'; readonly errorText: string }

export interface UiDelta {
  readonly type: 'text-delta' | 'reasoning-delta'
  readonly id: string
  readonly delta: string
}

export interface ToolInputStart {
  readonly type: 'tool-input-start'
  readonly toolCallId: string
  readonly toolName: string
  readonly providerExecuted?: true
  readonly dynamic?: true
}

export interface ToolInputDelta {
  readonly type: 'tool-input-delta'
  readonly toolCallId: string
  readonly inputTextDelta: string
}

export interface ToolInput {
  readonly type: 'tool-input-available'
  readonly toolCallId: string
  readonly toolName: string
  readonly input: unknown
  readonly providerExecuted?: true
  readonly dynamic?: true
}

export interface ToolOutput {
  readonly type: 'tool-output-available'
  readonly toolCallId: string
  readonly output: unknown
  readonly providerExecuted?: true
}

export interface ToolError {
  readonly type: 'tool-output-error'
  readonly toolCallId: string
  readonly errorText: string
  readonly providerExecuted?: true
}

export interface SourceDocument {
  readonly type: 'source-document'
  readonly sourceId: string
  readonly mediaType: string
  readonly title: string
  readonly filename?: string
}

export interface DataEvent {
  readonly type: `data-${string}`
  readonly data: unknown
  readonly id?: string
  readonly transient?: true
}

/** The members of `message.metadata` that we set. */
export interface UiMetadata extends JsonObject {
  readonly finish_reason?: FinishReason
  /** Of the last request only: a continued answer does not include earlier ones. */
  readonly usage?: Usage
  /** Only where the handler exposes them. */
  readonly warnings?: readonly Warning[]
  readonly request_id?: string
  /** By step number, from 1. An object, as arrays would not be merged where an answer continues. */
  readonly turns?: Readonly<Record<string, TurnNote>>
}

/** What the parts of a step omit, to rebuild the turn exactly. */
export interface TurnNote extends JsonObject {
  readonly native?: Native
  /** Signature of the assistant turn. */
  readonly mac?: string
  /** Signatures of tool results, by call id. */
  readonly results?: Readonly<Record<string, string>>
  /** Why the user denied a call, by call id: the parts of a replayed answer omit it. */
  readonly reasons?: Readonly<Record<string, string>>
  /** Calls whose `input` does not give their exact text. */
  readonly calls?: Readonly<Record<string, CallNote>>
}

/** `arguments`: the JSON text where it differs from `JSON.stringify` of the input. */
export type CallNote = { readonly arguments: string } | { readonly custom: true }

/** A message as the client stores it and sends it back. */
export interface UiMessage {
  readonly id: string
  readonly role: 'system' | 'user' | 'assistant'
  readonly parts: readonly UiPart[]
  readonly metadata?: JsonObject
}

/** Not trusted: only its type has been checked. */
export type UiPart = JsonObject & { readonly type: string }
