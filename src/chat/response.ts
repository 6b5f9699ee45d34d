/** The response of one call, and the chunks of its stream. */
import { readToolCall } from './arguments.js'
import type {
  AssistantMessage,
  CallMembers,
  Native,
  ToolCall,
  ToolMessage,
  UserPart,
} from './message.js'
import type {
  Annotation,
  Attempt,
  FinishReason,
  HostedTool,
  LogprobContent,
  TokenLogprob,
  Warning,
} from './output.js'
import type { Usage } from './usage.js'

export interface ChatResponse {
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  /** The model that answered. */
  readonly model: string
  readonly provider: string
  /** '' if none. */
  readonly text: string
  /** The last assistant turn. */
  readonly message: AssistantMessage
  /** All messages that this call added, in order: append these to the history. */
  readonly messages: readonly (AssistantMessage | ToolMessage)[]
  readonly finish_reason: FinishReason
  readonly native_finish_reason?: string
  readonly stop_sequence?: string
  /** The sum over all turns. */
  readonly usage: Usage
  /** Every provider call behind it; set by the client at the end. */
  readonly attempts: readonly Attempt[]
  readonly warnings: readonly Warning[]
  /** Tool calls that await approval. */
  readonly approvals?: readonly PendingApproval[]
  readonly parsed?: unknown
  readonly logprobs?: LogprobContent
  readonly service_tier?: string
  readonly request_id?: string
  /**
   * Members of the provider's response without a field above, in its own format; in a tool loop,
   * those of the last turn.
   */
  readonly provider_specific_fields?: Readonly<Record<string, unknown>>
}

/** The response so far, while the call runs and on an error. */
export interface PartialResponse extends Omit<ChatResponse, 'finish_reason'> {
  readonly finish_reason: null
  /** Calls whose arguments are incomplete. */
  readonly unfinished_tool_calls?: readonly ToolCall[]
}

export interface PendingApproval {
  readonly id: string
  readonly tool_call_id: string
  /** Name of the tool. */
  readonly name: string
  /** JSON text, or the free text of a custom call. */
  readonly arguments: string
}

/** Name and arguments are read from the call in the messages. */
export type ApprovalInput = Pick<PendingApproval, 'id' | 'tool_call_id'> & Partial<PendingApproval>

/** Adds name and arguments from the calls in the messages, where layers may have edited them. */
export function toPendingApprovals(
  approvals: readonly ApprovalInput[],
  messages: ChatResponse['messages'],
): readonly PendingApproval[] {
  const calls = messages.flatMap((one) => (one.role === 'assistant' ? (one.tool_calls ?? []) : []))
  return approvals.map((approval) => {
    const call = calls.findLast(({ id }) => id === approval.tool_call_id)
    if (!call) return { name: '', arguments: '', ...approval }
    const { name, text } = readToolCall(call)
    return { ...approval, name, arguments: text }
  })
}

/** The members required of an adapter, or a layer that answers itself; the core adds the rest. */
export type AnswerInput = Pick<
  ChatResponse,
  'id' | 'created' | 'model' | 'message' | 'finish_reason' | 'usage'
> &
  Partial<Omit<ChatResponse, 'approvals'>> & {
    readonly approvals?: readonly ApprovalInput[]
  }

/**
 * One step of a stream. `start` … `finish` enclose one model turn; content is sent between them;
 * only `tool-result`, `tool-approval`, `data` and `warning` may be outside. Tool-call indices are
 * dense from 0 in each turn.
 */
export type StreamChunk =
  | {
      readonly type: 'start'
      readonly id: string
      readonly model: string
      readonly provider: string
      readonly created: number
      readonly request_id?: string
    }
  | {
      readonly type: 'text-delta'
      readonly text: string
      /** Whether it is interim commentary or the answer (OpenAI): `commentary`, `final_answer`. */
      readonly phase?: string
    }
  | {
      readonly type: 'reasoning-delta'
      readonly text: string
      /** Estimated hidden reasoning tokens since the last chunk (Anthropic), not part of usage. */
      readonly estimated_tokens?: number
    }
  | { readonly type: 'refusal-delta'; readonly text: string }
  | ({
      readonly type: 'tool-call-start'
      readonly index: number
      readonly id: string
      readonly name: string
      readonly kind?: 'custom'
    } & CallMembers)
  | { readonly type: 'tool-call-delta'; readonly index: number; readonly arguments: string }
  | { readonly type: 'tool-call-end'; readonly index: number }
  | {
      readonly type: 'tool-result'
      readonly tool_call_id: string
      readonly name: string
      readonly content: string | readonly UserPart[]
      readonly is_error?: true
    }
  | { readonly type: 'tool-approval'; readonly id: string; readonly tool_call_id: string }
  | ({
      readonly type: 'hosted-tool'
      /** New output, in the provider's format (`{ code: 'print(' }`), not part of the message. */
      readonly progress?: Readonly<Record<string, unknown>>
    } & HostedTool)
  | { readonly type: 'annotation'; readonly annotation: Annotation }
  | FileChunk
  | { readonly type: 'logprobs'; readonly content: readonly TokenLogprob[] }
  | {
      readonly type: 'data'
      readonly name: string
      readonly data: unknown
      readonly id?: string
      readonly transient?: true
    }
  | { readonly type: 'warning'; readonly warning: Warning }
  | FinishChunk

/**
 * image/* is accumulated in `images`, audio/* in `audio`, all else in `files`. `data` is base64; an
 * image may have a `url` instead.
 */
export interface FileChunk {
  readonly type: 'file'
  readonly media_type: string
  readonly data?: string
  readonly url?: string
  readonly file_id?: string
  readonly name?: string
  /** Audio only: its transcript, and when its `file_id` expires at the provider (Unix seconds). */
  readonly transcript?: string
  readonly expires_at?: number
}

export interface FinishChunk {
  readonly type: 'finish'
  readonly finish_reason: FinishReason
  readonly native_finish_reason?: string
  readonly stop_sequence?: string
  readonly service_tier?: string
  readonly usage: Usage
  readonly native?: Native
  readonly parsed?: unknown
  /** Members of the provider's response that no chunk carries, in its own format. */
  readonly provider_specific_fields?: Readonly<Record<string, unknown>>
}

export type ChunkOf<Type extends StreamChunk['type']> = Extract<
  StreamChunk,
  { readonly type: Type }
>
