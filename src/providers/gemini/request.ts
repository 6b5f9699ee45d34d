/** Maps a chat request to a generateContent body; drops and reports members without a field. */
import { type ChatRequest, defined, isObject, nonEmpty, omit, words } from '../../chat/index.js'
import type { TransportRequest } from '../../transport/index.js'
import type { Warn } from '../adapter.js'
import { extrasOf, headersOf } from '../extras.js'
import { type Note, notesOf, reportThinking, reportUnmapped, type WriteOptions } from '../notes.js'
import { factsOf, homeless, type WriteContext } from './models.js'
import { toThinkingConfig } from './thinking.js'
import { schemas, toTools, type WireTools } from './tools.js'
import { type Conversation, toConversation } from './turns.js'
import type { GenerateContentBody, GenerationConfig, ThinkingConfig } from './wire.js'

/** To `:generateContent` or `:streamGenerateContent`. Throws `BadRequestError` if unsendable. */
export function toWire(request: ChatRequest, { streaming, warn }: WriteOptions): TransportRequest {
  const method = streaming ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return toTransport(request, method, toBody(request, warn))
}

/** The request to `:countTokens`: the whole prompt, as it would be sent. */
export function toCountWire(request: ChatRequest, { warn }: { warn: Warn }): TransportRequest {
  const prompt = omit(toBody(request, warn), ['generationConfig', 'serviceTier', 'store'])
  const model = resourceName(request.model)
  return toTransport(request, 'countTokens', { generateContentRequest: { model, ...prompt } })
}

const toTransport = (request: ChatRequest, method: string, body: unknown): TransportRequest => ({
  path: `/${resourceName(request.model).split('/').map(encodeURIComponent).join('/')}:${method}`,
  body,
  model: request.model,
  ...headersOf(request),
})

/** `models/x`; names of other collections, as on Vertex AI, are unchanged. */
const resourceName = (model: string) =>
  /^(models|tunedModels|publishers|projects|endpoints)\//.test(model) ? model : `models/${model}`

/** The body, with the caller's extra members in place. */
function toBody(request: ChatRequest, warn: Warn): GenerateContentBody {
  const context = contextOf(request.model, warn)
  const { note } = context
  reportThinking(request.thinking, context)
  reportUnmapped(request, homeless, context)
  const tools = toTools(request, context)
  const generationConfig = nonEmpty(toGenerationConfig(request, tools, context))
  const body = {
    ...toConversation(request.messages, context),
    ...tools,
    ...defined({ generationConfig, serviceTier: serviceTier(request, note), store: request.store }),
  }
  const whole = placeExtras(body, request)
  checkThinking(whole, context)
  return withoutCached(whole, note)
}

const contextOf = (model: string, warn?: Warn): WriteContext => ({
  ...notesOf('gemini', model, warn),
  facts: factsOf(model),
})

export const convertMessages = (messages: ChatRequest['messages'], model: string): Conversation =>
  toConversation(messages, contextOf(model))

// -- generationConfig ----------------------------------------------------------------------------------------------

function toGenerationConfig(request: ChatRequest, tools: WireTools, context: WriteContext) {
  const { seed, presence_penalty, frequency_penalty, logprobs, top_logprobs, modalities } = request
  return defined({
    ...sampling(request, context),
    maxOutputTokens: maxTokens(request, context.note),
    stopSequences: stopSequences(request, context.note),
    seed,
    presencePenalty: presence_penalty,
    frequencyPenalty: frequency_penalty,
    responseLogprobs: logprobs || top_logprobs !== undefined ? true : undefined,
    logprobs: top_logprobs,
    responseModalities: modalities?.map((one) => modalityNames[one] ?? one),
    ...answerFormat(request, tools, context),
    thinkingConfig: toThinkingConfig(request, context),
  })
}

const modalityNames = { text: 'TEXT', image: 'IMAGE', audio: 'AUDIO' } as const

