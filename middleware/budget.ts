/**
 * Caps on the cost of calls, across processes: held before a call, extended while it streams,
 * settled at its end.
 */
import {
  BudgetExceededError,
  type Context,
  layer,
  type Middleware,
  MisuseError,
  type Next,
} from '../src/core/index.js'
import { memoryStore, type Store } from '../src/store/index.js'
import { needs } from '../src/store/needs.js'
import { patientStore } from '../src/store/patient.js'
import { Booking, type Settings, StoreDown } from './budget/booking.js'
import { type Cap, cappedIn, checkCap } from './budget/cap.js'
import { learn, learnedOf } from './budget/learned.js'

export type { BudgetWindow, Cap } from './budget/cap.js'

export interface BudgetOptions<State = {}> extends Partial<Cap<State>> {
  /**
   * Several caps at once: a call is held on all of them or none. Replaces `usd`, `tokens`, `window`
   * and `per`.
   */
  readonly caps?: readonly Cap<State>[] | undefined
  /** Where the sums are stored. @default the memory of this process */
  readonly store?: Store | undefined
  /**
   * Name of the ledger in the store: budgets with the same name share their sums.
   * @default 'budget'
   */
  readonly name?: string | undefined
  /** Tokens that a stream holds ahead of its text. */
  readonly reserve?: Reserve | undefined
  /**
   * Tokens of an average answer, held before the call.
   * @default the recent mean of the model, from the store
   */
  readonly expect?: number | undefined
  /** Called with each refusal before it is thrown; may throw an error of its own. */
  readonly onExceeded?: ((error: BudgetExceededError, ctx: Context<State>) => unknown) | undefined
  /**
   * While the store is down a call fails (closed) or runs uncounted with a warning (open).
   * @default 'closed'
   */
  readonly onStoreError?: 'closed' | 'open' | undefined
  /** A hold not renewed for this long is booked as used. Milliseconds. @default 60_000 */
  readonly leaseMs?: number | undefined
  /** Epoch milliseconds, for tests. @default Date.now */
  readonly now?: (() => number) | undefined
}

export interface Reserve {
  /** Size of one extension. Tokens. @default 128 */
  readonly slice?: number | undefined
  /**
   * The most one network read may bring: a refused stream ends when this much is left. Tokens.
   * @default 128
   */
  readonly margin?: number | undefined
}

/**
 * Keeps the cost or the tokens of calls under a cap for each key and window, exactly for tokens
 * that are streamed. A stream holds its prompt and an average answer, then extends by slices; one
 * whose extension is refused ends before the chunk that would exceed the cap, with
 * `BudgetExceededError`, and keeps its text. `generate`, hidden reasoning and hosted tools are
 * bounded by `max_tokens`, lowered to what the cap still covers, with a warning. Every end settles
 * the actual figure; the hold of a process that died is booked when its lease expires.
 *
 * Place: inside `retry`, so that each attempt is held and settled by itself.
 *
 * Throws `MisuseError` for an invalid cap, and at a call for a model without a price under a cap in
 * USD.
 *
 * @example
 * standard({ with: [budget({ usd: 5, window: 'day', per: (ctx) => ctx.state.userId, store })] })
 */
export function budget<State = {}>(options: BudgetOptions<State>): Middleware<State> {
  const caps = capsOf(options ?? {})
  const { store = memoryStore(), reserve = {}, onExceeded, onStoreError = 'closed' } = options
  const ledger = needs('budget()', store, ['hold', 'settle'])
  const settings: Settings = {
    store: patientStore(ledger, { patienceMs }),
    toSettle: patientStore(ledger, { patienceMs, maxFailures: Infinity }),
    name: options.name ?? 'budget',
    leaseMs: options.leaseMs ?? 60_000,
    slice: reserve.slice ?? 128,
    margin: reserve.margin ?? 128,
    isFailingOpen: onStoreError === 'open',
  }
  const now = options.now ?? Date.now

  const run = async (ctx: Context<State>, next: Next) => {
    const at = now()
    const booking = new Booking(
      settings,
      ctx,
      caps.map((cap, index) => cappedIn(cap, { ctx, index, at })),
    )
    const thrown = async (error: unknown) => {
      if (error instanceof BudgetExceededError && booking.owns(error))
        await onExceeded?.(error, ctx)
      return error
    }
    try {
      await booking.open(await learnedOf(ctx, settings, options.expect))
    } catch (error) {
      if (!(error instanceof StoreDown)) {
        await booking.settle()
        throw await thrown(error)
      }
      // for a hold that the store may still apply: the call does not wait for it
      ctx.defer(booking.settle())
      if (!settings.isFailingOpen) throw error.error
      ctx.warn({ code: 'other', message: 'budget(): the store is down, the call is not counted' })
      return next()
    }
    ctx.transform(booking.transform)
    try {
      return await next()
    } catch (error) {
      throw await thrown(error)
    } finally {
      await Promise.all([booking.settle(), learn(ctx, settings)])
    }
  }
  return layer<State>('budget', run, { place: 'inside retry' })
}

/** Time limit of one operation of the store. Milliseconds. */
const patienceMs = 10_000

function capsOf<State>({ caps, ...one }: BudgetOptions<State>): readonly Cap<State>[] {
  const { usd, tokens, window, per, timeZone } = one
  const single = { usd, tokens, window, per, timeZone }
  const isSingle = usd !== undefined || tokens !== undefined
  if (caps && isSingle) throw new MisuseError('budget() takes one cap, or `caps`, not both')
  // validated below
  const all = caps ?? [single as Cap<State>]
  if (all.length === 0) throw new MisuseError('budget() needs a cap')
  for (const cap of all) checkCap(cap)
  return all
}
