/**
 * What goes over the wire of generateContent, v1beta, as far as we write or read it. `test/types/gemini.ts` holds it against
 * the official SDK's types. Reading is lenient: anything may be absent, unknown members are passed over.
 */
import type { JsonObject } from '../../chat/index.js'

/** Base64 bytes with their media type. */
export interface InlineData {
  readonly mimeType?: string
  readonly data?: string
}

/** A file that Google can reach: of the Files API, a YouTube video, `gs://`, or a public address. */
export interface FileData {
  readonly mimeType?: string
  readonly fileUri?: string
}

export interface WireFunctionCall {
  readonly id?: string
  readonly name?: string
  readonly args?: Readonly<Record<string, unknown>>
  /** Vertex with `streamFunctionCallArguments`: the arguments, value by value. */
  readonly partialArgs?: readonly PartialArg[]
  readonly willContinue?: boolean
}

export interface PartialArg {
  /** `$.operations[1].price` */
  readonly jsonPath?: string
  readonly stringValue?: string
  readonly numberValue?: number
  readonly boolValue?: boolean
  readonly nullValue?: 'NULL_VALUE'
  /** More of this string follows. */
  readonly willContinue?: boolean
}

export interface FunctionResponse {
  readonly id?: string
  readonly name?: string
  readonly response?: Readonly<Record<string, unknown>>
  /** Gemini 3 and later. */
  readonly parts?: readonly FunctionResponsePart[]
}

export interface FunctionResponsePart {
  readonly inlineData?: InlineData
  readonly fileData?: FileData
}

/** One piece of a turn. Which member is there says what it is. */
export interface Part {
  readonly text?: string
  /** The text is a summary of the model's thoughts. */
  readonly thought?: boolean
  /** Base64. May stand on any part, also on one of empty text, and goes back where it stood. */
  readonly thoughtSignature?: string
  readonly inlineData?: InlineData
  readonly fileData?: FileData
  /** What a sound says. */
  readonly audioTranscription?: { readonly text?: string }
  readonly mediaResolution?: { readonly level?: MediaResolution }
  /** What of a video is looked at: offsets as `10s`, frames a second. */
  readonly videoMetadata?: {
    readonly startOffset?: string
    readonly endOffset?: string
    readonly fps?: number
  }
  readonly functionCall?: WireFunctionCall
  readonly functionResponse?: FunctionResponse
  readonly executableCode?: {
    readonly id?: string
    readonly language?: 'LANGUAGE_UNSPECIFIED' | 'PYTHON'
    readonly code?: string
  }
  readonly codeExecutionResult?: {
    readonly id?: string
    readonly outcome?:
      | 'OUTCOME_UNSPECIFIED'
      | 'OUTCOME_OK'
      | 'OUTCOME_FAILED'
      | 'OUTCOME_DEADLINE_EXCEEDED'
    readonly output?: string
  }
  /** A tool that Google ran, and what it gave. */
  readonly toolCall?: {
    readonly id?: string
    readonly toolType?: ToolType
    readonly args?: Readonly<Record<string, unknown>>
  }
  readonly toolResponse?: {
    readonly id?: string
    readonly toolType?: ToolType
    readonly response?: Readonly<Record<string, unknown>>
  }
}

export type ToolType =
  | 'TOOL_TYPE_UNSPECIFIED'
  | 'GOOGLE_SEARCH_WEB'
  | 'GOOGLE_SEARCH_IMAGE'
  | 'URL_CONTEXT'
  | 'GOOGLE_MAPS'
  | 'FILE_SEARCH'
  | 'MEDIA_PROCESSING'

export type MediaResolution =
  | 'MEDIA_RESOLUTION_LOW'
  | 'MEDIA_RESOLUTION_MEDIUM'
  | 'MEDIA_RESOLUTION_HIGH'
  | 'MEDIA_RESOLUTION_ULTRA_HIGH'

/** One turn. */
export interface Content {
  readonly role?: 'user' | 'model'
  readonly parts?: readonly Part[]
}

export interface FunctionDeclaration {
  readonly name: string
  readonly description?: string
  /** OpenAPI's dialect of a schema, types in capitals. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** JSON Schema. One of the two. */
  readonly parametersJsonSchema?: unknown
}

/** Function declarations, or one hosted tool under its own key. */
export interface WireTool {
  readonly functionDeclarations?: readonly FunctionDeclaration[]
  readonly [hosted: string]: unknown
}

