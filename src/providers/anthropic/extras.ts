/** What goes into the body untouched: unknown members of the request, `extra_body`, and the caller's own words for this provider. */
import { type ChatRequest, defined, type JsonObject } from '../../chat/index.js'

/** Members that are mapped above, or are no matter of the provider's. Complete by type. */
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

/** The later ones win. */
export function extrasOf(request: ChatRequest): JsonObject {
  const unknown = Object.entries(request).filter(
    ([name]) => !Object.hasOwn(known, name) && name !== 'stream_options',
  )
  return defined({
    ...Object.fromEntries(unknown),
    ...request.extra_body,
    ...request.provider_options?.anthropic,
  })
}
