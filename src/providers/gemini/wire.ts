/**
 * The wire of generateContent, v1beta, in the types of the official SDK. Reading is lenient:
 * anything may be absent, unknown members are ignored.
 */
import type * as Sdk from '@google/genai'
import type { JsonObject } from '../../chat/index.js'
import type { Plain } from '../plain.js'

export type WireFunctionCall = Plain<Sdk.FunctionCall>
export type PartialArg = Plain<Sdk.PartialArg>
export type FunctionResponsePart = Plain<Sdk.FunctionResponsePart>
/** One piece of a turn, with one member for its kind. */
export type Part = Plain<Sdk.Part>
export type Parts = readonly Part[]
export type MediaResolution = NonNullable<NonNullable<Part['mediaResolution']>['level']>

export interface Content {
  readonly role?: 'user' | 'model'
  readonly parts?: Parts
}

/** `parameters`: OpenAPI's schema dialect, as the caller wrote it. */
export interface FunctionDeclaration extends Omit<Plain<Sdk.FunctionDeclaration>, 'parameters'> {
  readonly parameters?: JsonObject
}

/** Function declarations, or one hosted tool under its own key. */
export interface WireTool {
  readonly functionDeclarations?: readonly FunctionDeclaration[]
  readonly [hosted: string]: unknown
}

export type ToolConfig = Plain<Sdk.ToolConfig>

/** XHIGH exists since @google/genai 3.3. */
export type Level = Exclude<
  NonNullable<Plain<Sdk.ThinkingConfig>['thinkingLevel']> | 'XHIGH',
  'THINKING_LEVEL_UNSPECIFIED'
>

export interface ThinkingConfig extends Omit<Plain<Sdk.ThinkingConfig>, 'thinkingLevel'> {
  readonly thinkingLevel?: Level
}

export interface GenerationConfig
  extends Omit<Plain<Sdk.GenerationConfig>, 'thinkingConfig' | 'responseSchema'> {
  readonly thinkingConfig?: ThinkingConfig
  readonly responseSchema?: unknown
}

/** The body of `:generateContent` and `:streamGenerateContent`. */
export interface GenerateContentBody {
  readonly contents: readonly Content[]
  readonly systemInstruction?: Content
  readonly tools?: readonly WireTool[]
  readonly toolConfig?: ToolConfig
  readonly generationConfig?: GenerationConfig
  readonly cachedContent?: string
  readonly serviceTier?: Exclude<Plain<Sdk.GenerateContentConfig>['serviceTier'], undefined>
  readonly store?: boolean
}

/** `finishReason` is a string: old gateways send values beyond the enum. */
export interface Candidate
  extends Omit<Plain<Sdk.Candidate>, 'finishReason' | 'content' | 'groundingMetadata'> {
  readonly content?: Plain<Sdk.Content>
  readonly finishReason?: string
  readonly groundingMetadata?: JsonObject
}

/** A whole answer, or one chunk of a streamed one. */
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
