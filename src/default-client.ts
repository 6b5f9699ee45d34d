/** `createClient` of `tetrad`: four default providers, each imported on the first call to it. */
import { type Client, type ClientOptions, createClient as createBareClient } from './client.js'
import type { ProviderAdapter } from './core/index.js'
import { adapterOnDemand } from './providers/adapter-on-demand.js'
import * as claude from './providers/anthropic/models.js'
import * as google from './providers/gemini/models.js'
import * as gpt from './providers/openai/models.js'
import * as grok from './providers/xai/models.js'

export interface DefaultClientOptions<State> extends Omit<ClientOptions<State>, 'providers'> {
  /** @default openai(), anthropic(), gemini(), xai() with keys from the environment */
  readonly providers?: readonly ProviderAdapter[] | undefined
}

/**
 * Creates a client of the four providers, or of the given ones.
 *
 * @example
 * const ai = createClient({ use: standard() })
 * const reply = await ai.generate({ model: 'gemini/gemini-2.5-flash', messages: [{ role: 'user', content: 'Hi' }] })
 */
export const createClient = <State = {}>(
  options: DefaultClientOptions<State> = {},
): Client<State> =>
  createBareClient({ ...options, providers: options.providers ?? fourProviders() })

// imported past the barrel of each folder: in a package without side effects, bundlers that emit
// one file omit the initialization of a barrel
const fourProviders = (): readonly ProviderAdapter[] => [
  adapterOnDemand(
    { name: 'openai', models: gpt.models, capabilities: gpt.capabilities, counts: true },
    async () => (await import('./providers/openai/openai.js')).openai(),
  ),
  adapterOnDemand(
    { name: 'anthropic', models: claude.models, capabilities: ofClaude, counts: true },
    async () => (await import('./providers/anthropic/anthropic.js')).anthropic(),
  ),
  adapterOnDemand(
    { name: 'gemini', models: google.models, capabilities: google.capabilities, counts: true },
    async () => (await import('./providers/gemini/gemini.js')).gemini(),
  ),
  adapterOnDemand(
    { name: 'xai', models: grok.models, capabilities: grok.capabilities, counts: false },
    async () => (await import('./providers/xai/xai.js')).xai(),
  ),
]

const ofClaude = (model: string) => claude.capabilitiesOf(model, claude.defaultVersion)
