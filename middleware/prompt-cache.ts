/**
 * Lets providers cache the beginning of a prompt: marks for Anthropic, a key for OpenAI and xAI.
 */
import {
  type CacheControl,
  type ChatRequest,
  isObject,
  type Message,
  type ToolDefinition,
} from '../src/chat/index.js'
import {
  type Middleware,
  MisuseError,
  type RequestContext,
  requestLayer,
} from '../src/core/index.js'

export interface PromptCacheOptions {
  /** How long Anthropic caches it. @default the provider's: '5m' */
  readonly ttl?: '5m' | '1h' | undefined
}

/**
 * For Anthropic, marks the end of the stable part (system, else tools) and of the conversation so
 * far; for OpenAI and xAI, sets a `prompt_cache_key` derived from system messages and tools. Gemini
 * caches by itself. A request with marks or a key of its own is not changed. Prompt content never
 * changes.
 *
 * Place: inside `tools`, so that each step is marked; inside `retry`, to use the attempt's model.
 *
 * Throws `MisuseError` at construction for a `ttl` that Anthropic does not have.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [promptCache({ ttl: '1h' })] }) })
 */
export function promptCache({ ttl }: PromptCacheOptions = {}): Middleware {
  if (ttl !== undefined && ttl !== '5m' && ttl !== '1h')
    throw new MisuseError("promptCache() takes a ttl of '5m' or '1h'")
  const mark: CacheControl = { type: 'ephemeral', ...(ttl && { ttl }) }
  return requestLayer(
    'promptCache',
    async (ctx) => {
      const { provider, rules } = ctx.client.capabilities(ctx.request.model)
      const hasKey = !rules.some(({ param }) => param === 'prompt_cache_key')
      if (provider === 'anthropic') ctx.request = withMarks(ctx.request, mark)
      else if (keyed.has(provider) && hasKey) ctx.request = await withKey(ctx)
    },
    { place: 'inside retry' },
  )
}

const keyed = new Set(['openai', 'xai'])

const isStable = ({ role }: Message) => role === 'system' || role === 'developer'

// ---- Marks --------------------------------------------------------------------------------------

function withMarks(request: ChatRequest, mark: CacheControl): ChatRequest {
  const { messages, tools } = request
  if (isMarked(request)) return request
  const system = messages.findLastIndex(isStable)
  const last = messages.findLastIndex(({ role }) => role === 'user' || role === 'tool')
  const marked = messages.map((message, i) =>
    i === system || i === last ? { ...message, cache_control: mark } : message,
  )
  const own = system < 0 && tools ? { tools: withLastMarked(tools, mark) } : {}
  return { ...request, ...own, messages: marked }
}

function withLastMarked(tools: readonly ToolDefinition[], mark: CacheControl) {
  const last = tools.findLastIndex(({ type }) => type === 'function')
  return tools.map((tool, i) => (i === last ? { ...tool, cache_control: mark } : tool))
}

/** True if the request contains a mark of the app. */
function isMarked(request: ChatRequest): boolean {
  const { messages, tools = [], extra_body, provider_options } = request
  const parts = messages.flatMap(({ content }) => (Array.isArray(content) ? content : []))
  const functions = tools.map((tool) => ('function' in tool ? tool.function : undefined))
  const places: readonly unknown[] = [request, extra_body, provider_options?.anthropic]
  return [...places, ...messages, ...parts, ...tools, ...functions].some(
    (place) => isObject(place) && Boolean(place.cache_control),
  )
}

// ---- Key ----------------------------------------------------------------------------------------

/** Requests with the same beginning get the same key; without a stable part there is none. */
async function withKey({ request }: RequestContext): Promise<ChatRequest> {
  const system = request.messages.filter(isStable).map(({ content }) => content)
  const { tools = [], prompt_cache_key, extra_body } = request
  const isGiven = prompt_cache_key !== undefined || extra_body?.prompt_cache_key !== undefined
  if (isGiven || system.length + tools.length === 0) return request
  const bytes = new TextEncoder().encode(JSON.stringify([system, tools]))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  const hex = [...digest.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0'))
  return { ...request, prompt_cache_key: hex.join('') }
}
