/**
 * The AI SDK's UI message stream, as far as every `useChat` from 5.0.0 on reads it: version 5.0.0 refuses each key and each
 * event it does not know. https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol
 */
import type { FinishReason, JsonObject, Native, Usage, Warning } from '../../../chat/index.js'

export type UiEvent =
  | { readonly type: 'start'; readonly messageId: string; readonly messageMetadata?: UiMetadata }
  | { readonly type: 'start-step' | 'finish-step' }
  /** Not in 5.0.0: a `reason`. */
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
  /** From 6 on, as the tools that wait for a yes are. */
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
  /** Not in 5.0.0: a `finishReason`; it stands in the metadata. */
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

/** `message.metadata` as far as it is ours. */
export interface UiMetadata extends JsonObject {
  readonly finish_reason?: FinishReason
  /** Of the request that ended last: where an answer went on, what came before it is not in it. */
  readonly usage?: Usage
  /** Only where the handler opened them. */
  readonly warnings?: readonly Warning[]
  readonly request_id?: string
  /** By the number of the step, from 1. Keys, as arrays would not be merged where an answer goes on. */
  readonly turns?: Readonly<Record<string, TurnNote>>
}

/** What a step says beside its parts, so that the turn can be rebuilt as it was. */
export interface TurnNote extends JsonObject {
  readonly native?: Native
  /** Of the assistant turn. */
  readonly mac?: string
  /** Of the results of its calls, by the id of the call. */
  readonly results?: Readonly<Record<string, string>>
  /** Why its user did not allow a call, by its id: an answer that is read again has no such word in its parts. */
  readonly reasons?: Readonly<Record<string, string>>
  /** Calls that their `input` does not say exactly. */
  readonly calls?: Readonly<Record<string, CallNote>>
}

/** `arguments`: the JSON text where it is not what `JSON.stringify` makes of the input. */
export type CallNote = { readonly arguments: string } | { readonly custom: true }

/** A message as the client keeps it and sends it back. */
export interface UiMessage {
  readonly id: string
  readonly role: 'system' | 'user' | 'assistant'
  readonly parts: readonly UiPart[]
  readonly metadata?: JsonObject
}

/** Not trusted: only its type has been looked at. */
export type UiPart = JsonObject & { readonly type: string }