export interface ToolConfig {
  readonly functionCallingConfig?: {
    readonly mode?: 'AUTO' | 'ANY' | 'NONE' | 'VALIDATED'
    readonly allowedFunctionNames?: readonly string[]
  }
  /** Gemini 3 and later: hosted tools beside functions, their calls as parts. */
  readonly includeServerSideToolInvocations?: boolean
}

export interface ThinkingConfig {
  readonly includeThoughts?: boolean
  /** Gemini 2.5; −1 lets the model choose. */
  readonly thinkingBudget?: number
  /** Gemini 3 and later. Never both. */
  readonly thinkingLevel?: 'MINIMAL' | 'LOW' | 'MEDIUM' | 'HIGH'
}

export interface GenerationConfig {
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly maxOutputTokens?: number
  readonly stopSequences?: readonly string[]
  readonly seed?: number
  readonly presencePenalty?: number
  readonly frequencyPenalty?: number
  readonly responseLogprobs?: boolean
  readonly logprobs?: number
  readonly responseMimeType?: string
  readonly responseJsonSchema?: unknown
  readonly responseModalities?: readonly ('TEXT' | 'IMAGE' | 'AUDIO')[]
  readonly thinkingConfig?: ThinkingConfig
}

/** The body of `:generateContent` and `:streamGenerateContent`. */
export interface GenerateContentBody {
  readonly contents: readonly Content[]
  readonly systemInstruction?: Content
  readonly tools?: readonly WireTool[]
  readonly toolConfig?: ToolConfig
  readonly generationConfig?: GenerationConfig
  readonly cachedContent?: string
  readonly serviceTier?: 'flex' | 'standard' | 'priority'
  readonly store?: boolean
}

/** Where a statement stands: bytes of UTF-8 in the answer. */
export interface Segment {
  readonly partIndex?: number
  readonly startIndex?: number
  readonly endIndex?: number
  readonly text?: string
}

export interface GroundingChunk {
  readonly web?: { readonly uri?: string; readonly title?: string }
  readonly maps?: { readonly uri?: string; readonly title?: string; readonly text?: string }
  readonly image?: {
    readonly sourceUri?: string
    readonly imageUri?: string
    readonly title?: string
  }
  readonly retrievedContext?: {
    readonly uri?: string
    readonly title?: string
    readonly text?: string
    readonly documentName?: string
    readonly fileSearchStore?: string
    readonly pageNumber?: number
  }
}

export interface GroundingMetadata {
  readonly groundingChunks?: readonly GroundingChunk[]
  readonly groundingSupports?: readonly {
    readonly segment?: Segment
    readonly groundingChunkIndices?: readonly number[]
  }[]
  readonly webSearchQueries?: readonly string[]
  readonly searchEntryPoint?: { readonly renderedContent?: string }
}

export interface WireCitation {
  readonly startIndex?: number
  readonly endIndex?: number
  readonly uri?: string
  readonly title?: string
}

export interface WireLogprob {
  readonly token?: string
  readonly logProbability?: number
}

export interface Candidate {
  readonly index?: number
  readonly content?: Content
  readonly finishReason?: string
  readonly finishMessage?: string
  readonly groundingMetadata?: GroundingMetadata
  readonly citationMetadata?: {
    /** The wire's name; the SDK says `citations`. */
    readonly citationSources?: readonly WireCitation[]
    readonly citations?: readonly WireCitation[]
  }
  readonly urlContextMetadata?: {
    readonly urlMetadata?: readonly {
      readonly retrievedUrl?: string
      readonly urlRetrievalStatus?: string
    }[]
  }
  readonly logprobsResult?: {
    readonly chosenCandidates?: readonly WireLogprob[]
    readonly topCandidates?: readonly { readonly candidates?: readonly WireLogprob[] }[]
  }
}

/** A whole answer, or one step of a streamed one. */
export interface GenerateContentResponse {
  readonly responseId?: string
  readonly modelVersion?: string
  /** RFC 3339. */
  readonly createTime?: string
  readonly candidates?: readonly Candidate[]
  readonly promptFeedback?: {
    readonly blockReason?: string
    readonly blockReasonMessage?: string
  }
  readonly usageMetadata?: JsonObject
  readonly error?: unknown
}
