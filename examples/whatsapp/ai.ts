/** The client: caps, history, voice, and answers that are history once they are sent. */
import { type Client, createClient, layer, type Middleware, type ProviderAdapter } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { budget } from 'tetrad/middleware/budget'
import { conversation } from 'tetrad/middleware/conversation'
import { hear } from 'tetrad/middleware/hear'
import { type Prices, prices } from 'tetrad/middleware/prices'
import type { Store } from 'tetrad/store'
import type { Caller } from './caller.js'
import { changed } from './changes.js'

export interface AiOptions {
  readonly store: Store
  /** @default the four, with keys from the environment */
  readonly providers?: readonly ProviderAdapter[] | undefined
  /** Writes down voice notes for models that take none, by its full name. @default none */
  readonly hearModel?: string | undefined
  /** USD a person and day. @default 0.5 */
  readonly capUsd?: number | undefined
  /** USD of all together a day. @default 100 */
  readonly capAllUsd?: number | undefined
  /** The longest that a model may take, retries included. Milliseconds. @default 90_000 */
  readonly deadlineMs?: number | undefined
  /** Where a day begins: an IANA name. @default 'UTC' */
  readonly timeZone?: string | undefined
}

/** Of a model whose price nobody knows: a cap that does not count is none. */
const dear = { input_mtok: 25, output_mtok: 25 }
const pricesOrDear: Prices = (call) => prices(call) ?? dear

export function createAi(options: AiOptions): Client<Caller> {
  const { store, providers, hearModel, capUsd = 0.5, capAllUsd = 100, timeZone } = options
  const { deadlineMs = 90_000 } = options
  const day = { window: 'day', timeZone } as const
  const caps = [
    { ...day, usd: capUsd, per: (ctx: { readonly state: Caller }) => ctx.state.person },
    { ...day, usd: capAllUsd },
  ]
  return createClient<Caller>({
    providers,
    prices: pricesOrDear,
    use: [
      // a picture of 4 MB is sent with its own turn only
      conversation({ store, id: (ctx) => ctx.state.chat, maxMessages: 40, media: 'never' }),
      changed,
      delivery,
      ...standard<Caller>({
        deadline: deadlineMs,
        history: { maxTokens: 'model' },
        with: [
          budget<Caller>({ caps, store }),
          ...(hearModel ? [hear({ model: hearModel, store })] : []),
        ],
      }),
    ],
  })
}

/** An answer is kept when it was sent, and as it was sent. Place: inside `conversation`. */
const delivery: Middleware<Caller> = layer('delivery', async (ctx, next) => {
  // nothing leaves before
  ctx.transform(() => {})
  ctx.response = await ctx.state.deliver(next)
})
