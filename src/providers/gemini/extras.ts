/** Extra members of the caller, unchanged: `generationConfig` gets its own, the body all others. */
import { type ChatRequest, isObject, type JsonObject, words } from '../../chat/index.js'
import { omit } from '../notes.js'
import { extrasOf } from '../unknown-members.js'
import type { GenerateContentBody, GenerationConfig, ThinkingConfig } from './wire.js'

/** `GenerationConfig` of v1beta. */
const generationKeys: ReadonlySet<string> = new Set(
  words(
    'audioTimestamp audioTranscriptionConfig candidateCount enableAffectiveDialog enableEnhancedCivicAnswers frequencyPenalty imageConfig logprobs maxOutputTokens mediaResolution modelSelectionConfig presencePenalty responseFormat responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema routingConfig seed speechConfig stopSequences temperature thinkingConfig topK topP translationConfig',
  ),
)

/** Body keys that may also be in snake case: Google accepts either form, but not both at once. */
const bodyKeys: ReadonlySet<string> = new Set(
  words(
    'cachedContent contents continuationToken generationConfig labels safetySettings serviceTier store systemInstruction toolConfig tools',
  ),
)

/** Adds the caller's members at their places; later ones win. */
export const placeExtras = (body: GenerateContentBody, request: ChatRequest): GenerateContentBody =>
  extrasOf(request, 'gemini').flatMap(Object.entries).reduce(place, body)

type Entry = readonly [name: string, value: unknown]

function place(body: GenerateContentBody, [key, value]: Entry): GenerateContentBody {
  const name = camelCase(key)
  if (value === undefined) return body
  if (generationKeys.has(name)) return withConfig(body, [[name, value]])
  if (name === 'generationConfig' && isObject(value)) return withConfig(body, Object.entries(value))
  if (name === 'toolConfig' && isObject(value))
    return { ...body, toolConfig: { ...body.toolConfig, ...value } }
  return { ...body, [bodyKeys.has(name) ? name : key]: value }
}

const withConfig = (body: GenerateContentBody, entries: readonly Entry[]): GenerateContentBody => ({
  ...body,
  generationConfig: entries.reduce(withEntry, body.generationConfig ?? {}),
})

function withEntry(config: GenerationConfig, [key, value]: Entry): GenerationConfig {
  const name = generationKeys.has(camelCase(key)) ? camelCase(key) : key
  if (name === 'thinkingConfig' && isObject(value))
    return { ...config, thinkingConfig: withThinking(config.thinkingConfig ?? {}, value) }
  if (name !== 'responseSchema') return { ...config, [name]: value }
  // the caller's schema replaces ours: the API refuses two
  return { ...omit(config, ['responseJsonSchema']), [name]: value }
}

/** A budget or level of the caller replaces ours. */
function withThinking(ours: ThinkingConfig, value: JsonObject): ThinkingConfig {
  const theirs = Object.fromEntries(
    Object.entries(value).map(([key, one]) => [camelCase(key), one]),
  )
  const amount = ['thinkingBudget', 'thinkingLevel']
  const isSet = amount.some((key) => key in theirs)
  return { ...(isSet ? omit(ours, amount) : ours), ...theirs }
}

const camelCase = (key: string) =>
  key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
