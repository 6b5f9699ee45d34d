/** The adapter for Google Gemini: generateContent, v1beta. */
import { type ChatRequest, trimSlashes } from '../../chat/index.js'
import type { ProviderAdapter } from '../../core/index.js'
import { clientBaseURL, httpTransport } from '../../transport/index.js'
import { createAdapter, type Dialect } from '../adapter.js'
import { toError } from './errors.js'
import type { InlineFilesOptions } from './inline-files.js'
import { capabilities, models } from './models.js'
import { convertMessages, toCountWire, toWire } from './request.js'
import { countFromWire, fromWire } from './response.js'
import { clientFetch, type GeminiClient } from './sdk.js'
import { streamReader } from './stream.js'
import { schemas } from './tools.js'

export interface GeminiOptions {
  /** @default the environment variable GEMINI_API_KEY, else GOOGLE_API_KEY, read at each call */
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Sends the key from a page, which shows it to its reader. @default false */
  readonly dangerouslyAllowBrowser?: boolean | undefined
  /** With or without the version. @default GOOGLE_GEMINI_BASE_URL, else https://generativelanguage.googleapis.com */
  readonly baseURL?: string | undefined
  /** @default 'v1beta' */
  readonly version?: string | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  /** A `GoogleGenAI` of `@google/genai` to send through: key, base URL, version and fetch are its own then. */
  readonly client?: GeminiClient | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Fetches files that messages name by address, from these hosts alone. Without it nothing is fetched. */
  readonly inlineFiles?: InlineFilesOptions | undefined
  /** Bytes of one event. @default 67_108_864 */
  readonly maxEventBytes?: number | undefined
  /** Bytes of a whole answer that is no stream. @default 67_108_864 */
  readonly maxBodyBytes?: number | undefined
  /** Characters of one tool call's arguments. @default 16_777_216 */
  readonly maxArgumentsLength?: number | undefined
}

/**
 * Answers to `gemini/…` and to bare `gemini-…` and `gemma-…`.
 *
 * @example
 * const ai = createClient({ providers: [gemini()] })
 * const reply = await ai.generate({ model: 'gemini-2.5-flash', messages: [{ role: 'user', content: 'Hi' }] })
 */
export function gemini(options: GeminiOptions = {}): ProviderAdapter {
  return createAdapter(dialectOf(options), transportOf(options))
}

function dialectOf({ inlineFiles: files, maxArgumentsLength }: GeminiOptions): Dialect {
  const limits = maxArgumentsLength === undefined ? {} : { maxArgumentsLength }
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
      fromWire: countFromWire,
    },
  }
}

async function withFiles(
  request: ChatRequest,
  options: InlineFilesOptions | undefined,
  call: { readonly signal: AbortSignal },
): Promise<ChatRequest> {
  if (!options) return request
  // most apps fetch nothing: they do not load what fetches
  const { inlineFiles } = await import('./inline-files.js')
  return { ...request, messages: await inlineFiles(request.messages, options, call) }
}

function transportOf(options: GeminiOptions) {
  const { client, apiKey, baseURL, version = 'v1beta', headers } = options
  const shared = {
    provider: 'gemini',
    authorize: (key: string) => ({ 'x-goog-api-key': key }),
    headers,
    toError,
    // Google names none; a gateway before it may
    requestIdHeader: 'x-request-id',
    maxEventBytes: options.maxEventBytes,
    maxBodyBytes: options.maxBodyBytes,
  }
  if (client)
    return httpTransport({
      ...shared,
      apiKeyVariables: [],
      baseURL: clientBaseURL,
      fetch: clientFetch(client),
    })
  return httpTransport({
    ...shared,
    apiKey,
    apiKeyVariables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    dangerouslyAllowBrowser: options.dangerouslyAllowBrowser,
    baseURL: () =>
      withVersion(
        baseURL ?? (globalThis.process?.env?.GOOGLE_GEMINI_BASE_URL || publicURL),
        version,
      ),
    fetch: options.fetch,
  })
}

const publicURL = 'https://generativelanguage.googleapis.com'

/** Other libraries have the version in the base: it is not put there twice, and a query stays behind it. */
function withVersion(baseURL: string, version: string): string {
  const [base = '', query] = baseURL.trim().split(/(?=\?)/)
  const root = trimSlashes(base)
  const hasVersion = /^v\d\w*$/.test(root.slice(root.lastIndexOf('/') + 1))
  return `${hasVersion ? root : `${root}/${version}`}${query ?? ''}`
}