function sampling({ temperature, top_p, top_k }: ChatRequest, { facts, note }: WriteContext) {
  const given = defined({ temperature, top_p, top_k })
  for (const param of Object.keys(given)) {
    if (facts.sampling === 'ignored') note.ignored('the model ignores it', param)
    if (facts.sampling === 'refused') note.dropped('the model sets it itself', param)
  }
  return facts.sampling === 'refused' ? {} : { temperature, topP: top_p, topK: top_k }
}

function maxTokens({ max_tokens, max_completion_tokens }: ChatRequest, note: Note) {
  const max = max_completion_tokens ?? max_tokens
  if (max_tokens !== undefined && max_tokens !== max)
    note.ignored('max_completion_tokens was used instead', 'max_tokens')
  if (typeof max !== 'number' || Number.isInteger(max)) return max
  note.changed('it must be a whole number', 'max_tokens')
  return Math.max(1, Math.round(max))
}

const maxStops = 5

function stopSequences({ stop }: ChatRequest, note: Note): readonly string[] | undefined {
  const all = [stop ?? []].flat().filter((text) => text !== '')
  if (all.length > maxStops)
    note.changed(`only the first ${maxStops} of ${all.length} were sent`, 'stop')
  return all.length > 0 ? all.slice(0, maxStops) : undefined
}

function answerFormat(request: ChatRequest, { tools }: WireTools, { facts, note }: WriteContext) {
  const { response_format: format } = request
  if (!format || format.type === 'text') return {}
  if (!facts.tools || (tools && !facts.isModern)) {
    const reason = facts.tools
      ? 'before Gemini 3 JSON formats do not go together with tools'
      : 'the model has no JSON formats'
    note.dropped(reason, 'response_format')
    return {}
  }
  const responseMimeType = 'application/json'
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined
  if (!schema) return { responseMimeType }
  const warn = (message: string) => note.changed(message, 'response_format')
  const { geminiAnswerSchema, geminiOpenApiAnswerSchema } = schemas.part
  return (facts.generation ?? 2) >= 2
    ? { responseMimeType, responseJsonSchema: geminiAnswerSchema(schema, warn).schema }
    : { responseMimeType, responseSchema: geminiOpenApiAnswerSchema(schema, warn).schema }
}

// -- the rest of the body ------------------------------------------------------------------------------------------

const tiers = words('standard flex priority')

function serviceTier({ service_tier }: ChatRequest, note: Note) {
  if (!service_tier || service_tier === 'auto') return undefined
  const asked = service_tier.toLowerCase()
  const tier = asked === 'default' ? 'standard' : tiers.find((one) => one === asked)
  if (!tier) note.dropped('the tiers are flex, standard and priority', 'service_tier')
  return tier
}

/** Google refuses both at once, with an error that does not name their origin. */
function checkThinking({ generationConfig }: GenerateContentBody, { invalid }: WriteContext): void {
  const { thinkingBudget, thinkingLevel } = generationConfig?.thinkingConfig ?? {}
  if (thinkingBudget !== undefined && thinkingLevel !== undefined)
    throw invalid('thinkingConfig has a budget and a level: set only one', 'invalid_thinking')
}

/** A cache includes system message and tools: the API refuses them beside it. */
function withoutCached(body: GenerateContentBody, note: Note): GenerateContentBody {
  if (!body.cachedContent) return body
  const { systemInstruction, tools, toolConfig, ...rest } = body
  if (systemInstruction) note.dropped('cachedContent has a system message of its own')
  if (tools || toolConfig) note.dropped('cachedContent has tools of its own', 'tools')
  return rest
}

// -- members of the caller -----------------------------------------------------------------------------------------

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
const placeExtras = (body: GenerateContentBody, request: ChatRequest): GenerateContentBody =>
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
function withThinking(before: ThinkingConfig, value: object): ThinkingConfig {
  const own = Object.fromEntries(Object.entries(value).map(([key, one]) => [camelCase(key), one]))
  const amount = ['thinkingBudget', 'thinkingLevel']
  const isSet = amount.some((key) => key in own)
  return { ...(isSet ? omit(before, amount) : before), ...own }
}

const camelCase = (key: string) =>
  key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
