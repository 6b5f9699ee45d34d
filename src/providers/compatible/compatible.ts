/** The adapter for anything that speaks Chat Completions: vLLM, Ollama, OpenRouter, DeepSeek, Groq, Mistral, LM Studio … */
import type { Capabilities } from '../../chat/index.js'
import { MisuseError, type ProviderAdapter } from '../../core/index.js'
import { createAdapter, type Dialect } from '../adapter.js'
import { type ProviderOptions, providerTransport } from '../provider-transport.js'
import { plainNames } from '../tool-names.js'
import { toError } from './errors.js'
import { type TraitOptions, traitsOf, unknownModel } from './models.js'
import { toWire } from './request.js'
import { type ChatClient, clientFetch } from './sdk.js'
import { fromWire, type ReaderOptions, streamReader } from './stream.js'
import { schemas } from './tools.js'
import { toWireMessages } from './turns.js'

/** What is left out of the traits is taken from what is known of the host, then from the defaults. */
export interface CompatibleOptions extends ProviderOptions, TraitOptions {
  /** The provider's name: `createClient` finds it by the first segment of `name/model`. */
  readonly name: string
  /** Up to the version: `http://localhost:11434/v1`. */
  readonly baseURL: string
  /** The official client, `new OpenAI({ baseURL, apiKey })`: it then carries the requests, with its key, address and fetch. A key that comes with the call beats the client's. */
  readonly client?: ChatClient | undefined
  /** Many local servers need none. */
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** An environment variable to read the key from at the call. If it is named, a missing key is an error. */
  readonly apiKeyVariable?: string | undefined
  /** Bare model names it answers to. */
  readonly models?: RegExp | undefined
  /** What its models take, for `params()`. Without it all is let through. */
  readonly capabilities?: ((model: string) => Capabilities) | undefined
}

/**
 * A provider of your own. Throws `MisuseError` for a name that no model could be asked by.
 *
 * @example
 * const ollama = compatible({ name: 'ollama', baseURL: 'http://localhost:11434/v1' })
 * const ai = createClient({ providers: [ollama] })
 * await ai.generate({ model: 'ollama/qwen3', messages })
 */
export function compatible(options: CompatibleOptions): ProviderAdapter {
  const { name: provider, baseURL, client, apiKeyVariable } = options
  if (!/^[^/\s]+$/.test(provider))
    throw new MisuseError(
      'compatible() needs a name without slash or space: it is asked as name/model',
    )
  const transport = providerTransport(options, {
    provider,
    baseURL,
    apiKeyVariables: apiKeyVariable === undefined ? [] : [apiKeyVariable],
    client: client && clientFetch(client),
    toError: toError(provider),
  })
  return createAdapter(dialectOf(options), transport)
}

/** The pure parts of a server, put together. */
export function dialectOf(options: CompatibleOptions): Dialect {
  const { name: provider, models, capabilities = () => unknownModel } = options
  const traits = traitsOf(options)
  const reading: ReaderOptions = {
    provider,
    traits,
    toError: toError(provider),
    maxArgumentsLength: options.maxArgumentsLength,
  }
  return {
    name: provider,
    ...(models && { models }),
    toolNames: plainNames,
    schemas,
    capabilities,
    convertMessages: (messages, model) =>
      toWireMessages(messages, { provider, model, traits, now: now(), warn: ignore }),
    toWire: (request, { streaming, warn }) =>
      toWire(request, { provider, traits, streaming, warn, now: now() }),
    fromWire: (response, context) => fromWire(response, context, reading),
    streamReader: (context, call) => streamReader(context, reading, call),
  }
}

const now = () => Math.floor(Date.now() / 1000)
const ignore = () => {}
