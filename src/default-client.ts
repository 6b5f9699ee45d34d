/** `createClient` with the four providers as default, each imported by the first call for it: what `tetrad` exports. */
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
 * Makes a client of the four providers, or of those it is given.
 *
 * @example
 * const ai = createClient({ use: standard() })
 * const reply = await ai.generate({ model: 'gemini/gemini-2.5-flash', messages: [{ role: 'user', content: 'Hi' }] })
 */
export const createClient = <State = {}>(
  options: DefaultClientOptions<State> = {},
): Client<State> =>
  createBareClient({ ...options, providers: options.providers ?? fourProviders() })

// each is imported past the barrel of its folder: bundlers that make one file leave out what a barrel of a package
// without side effects would start
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
