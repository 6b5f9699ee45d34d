/** One call at a time for one conversation: in their order within a process, over processes by a lease. */
import { ConflictError, type Context } from '../../src/core/index.js'
import { type Lease, takeLease } from '../../src/store/lease.js'
import type { Store } from '../../src/store/store.js'
import { type Clock, sleep, unlessAborted } from '../clock.js'

/** What of a layer's context a turn needs. */
type Place = Pick<Context<never>, 'signal' | 'abort'>

export interface TurnOptions {
  readonly store: Store
  readonly leaseMs: number
  readonly clock: Clock
}

/** Rejects with `ConflictError` where another call has the turn meanwhile. */
export type HoldTurn = () => Promise<void>

const pollMs = 50

export class Turns {
  /** The last of those that wait in this process, by conversation. */
  private readonly last = new Map<string, Promise<unknown>>()

  constructor(private readonly options: TurnOptions) {}

  /** Runs behind those of this process that came before; one whose signal fires leaves the row. */
  async run(key: string, ctx: Place, work: (hold: HoldTurn) => Promise<void>): Promise<void> {
    const before = this.last.get(key) ?? Promise.resolve()
    let leave = () => {}
    const gone = new Promise<void>((resolve) => {
      leave = resolve
    })
    const own = before.then(() => gone)
    this.last.set(key, own)
    try {
      await unlessAborted(before, ctx.signal)
      await this.withLease(key, ctx, work)
    } finally {
      leave()
      if (this.last.get(key) === own) this.last.delete(key)
    }
  }

  private async withLease(key: string, ctx: Place, work: (hold: HoldTurn) => Promise<void>) {
    let lease = await this.waitForLease(key, ctx.signal)
    const renew = async () => {
      if (await lease.renew()) return
      // it ran out, which nobody may have noticed
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
        // one that the store failed comes again
        if (error instanceof ConflictError) ctx.abort(error)
      })
    }, this.options.leaseMs / 3)
    try {
      await work(hold)
    } finally {
      clearInterval(timer)
      // one that cannot be given back ends by itself
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
    return takeLease(store, `turn:${key}`, { ttlMs: leaseMs })
  }
}

/** Another holder of the turn has gone on, since this one was away for longer than its lease. */
export const overtaken = () =>
  new ConflictError(
    'conversation(): the turn of this call ran out and another call has gone on: ask again, or give a longer leaseMs',
    { status: 409, code: 'conversation_overtaken', retryable: false },
  )
