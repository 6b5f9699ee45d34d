/** The adapter for Google Gemini: generateContent, v1beta. */
import { type ChatRequest, trimSlashes } from '../../chat/index.js'
import type { ProviderAdapter } from '../../core/index.js'
import { createAdapter, type Dialect } from '../adapter.js'
import { readCount } from '../answers.js'
import { type ProviderOptions, providerTransport, readEnv } from '../provider-transport.js'
import { toError } from './errors.js'
import type { InlineFilesOptions } from './inline-files.js'
import { capabilities, models } from './models.js'
import { convertMessages, toCountWire, toWire } from './request.js'
import { clientFetch, type GeminiClient } from './sdk.js'
import { fromWire, streamReader } from './stream.js'
import { schemas } from './tools.js'

/** Without `apiKey`, GEMINI_API_KEY, else GOOGLE_API_KEY, is read at each call. */
export interface GeminiOptions extends ProviderOptions {
  /**
   * With or without the version.
   * @default GOOGLE_GEMINI_BASE_URL, else https://generativelanguage.googleapis.com
   */
  readonly baseURL?: string | undefined
  /** @default 'v1beta' */
  readonly version?: string | undefined
  /** A `GoogleGenAI` of `@google/genai` to send with its key, base URL, version and fetch. */
  readonly client?: GeminiClient | undefined
  /** Downloads files that messages name by address, from these hosts only. @default no downloads */
  readonly inlineFiles?: InlineFilesOptions | undefined
}

/**
 * Serves `gemini/…` and bare `gemini-…` and `gemma-…`.
 *
 * @example
 * const ai = createClient({ providers: [gemini()] })
 * const reply = await ai.generate({ model: 'gemini-2.5-flash', messages: [{ role: 'user', content: 'Hi' }] })
 */
export function gemini(options: GeminiOptions = {}): ProviderAdapter {
  const { client, baseURL, version = 'v1beta' } = options
  const transport = providerTransport(options, {
    provider: 'gemini',
    authorize: (key) => ({ 'x-goog-api-key': key }),
    apiKeyVariables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    baseURL: () => withVersion(baseURL ?? readEnv('GOOGLE_GEMINI_BASE_URL') ?? publicURL, version),
    client: client && clientFetch(client),
    toError,
  })
  return createAdapter(dialectOf(options), transport)
}

function dialectOf({ inlineFiles: files, ...limits }: GeminiOptions): Dialect {
  return {
    name: 'gemini',
    models,
    capabilities,
    toolNames: { maxLength: 128, refused: /[^\w.:-]/g, first: /^[a-zA-Z_]/ },
    schemas,
    convertMessages,
    toWire: async (request, options) => toWire(await withFiles(request, files, options), options),
    fromWire: (response, context) => fromWire(response, context, limits),
    streamReader: (context, call) => streamReader(context, call, limits),
    count: {
      toWire: async (request, options) =>
        toCountWire(await withFiles(request, files, options), options),
      fromWire: (body) => readCount(body, 'totalTokens', 'gemini'),
    },
  }
}

async function withFiles(
  request: ChatRequest,
  options: InlineFilesOptions | undefined,
  call: { readonly signal: AbortSignal },
): Promise<ChatRequest> {
  if (!options) return request
  // loaded on demand: most apps download nothing
  const { inlineFiles } = await import('./inline-files.js')
  return { ...request, messages: await inlineFiles(request.messages, options, call) }
}

const publicURL = 'https://generativelanguage.googleapis.com'

/** Appends the version, unless the base has one already; keeps a query at the end. */
function withVersion(baseURL: string, version: string): string {
  const [base = '', query] = baseURL.trim().split(/(?=\?)/)
  const root = trimSlashes(base)
  const hasVersion = /^v\d\w*$/.test(root.slice(root.lastIndexOf('/') + 1))
  return `${hasVersion ? root : `${root}/${version}`}${query ?? ''}`
}
