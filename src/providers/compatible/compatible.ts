/** Adapter for Chat Completions: vLLM, Ollama, OpenRouter, DeepSeek, Groq, Mistral, LM Studio … */
import type { Capabilities } from '../../chat/index.js'
import { plainNames } from '../../chat/tool-names.js'
import { MisuseError, type ProviderAdapter } from '../../core/index.js'
import { createAdapter, type Dialect, type Warn } from '../adapter.js'
import { notesOf } from '../notes.js'
import { type ProviderOptions, providerTransport } from '../provider-transport.js'
import { toError } from './errors.js'
import { type TraitOptions, traitsOf, unknownModel, type WriteContext } from './models.js'
import { toWire } from './request.js'
import { type ChatClient, clientFetch } from './sdk.js'
import { fromWire, type ReaderOptions, streamReader } from './stream.js'
import { schemas } from './tools.js'
import { toWireMessages } from './turns.js'

/** Default traits are those known for the host, then the general ones. */
export interface CompatibleOptions extends ProviderOptions, TraitOptions {
  /** The provider's name, the first segment of `name/model`. */
  readonly name: string
  /** Including the version: `http://localhost:11434/v1`. */
  readonly baseURL: string
  /**
   * The official client, `new OpenAI({ baseURL, apiKey })`, to send requests with its key, address
   * and fetch. A key of the call overrides the client's.
   */
  readonly client?: ChatClient | undefined
  /** Many local servers require none. */
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** An environment variable to read the key from at each call. If set, the key is required. */
  readonly apiKeyVariable?: string | undefined
  /** Bare model names that it serves. */
  readonly models?: RegExp | undefined
  /** Capabilities of its models, for `params()`. @default everything is passed through */
  readonly capabilities?: ((model: string) => Capabilities) | undefined
}

/**
 * A provider of your own. Throws `MisuseError` for a name with a slash or space.
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
      'compatible() needs a name without slash or space: models are called name/model',
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

export function dialectOf(options: CompatibleOptions) {
  const { name: provider, models, capabilities = () => unknownModel } = options
  const traits = traitsOf(options)
  const contextOf = (model: string, warn?: Warn): WriteContext => ({
    ...notesOf(provider, model, warn),
    traits,
    now: Math.floor(Date.now() / 1000),
  })
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
    convertMessages: (messages, model) => toWireMessages(messages, contextOf(model)),
    toWire: (request, writing) => toWire(request, writing, contextOf(request.model, writing.warn)),
    fromWire: (response, context) => fromWire(response, context, reading),
    streamReader: (context, call) => streamReader(context, reading, call),
  } satisfies Dialect
}
