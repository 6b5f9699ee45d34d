/** The answer of one call, and what a stream of it says chunk by chunk. */
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
  /** What answered. */
  readonly model: string
  readonly provider: string
  /** '' if none. */
  readonly text: string
  /** The last assistant turn. */
  readonly message: AssistantMessage
  /** All that this call added, in order: push these. */
  readonly messages: readonly (AssistantMessage | ToolMessage)[]
  readonly finish_reason: FinishReason
  readonly native_finish_reason?: string
  readonly stop_sequence?: string
  /** Sum of the answer's turns. */
  readonly usage: Usage
  /** Every provider call behind it; put on by the client at the end. */
  readonly attempts: readonly Attempt[]
  readonly warnings: readonly Warning[]
  /** Tool calls that wait for a yes. */
  readonly approvals?: readonly PendingApproval[]
  readonly parsed?: unknown
  readonly logprobs?: LogprobContent
  readonly service_tier?: string
  readonly request_id?: string
  /** Members of the provider's answer that nothing above says, in its own words; of a loop, of its last turn. */
  readonly provider_specific_fields?: Readonly<Record<string, unknown>>
}

/** The answer so far: while the call runs, and on an error. */
export interface PartialResponse extends Omit<ChatResponse, 'finish_reason'> {
  readonly finish_reason: null
  /** Calls whose arguments had not come to their end. */
  readonly unfinished_tool_calls?: readonly ToolCall[]
}

export interface PendingApproval {
  readonly id: string
  readonly tool_call_id: string
  /** Of the tool that is called. */
  readonly name: string
  /** JSON text; the free text of a custom call. */
  readonly arguments: string
}

/** The call itself is in the messages: its name and arguments are read there. */
export type ApprovalInput = Pick<PendingApproval, 'id' | 'tool_call_id'> & Partial<PendingApproval>

/** What the calls that wait for a yes are to do. The message is the truth: what a layer edits there is edited here. */
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

/** What an adapter, or a layer that answers by itself, must say; the core completes the rest. */
export type AnswerInput = Pick<
  ChatResponse,
  'id' | 'created' | 'model' | 'message' | 'finish_reason' | 'usage'
> &
  Partial<Omit<ChatResponse, 'approvals'>> & {
    readonly approvals?: readonly ApprovalInput[]
  }

/**
 * One step of a stream. `start` … `finish` bracket one model turn; content stands between them; only `tool-result`,
 * `tool-approval`, `data` and `warning` may stand outside. Tool-call indices are dense from 0 in each turn.
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
      /** Whether it is the answer or a word on the way to it (OpenAI): `commentary`, `final_answer`. */
      readonly phase?: string
    }
  | {
      readonly type: 'reasoning-delta'
      readonly text: string
      /** About how many tokens were thought since, where the text is not shown (Anthropic); no part of the usage. */
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
      /** What came since, in the provider's words (`{ code: 'print(' }`): to be shown now, no part of the message. */
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

/** image/* is folded into `images`, audio/* into `audio`, all else into `files`. `data` is base64; an image may have a `url` instead. */
export interface FileChunk {
  readonly type: 'file'
  readonly media_type: string
  readonly data?: string
  readonly url?: string
  readonly file_id?: string
  readonly name?: string
  /** Audio only: what it says, and until when the provider knows it by `file_id` (Unix seconds). */
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
  /** Members of the provider's answer that no chunk says, in its own words. */
  readonly provider_specific_fields?: Readonly<Record<string, unknown>>
}

export type ChunkOf<Type extends StreamChunk['type']> = Extract<
  StreamChunk,
  { readonly type: Type }
>
