/** `createClient` with the four providers as default: what `tetrad` exports. */
import { type Client, type ClientOptions, createClient as createBareClient } from './client.js'
import type { ProviderAdapter } from './core/index.js'
import { anthropic } from './providers/anthropic/index.js'
import { gemini } from './providers/gemini/index.js'
import { openai } from './providers/openai/index.js'
import { xai } from './providers/xai/index.js'

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
  createBareClient({
    ...options,
    providers: options.providers ?? [openai(), anthropic(), gemini(), xai()],
  })
