/** Our bodies are assignable to the official SDK's types; invalid ones do not compile. */
import type {
  GenerateContentConfig,
  GenerateContentParameters,
  GoogleGenAI,
  Candidate as SdkCandidate,
  Content as SdkContent,
  FunctionCallingConfig as SdkFunctionCallingConfig,
  FunctionDeclaration as SdkFunctionDeclaration,
  GenerationConfig as SdkGenerationConfig,
  Part as SdkPart,
  GenerateContentResponse as SdkResponse,
  ThinkingConfig as SdkThinkingConfig,
  ToolConfig as SdkToolConfig,
} from '@google/genai'
import type { GeminiClient } from '../../src/providers/gemini/index.js'
import type {
  Candidate,
  Content,
  FunctionDeclaration,
  GenerateContentBody,
  GenerateContentResponse,
  GenerationConfig,
  Part,
  ThinkingConfig,
  ToolConfig,
} from '../../src/providers/gemini/wire.js'

/** The SDK's type with its enums as the strings they are on the wire, and lists readonly. */
type Plain<T> = T extends string
  ? `${T}`
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Plain<T[K]> }
      : T

/** Every member we know is one of theirs. */
type KnownTo<Theirs, Ours> = Exclude<keyof Ours, keyof Theirs> extends never ? true : never

declare function fits<Theirs>(ours: Theirs): void

declare const body: GenerateContentBody
fits<Plain<SdkContent[]>>(body.contents)
fits<Plain<SdkContent> | undefined>(body.systemInstruction)
fits<Plain<SdkToolConfig> | undefined>(body.toolConfig)
// a schema is whatever the caller wrote in Google's dialect; XHIGH came with @google/genai 3.3
declare const config: Omit<GenerationConfig, 'thinkingConfig' | 'responseSchema'>
fits<Plain<SdkGenerationConfig>>(config)
declare const thinkingLevel: Exclude<NonNullable<ThinkingConfig['thinkingLevel']>, 'XHIGH'>
fits<Plain<SdkThinkingConfig>>({ thinkingLevel })
fits<Plain<GenerateContentConfig['serviceTier']>>(body.serviceTier)
fits<GenerateContentConfig['cachedContent']>(body.cachedContent)
fits<GenerateContentConfig['store']>(body.store)

declare const part: Part
fits<Plain<SdkPart>>(part)

declare const declaration: FunctionDeclaration
// the SDK types a schema member by member; ours is whatever the caller wrote in its dialect
fits<Plain<Omit<SdkFunctionDeclaration, 'parameters'>>>(declaration)

// -- no member that they do not have --------------------------------------------------------------

const known: readonly true[] = [
  true satisfies KnownTo<SdkPart, Part>,
  true satisfies KnownTo<SdkContent, Content>,
  true satisfies KnownTo<SdkToolConfig, ToolConfig>,
  true satisfies KnownTo<
    SdkFunctionCallingConfig,
    NonNullable<ToolConfig['functionCallingConfig']>
  >,
  true satisfies KnownTo<SdkThinkingConfig, ThinkingConfig>,
  true satisfies KnownTo<SdkGenerationConfig, GenerationConfig>,
  true satisfies KnownTo<SdkFunctionDeclaration, FunctionDeclaration>,
  true satisfies KnownTo<
    GenerateContentParameters & GenerateContentConfig,
    Omit<GenerateContentBody, 'generationConfig'>
  >,
  true satisfies KnownTo<SdkCandidate, Candidate>,
  // the SDK has no type for an error in place of a response
  true satisfies KnownTo<SdkResponse, Omit<GenerateContentResponse, 'error'>>,
]
void known

// -- their responses are what we read -------------------------------------------------------------

declare const answer: Plain<
  Pick<
    SdkResponse,
    'candidates' | 'usageMetadata' | 'promptFeedback' | 'responseId' | 'modelVersion' | 'createTime'
  >
>
fits<GenerateContentResponse['usageMetadata']>(answer.usageMetadata)
fits<GenerateContentResponse['promptFeedback']>(answer.promptFeedback)
fits<readonly Candidate[] | undefined>(answer.candidates?.map(({ content: _, ...rest }) => rest))

// -- a mismatch does not compile ------------------------------------------------------------------

// @ts-expect-error a role of another provider
fits<GenerateContentBody>({ contents: [{ role: 'assistant', parts: [] }] })
// @ts-expect-error a level that does not exist
fits<ThinkingConfig>({ thinkingLevel: 'EXTREME' })
// @ts-expect-error a member of another name
fits<Part>({ inline_data: { mimeType: 'image/png', data: '' } })
// @ts-expect-error a mode that does not exist
fits<Plain<SdkFunctionCallingConfig>>({ mode: 'REQUIRED' })
// @ts-expect-error text in place of a count
fits<Plain<SdkGenerationConfig>>({ maxOutputTokens: '100' })

// -- the official client is accepted without a cast -----------------------------------------------

declare const client: GoogleGenAI
fits<GeminiClient>(client)
// @ts-expect-error another object is not
fits<GeminiClient>({ models: {} })
