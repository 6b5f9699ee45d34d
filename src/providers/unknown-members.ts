/** Members of a request that no type names: they are the caller's own words for the body. */
import { asObject, asText, type ChatRequest, type JsonObject } from '../chat/index.js'

/** What adapters map, or what is no matter of a provider's. Complete by type. */
const known: Readonly<Record<keyof ChatRequest, true>> = {
  model: true,
  messages: true,
  temperature: true,
  top_p: true,
  top_k: true,
  max_tokens: true,
  max_completion_tokens: true,
  stop: true,
  seed: true,
  n: true,
  presence_penalty: true,
  frequency_penalty: true,
  logit_bias: true,
  logprobs: true,
  top_logprobs: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: true,
  response_format: true,
  reasoning_effort: true,
  thinking: true,
  verbosity: true,
  modalities: true,
  user: true,
  metadata: true,
  store: true,
  service_tier: true,
  safety_identifier: true,
  prompt_cache_key: true,
  previous_response_id: true,
  web_search_options: true,
  drop_params: true,
  additional_drop_params: true,
  allowed_openai_params: true,
  extra_body: true,
  extra_headers: true,
  provider_options: true,
}

/** Whether and how an answer is streamed is the adapter's to say. */
const ours = new Set(['stream', 'stream_options'])

/** Goes into the body untouched, wherever the provider keeps such things. */
export const unknownMembers = (request: ChatRequest): JsonObject =>
  Object.fromEntries(
    Object.entries(request).filter(
      ([name, value]) => !Object.hasOwn(known, name) && !ours.has(name) && value !== undefined,
    ),
  )

/** The answer does not say in which format it speaks; the request did: `audio: { voice, format }`. */
export function audioType(request: ChatRequest): string {
  // `audio` is a key of the wire that the request type does not know
  const { audio = request.extra_body?.audio } = asObject(request)
  return `audio/${asText(asObject(audio).format) ?? 'wav'}`
}
