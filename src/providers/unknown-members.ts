/** Members of a request that no type names: they are the caller's own words for the body. */
import { asObject, asText, type ChatRequest, type JsonObject, words } from '../chat/index.js'

/** What adapters map, or what is no matter of a provider's; whether and how an answer is streamed is for the adapter to specify. */
const known = /* @__PURE__ */ words(
  'model messages temperature top_p top_k max_tokens max_completion_tokens stop seed n presence_penalty frequency_penalty logit_bias logprobs top_logprobs tools tool_choice parallel_tool_calls response_format reasoning_effort thinking verbosity modalities user metadata store service_tier safety_identifier prompt_cache_key previous_response_id web_search_options drop_params additional_drop_params allowed_openai_params extra_body extra_headers provider_options stream stream_options',
)

/** A member of `ChatRequest` that is missing above does not compile. */
type Known = keyof ChatRequest extends (typeof known)[number] ? string : never

const names: ReadonlySet<Known> = /* @__PURE__ */ new Set(known)

/** Goes into the body untouched, wherever the provider keeps such things. */
export const unknownMembers = (request: ChatRequest): JsonObject =>
  Object.fromEntries(
    Object.entries(request).filter(([name, value]) => !names.has(name) && value !== undefined),
  )

/** What a caller adds to a body by hand, each list of members over the one before it. */
export const extrasOf = (request: ChatRequest, provider: string): readonly JsonObject[] => [
  unknownMembers(request),
  request.extra_body ?? {},
  request.provider_options?.[provider] ?? {},
]

/** The answer does not say in which format it speaks; the request did: `audio: { voice, format }`. */
export function audioType(request: ChatRequest): string {
  // `audio` is a key of the wire that the request type does not know
  const { audio = request.extra_body?.audio } = asObject(request)
  return `audio/${asText(asObject(audio).format) ?? 'wav'}`
}
