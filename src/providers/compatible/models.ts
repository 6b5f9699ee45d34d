/** Facts of known servers and models. All others are passed through. */
import { type Capabilities, pick } from '../../chat/index.js'
import { bareModel, unmapped } from '../model-rules.js'
import type { Notes } from '../notes.js'

/** How Chat Completions servers differ. */
export interface ServerTraits {
  /** Request usage in streams with `stream_options.include_usage`. @default true */
  readonly includeUsage: boolean
  /**
   * Requests reasoning by `reasoning_effort`, OpenRouter's `reasoning`, or `thinking` (DeepSeek,
   * GLM, Kimi).
   * @default 'reasoning_effort'
   */
  readonly reasoningParam: 'reasoning_effort' | 'reasoning' | 'thinking'
  /**
   * Send reasoning text of earlier answers back under its original name. Some servers require it,
   * others refuse it.
   * @default false
   */
  readonly returnReasoning: boolean
  /** The only name of the limit that the server accepts. @default 'as asked' */
  readonly maxTokensParam: 'max_tokens' | 'max_completion_tokens' | 'as asked'
  /** The role `developer` is accepted; else it is sent as `system`. @default false */
  readonly developerRole: boolean
  /** `cache_control` marks are accepted. @default false */
  readonly cacheControl: boolean
  /** `file_data` may be an address. @default false */
  readonly fileURLs: boolean
  /** `strict` allows only OpenAI's JSON Schema subset: schemas are rewritten. @default false */
  readonly strictSubset: boolean
  /**
   * Form of tool-call ids: at most 40 characters, or exactly nine letters and digits.
   * @default 'any'
   */
  readonly toolCallIds: 'any' | 'nine'
}

export interface WriteContext extends Notes {
  readonly traits: ServerTraits
  /** Unix seconds: audio that has expired on the server is sent as its transcript. */
  readonly now: number
}

/** Traits as options. @default those known for the host, then the defaults */
export type TraitOptions = { readonly [K in keyof ServerTraits]?: ServerTraits[K] | undefined }

const defaults: ServerTraits = {
  includeUsage: true,
  reasoningParam: 'reasoning_effort',
  returnReasoning: false,
  maxTokensParam: 'as asked',
  developerRole: false,
  cacheControl: false,
  fileURLs: false,
  strictSubset: false,
  toolCallIds: 'any',
}

/** By host. Each row avoids a 400 or a silent loss that users of that server have met. */
const servers: readonly (readonly [host: RegExp, traits: Partial<ServerTraits>])[] = [
  [/(^|\.)openai\.(com|azure\.com)$/, { developerRole: true, strictSubset: true }],
  [/(^|\.)(groq\.com|cerebras\.ai)$/, { strictSubset: true }],
  [
    /(^|\.)openrouter\.ai$/,
    { reasoningParam: 'reasoning', cacheControl: true, fileURLs: true, strictSubset: true },
  ],
  [
    // a tool loop in thinking mode is refused without its reasoning: https://api-docs.deepseek.com/guides/thinking_mode
    /(^|\.)(deepseek\.com|moonshot\.(ai|cn))$/,
    { reasoningParam: 'thinking', returnReasoning: true, maxTokensParam: 'max_tokens' },
  ],
  [
    // refuses unknown members, and ids of any other form
    /(^|\.)mistral\.ai$/,
    { includeUsage: false, maxTokensParam: 'max_tokens', toolCallIds: 'nine' },
  ],
]

/** The traits of the server at this address; options win. */
export function traitsOf(options: { readonly baseURL: string } & TraitOptions): ServerTraits {
  const { baseURL } = options
  const host = URL.canParse(baseURL) ? new URL(baseURL).hostname : ''
  const [, traits] = servers.find(([pattern]) => pattern.test(host)) ?? []
  return { ...defaults, ...traits, ...pick(options, Object.keys(defaults)) }
}

/** OpenAI's reasoning models, also with a gateway's prefix: they refuse `max_tokens`. */
export function isReasoningModel(model: string): boolean {
  const name = bareModel(model)
  return /^(o\d|gpt-([5-9]|\d\d))/.test(name) && !name.includes('-chat')
}

/** Permissive: the option `capabilities` specifies what a server and its models accept. */
export const unknownModel: Capabilities = {
  known: false,
  rules: unmapped(
    ['previous_response_id'],
    'Chat Completions keeps no state: send the messages instead',
  ),
}
