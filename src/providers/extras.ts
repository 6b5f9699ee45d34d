/** The caller's own additions: members of a request without a type of ours, headers. */
import { asObject, asText, type ChatRequest, type JsonObject, words } from '../chat/index.js'

/** Members that adapters map or no provider gets; adapters themselves specify streaming. */
const known = /* @__PURE__ */ words(
  'model messages temperature top_p top_k max_tokens max_completion_tokens stop seed n presence_penalty frequency_penalty logit_bias logprobs top_logprobs tools tool_choice parallel_tool_calls response_format reasoning_effort thinking verbosity modalities user metadata store service_tier safety_identifier prompt_cache_key previous_response_id web_search_options drop_params additional_drop_params allowed_openai_params extra_body extra_headers provider_options stream stream_options',
)

/** A member of `ChatRequest` that is missing above does not compile. */
type Known = keyof ChatRequest extends (typeof known)[number] ? string : never

const names: ReadonlySet<Known> = /* @__PURE__ */ new Set(known)

/** Passed through unchanged, into the provider's field for such members. */
const unknownMembers = (request: ChatRequest): JsonObject =>
  Object.fromEntries(
    Object.entries(request).filter(([name, value]) => !names.has(name) && value !== undefined),
  )

/** Members that the caller adds to a body, later lists over earlier ones. */
export const extrasOf = (request: ChatRequest, provider: string): readonly JsonObject[] => [
  unknownMembers(request),
  request.extra_body ?? {},
  request.provider_options?.[provider] ?? {},
]

/** Lowercases header names, so that names in different case are one header. */
export const lowerCased = (headers: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

export const headersOf = ({ extra_headers }: ChatRequest) =>
  extra_headers && { headers: lowerCased(extra_headers) }

/** The audio type, from the request (`audio: { voice, format }`): the answer has no format. */
export function audioType(request: ChatRequest): string {
  // `audio` is a wire key without a type in the request
  const { audio = request.extra_body?.audio } = asObject(request)
  return `audio/${asText(asObject(audio).format) ?? 'wav'}`
}
