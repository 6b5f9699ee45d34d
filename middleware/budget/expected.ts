/** How long an ordinary answer is: the mean of lately, by model, from the store. */
import type { Store } from '../../src/store/index.js'
import type { Place } from './booking.js'

interface Where {
  readonly store: Store
  readonly name: string
}

/** Where nothing is known yet. Tokens. */
const firstGuess = 500
/** The weight of one answer in the mean. */
const weight = 1 / 8
const ttlMs = 7 * 86_400_000

const keyOf = ({ request }: Place, { name }: Where) => `${name}:expect:${request.model}`

export async function expectedTokens(
  ctx: Place,
  where: Where,
  given: number | undefined,
): Promise<number> {
  return given ?? (await meanOf(ctx, where)) ?? firstGuess
}

/** A store that is down has no mean; the hold tells of it. */
async function meanOf(ctx: Place, where: Where): Promise<number | undefined> {
  const mean = Number(await where.store.get(keyOf(ctx, where)).catch(() => undefined))
  return mean > 0 ? Math.ceil(mean) : undefined
}

/** Takes an answer that ended well into the mean. Of two at once one may be lost. */
export async function learn(ctx: Place, where: Where): Promise<void> {
  const { response } = ctx
  if (!response || response.finish_reason === 'length') return
  const { completion_tokens } = response.usage
  const before = (await meanOf(ctx, where)) ?? completion_tokens
  const mean = before + (completion_tokens - before) * weight
  await where.store.set(keyOf(ctx, where), String(mean), { ttlMs }).catch(() => {})
}
