/** The adapter for Anthropic: Claude through the Messages API. */
import { trimSlashes } from '../../chat/index.js'
import { plainNames } from '../../chat/tool-names.js'
import { type Call, type ProviderAdapter, withMembers } from '../../core/index.js'
import type { Transport, TransportRequest } from '../../transport/index.js'
import { createAdapter, type Dialect } from '../adapter.js'
import { readCount } from '../answers.js'
import { lowerCased } from '../extras.js'
import { bearer, type ProviderOptions, providerTransport, readEnv } from '../provider-transport.js'
import { betaHeader } from './betas.js'
import { toError } from './errors.js'
import { capabilitiesOf, defaultVersion, models } from './models.js'
import { schemas } from './output-format.js'
import { toCountWire, toWire } from './request.js'
import { type AnthropicClient, clientFetch } from './sdk.js'
import { fromWire, streamReader } from './stream.js'
import { convertMessages } from './turns.js'

/** Without `apiKey`, ANTHROPIC_API_KEY is read at each call. */
export interface AnthropicOptions extends ProviderOptions {
  /** Without `/v1`. @default ANTHROPIC_BASE_URL, else https://api.anthropic.com */
  readonly baseURL?: string | undefined
  /** An `Anthropic` of `@anthropic-ai/sdk` to send with its key, base URL and fetch. */
  readonly client?: AnthropicClient | undefined
  /** Sent with every request; `anthropic-beta` is merged with the betas that a request needs. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * `anthropic-version`. From 2026-10-21 the API has no temperature, top_p and top_k.
   * @default '2023-06-01'
   */
  readonly version?: string | undefined
}

/**
 * Serves `anthropic/…` and bare `claude-…`.
 *
 * @example
 * const ai = createClient({ providers: [anthropic()] })
 * const reply = await ai.generate({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'Hi' }] })
 */
export function anthropic(options: AnthropicOptions = {}): ProviderAdapter {
  const { client, baseURL } = options
  const transport = providerTransport(options, {
    provider: 'anthropic',
    authorize,
    apiKeyVariables: ['ANTHROPIC_API_KEY'],
    baseURL: () => rootOf(baseURL ?? readEnv('ANTHROPIC_BASE_URL') ?? 'https://api.anthropic.com'),
    client: client && clientFetch(client),
    requestIdHeader: 'request-id',
    toError,
  })
  return createAdapter(dialectOf(options), withCallBetas(transport))
}

function dialectOf({ version: given, headers, ...limits }: AnthropicOptions): Dialect {
  const own = lowerCased(headers)
  const version = given ?? own['anthropic-version'] ?? defaultVersion
  const settings = { version, betas: own['anthropic-beta'] }
  return {
    name: 'anthropic',
    models,
    toolNames: { ...plainNames, maxLength: 128 },
    schemas,
    capabilities: (model) => capabilitiesOf(model, version),
    convertMessages,
    toWire: (request, options) => toWire(request, options, settings),
    fromWire: (response, context) => fromWire(response, context, limits),
    streamReader: (context, call) => streamReader(context, call, limits),
    count: {
      toWire: (request, options) => toCountWire(request, options, settings),
      fromWire: (body) => readCount(body, 'input_tokens', 'anthropic'),
    },
  }
}

/** Headers of the call replace ours; betas are merged, since a body needs its own. */
const withCallBetas = ({ json, events }: Transport): Transport => ({
  json: (request, call) => json(...joinBetas(request, call)),
  events: (request, call, isProgress) => events(...joinBetas(request, call), isProgress),
})

function joinBetas(request: TransportRequest, call: Call): [TransportRequest, Call] {
  const { 'anthropic-beta': given, ...headers } = lowerCased(call.headers)
  if (given === undefined) return [request, call]
  const beta = betaHeader({}, [request.headers?.['anthropic-beta'], given]) ?? ''
  return [
    { ...request, headers: { ...request.headers, 'anthropic-beta': beta } },
    withMembers(call, { headers }),
  ]
}

/** Paths begin with `/v1`: it, or a whole endpoint, is cut from the end of the base. */
const rootOf = (baseURL: string) => {
  const base = trimSlashes(baseURL.trim())
  const ending = ['/v1/messages', '/v1'].find((known) => base.endsWith(known)) ?? ''
  return base.slice(0, base.length - ending.length)
}

/** Subscription tokens (`sk-ant-oat…`) are bearer tokens; keys have a header of their own. */
const authorize = (apiKey: string): Record<string, string> =>
  apiKey.startsWith('sk-ant-oat') ? bearer(apiKey) : { 'x-api-key': apiKey }
