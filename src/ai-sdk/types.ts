/** The AI SDK's provider interface, versions 2 to 4, as far as it is read and written here. */

/** For ai 5, 6 and 7. */
export type Specification = 'v2' | 'v3' | 'v4'

/** A language model for `generateText`, `streamText` and agents of the AI SDK. */
export interface AiSdkModel<Version extends Specification = 'v3'> {
  readonly specificationVersion: Version
  readonly provider: string
  readonly modelId: string
  readonly supportedUrls: Record<string, RegExp[]>
  doGenerate(options: ModelCallOptions): Promise<ModelResult<Version>>
  doStream(options: ModelCallOptions): Promise<{ stream: ReadableStream<ModelPart<Version>> }>
}

// -- what comes in -----------------------------------------------------------------------------------------------------

export interface WithOptions {
  readonly providerOptions?:
    | Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
    | undefined
}

export interface ModelCallOptions extends WithOptions {
  readonly prompt: readonly PromptMessage[]
  readonly maxOutputTokens?: number | undefined
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly topK?: number | undefined
  readonly stopSequences?: readonly string[] | undefined
  readonly seed?: number | undefined
  readonly presencePenalty?: number | undefined
  readonly frequencyPenalty?: number | undefined
  readonly responseFormat?: ModelFormat | undefined
  readonly tools?: readonly ModelTool[] | undefined
  readonly toolChoice?: { readonly type: string; readonly toolName?: string } | undefined
  /** Since v4. */
  readonly reasoning?: string | undefined
  readonly includeRawChunks?: boolean | undefined
  readonly abortSignal?: AbortSignal | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
}

export interface ModelFormat {
  readonly type: string
  readonly schema?: object | undefined
  readonly name?: string | undefined
  readonly description?: string | undefined
}

export interface ModelTool extends WithOptions {
  readonly type: string
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema?: object | undefined
  readonly strict?: boolean | undefined
  /** Since v3. */
  readonly inputExamples?: readonly { readonly input: unknown }[] | undefined
  /** For a provider's tool: `anthropic.web_search_20250305`. */
  readonly id?: string | undefined
  readonly args?: Readonly<Record<string, unknown>> | undefined
}

export interface PromptMessage extends WithOptions {
  readonly role: string
  readonly content: string | readonly PromptPart[]
}

/** Any part of a message or of a tool's output; `type` determines its members. */
export interface PromptPart extends WithOptions {
  readonly type: string
  readonly text?: string | undefined
  readonly data?: unknown
  readonly url?: string | undefined
  readonly fileId?: unknown
  readonly mediaType?: string | undefined
  readonly filename?: string | undefined
  readonly toolCallId?: string | undefined
  readonly toolName?: string | undefined
  readonly input?: unknown
  readonly output?:
    | { readonly type: string; readonly value?: unknown; readonly reason?: string | undefined }
    | undefined
  readonly providerExecuted?: boolean | undefined
  readonly approvalId?: string | undefined
  readonly approved?: boolean | undefined
  readonly reason?: string | undefined
}

// -- what goes out -----------------------------------------------------------------------------------------------------

export type Json = null | string | number | boolean | Json[] | { [key: string]: Json }
export type JsonRecord = { [key: string]: Json }

interface WithMetadata {
  /** Under `tetrad`. */
  providerMetadata?: Record<string, JsonRecord>
}

/** Only since version 3. */
type Since3<Version extends Specification, Part> = Version extends 'v2' ? never : Part

export type ModelWarning<Version extends Specification = Specification> =
  | { type: 'other'; message: string }
  | Since3<Version, { type: 'unsupported'; feature: string; details: string }>

interface OfCall extends WithMetadata {
  toolCallId: string
  toolName: string
  providerExecuted?: boolean
  dynamic?: boolean
}

/** Parts of a whole response and of a stream alike. */
export type WholePart<Version extends Specification = Specification> =
  | ({ type: 'tool-call'; input: string } & OfCall)
  | ({ type: 'tool-result'; result: NonNullable<Json>; isError?: boolean } & OfCall)
  | Since3<Version, { type: 'tool-approval-request'; approvalId: string; toolCallId: string }>
  | { type: 'source'; sourceType: 'url'; id: string; url: string; title?: string }
  | {
      type: 'source'
      sourceType: 'document'
      id: string
      mediaType: string
      title: string
      filename?: string
    }
  | {
      type: 'file'
      mediaType: string
      data: Version extends 'v4' ? { type: 'data'; data: string } : string
    }

type ResponseMetadata = { id: string; timestamp: Date; modelId: string }

export type ModelFinish<Version extends Specification> = WithMetadata & {
  finishReason: Version extends 'v2'
    ? UnifiedReason
    : { unified: UnifiedReason; raw: string | undefined }
  usage: Version extends 'v2' ? FlatUsage : GroupedUsage
}

type UnifiedReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error'

export type FlatUsage = Record<
  'inputTokens' | 'outputTokens' | 'totalTokens' | 'reasoningTokens' | 'cachedInputTokens',
  number | undefined
>

export interface GroupedUsage {
  inputTokens: Record<'total' | 'noCache' | 'cacheRead' | 'cacheWrite', number | undefined>
  outputTokens: Record<'total' | 'text' | 'reasoning', number | undefined>
  raw: JsonRecord
}

export type ModelPart<Version extends Specification = Specification> =
  | WholePart<Version>
  | { type: 'stream-start'; warnings: ModelWarning<Version>[] }
  | ({ type: 'response-metadata' } & ResponseMetadata)
  | { type: 'text-start' | 'reasoning-start'; id: string }
  | { type: 'text-delta' | 'reasoning-delta' | 'tool-input-delta'; id: string; delta: string }
  | ({ type: 'text-end' | 'reasoning-end'; id: string } & WithMetadata)
  | ({ type: 'tool-input-start'; id: string } & Omit<OfCall, 'toolCallId'>)
  | { type: 'tool-input-end'; id: string }
  | ({ type: 'finish' } & ModelFinish<Version>)
  /** One of our chunks. */
  | { type: 'raw'; rawValue: unknown }
  | { type: 'error'; error: unknown }

export type ModelContent<Version extends Specification> =
  | WholePart<Version>
  | ({ type: 'text' | 'reasoning'; text: string } & WithMetadata)

export type ModelResult<Version extends Specification> = ModelFinish<Version> & {
  content: ModelContent<Version>[]
  warnings: ModelWarning<Version>[]
  response: ResponseMetadata & { headers?: Record<string, string> }
}
