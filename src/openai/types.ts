/** Chat Completions objects as written here: OpenAI's members and common extensions. */
import type {
  Annotation,
  FinishReason,
  Native,
  OutputAudio,
  OutputFile,
  OutputImage,
  TokenLogprob,
  ToolCall,
  Usage,
} from '../chat/index.js'

/** A whole response: `object: 'chat.completion'`. */
export interface ChatCompletion {
  readonly id: string
  readonly object: 'chat.completion'
  /** Unix seconds. */
  readonly created: number
  readonly model: string
  readonly choices: readonly [ChatCompletionChoice]
  readonly usage: CompletionUsage
  readonly service_tier?: string
}

/** `function_call` is the legacy reason. */
export type CompletionReason = FinishReason | 'function_call'

/** A legacy call: of one function, without an id. */
export interface FunctionCallDelta {
  readonly name?: string
  readonly arguments: string
}

export interface ChatCompletionChoice {
  readonly index: 0
  readonly message: CompletionMessage
  readonly logprobs: CompletionLogprobs | null
  readonly finish_reason: CompletionReason
  /** The provider's own finish reason, as in OpenRouter. */
  readonly native_finish_reason?: string
}

export interface CompletionMessage {
  readonly role: 'assistant'
  readonly content: string | null
  readonly refusal: string | null
  readonly tool_calls?: readonly ToolCall[]
  /** Replaces `tool_calls` for a client that sent `functions`. */
  readonly function_call?: { readonly name: string; readonly arguments: string }
  readonly annotations?: readonly Annotation[]
  readonly audio?: OutputAudio
  /** As in DeepSeek, vLLM and litellm. */
  readonly reasoning_content?: string
  /** As in OpenRouter and litellm. */
  readonly images?: readonly OutputImage[]
  readonly files?: readonly OutputFile[]
  /** Blocks to send back to the provider; only on request. */
  readonly native?: Native
}

export interface CompletionLogprobs {
  readonly content: readonly TokenLogprob[] | null
  readonly refusal: readonly TokenLogprob[] | null
}

/** `cache_write_tokens` is OpenAI's name for litellm's `cache_creation_tokens`: both are set. */
export interface CompletionUsage extends Omit<Usage, 'prompt_tokens_details'> {
  readonly prompt_tokens_details?: NonNullable<Usage['prompt_tokens_details']> & {
    readonly cache_write_tokens?: number
  }
}

/** One chunk of a streamed response: `object: 'chat.completion.chunk'`. */
export interface ChatCompletionChunk {
  readonly id: string
  readonly object: 'chat.completion.chunk'
  /** Unix seconds; the same in each chunk. */
  readonly created: number
  readonly model: string
  readonly choices: readonly ChunkChoice[]
  readonly service_tier?: string
  /** With `includeUsage`: null on each chunk but the last, which has no choices. */
  readonly usage?: CompletionUsage | null
}

export interface ChunkChoice {
  readonly index: 0
  readonly delta: CompletionDelta
  readonly logprobs: CompletionLogprobs | null
  readonly finish_reason: CompletionReason | null
  readonly native_finish_reason?: string
}

export interface CompletionDelta {
  readonly role?: 'assistant'
  readonly content?: string
  readonly refusal?: string
  readonly tool_calls?: readonly ToolCallDelta[]
  readonly function_call?: FunctionCallDelta
  readonly annotations?: readonly Annotation[]
  readonly audio?: Partial<OutputAudio>
  readonly reasoning_content?: string
  readonly images?: readonly OutputImage[]
  readonly files?: readonly OutputFile[]
  readonly native?: Native
}

/** The first delta of a call has id, type and name; the others only arguments. */
export interface ToolCallDelta {
  readonly index: number
  readonly id?: string
  readonly type?: 'function' | 'custom'
  readonly function?: { readonly name?: string; readonly arguments: string }
  readonly custom?: { readonly name?: string; readonly input: string }
}

/** The body of OpenAI's error responses. */
export interface OpenAIErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
  }
}
