/**
 * Runs one call at a time for a conversation: in order within a process, by a lease across
 * processes.
 */
import { ConflictError, type Context } from '../../src/core/index.js'
import { type Lease, takeLease } from '../../src/store/lease.js'
import type { Store } from '../../src/store/store.js'
import { type Clock, sleep, unlessAborted } from '../clock.js'

/** What a turn needs of a layer's context. */
type Place = Pick<Context<never>, 'signal' | 'abort'>

export interface TurnOptions {
  readonly store: Store
  readonly leaseMs: number
  readonly clock: Clock
}

/** Rejects with `ConflictError` if another call has taken the turn. */
export type HoldTurn = () => Promise<void>

const pollMs = 50

export class Turns {
  /** The last waiting call of this process, by conversation. */
  private readonly last = new Map<string, Promise<unknown>>()
  /** Of all its turns: they run one at a time. */
  private readonly owner = crypto.randomUUID()

  constructor(private readonly options: TurnOptions) {}

  /** Runs after the earlier calls of this process; a call whose signal fires leaves the queue. */
  async run(key: string, ctx: Place, work: (hold: HoldTurn) => Promise<void>): Promise<void> {
    const before = this.last.get(key) ?? Promise.resolve()
    let leave = () => {}
    const gone = new Promise<void>((resolve) => {
      leave = resolve
    })
    const own = before.then(() => gone)
    this.last.set(key, own)
    // not before `own` has resolved: a call that left the queue had others before it
    own.then(() => {
      if (this.last.get(key) === own) this.last.delete(key)
    })
    try {
      await unlessAborted(before, ctx.signal)
      await this.withLease(key, ctx, work)
    } finally {
      leave()
    }
  }

  private async withLease(key: string, ctx: Place, work: (hold: HoldTurn) => Promise<void>) {
    let lease = await this.waitForLease(key, ctx.signal)
    const renew = async () => {
      if (await lease.renew().catch(lease.renew)) return
      // it expired, perhaps without another process taking it
      const again = await this.take(key)
      if (!again) throw overtaken()
      lease = again
    }
    let holding = Promise.resolve()
    const hold = () => {
      holding = holding.then(renew, renew)
      return holding
    }
    const timer = setInterval(() => {
      hold().catch((error: unknown) => {
        // a renewal that failed in the store is repeated
        if (error instanceof ConflictError) ctx.abort(error)
      })
    }, this.options.leaseMs / 3)
    try {
      await work(hold)
    } finally {
      clearInterval(timer)
      // a renewal on its way could take the key again behind the release
      await holding.catch(() => {})
      // a lease that cannot be released expires
      await lease.release().catch(() => false)
    }
  }

  private async waitForLease(key: string, signal: AbortSignal): Promise<Lease> {
    for (;;) {
      const lease = await this.take(key)
      if (lease) return lease
      await sleep(pollMs, signal, this.options.clock)
    }
  }

  private take(key: string): Promise<Lease | undefined> {
    const { store, leaseMs } = this.options
    return takeLease(store, `turn:${key}`, { ttlMs: leaseMs, owner: this.owner })
  }
}

/** Another holder has taken the turn, as this one was away for longer than its lease. */
export const overtaken = () =>
  new ConflictError(
    'conversation(): the lease of this call expired and another call took the turn: call again, or set a longer leaseMs',
    { status: 409, code: 'conversation_overtaken', retryable: false },
  )
