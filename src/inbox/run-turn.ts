/** One attempt at the turn of a key, under a lock that is renewed while it runs. */
import { AbortError, ServiceUnavailableError, TimeoutError } from '../core/errors.js'
import { type Lease, takeLease } from '../store/lease.js'
import type { Mailbox, OpenTurn } from './mailbox.js'
import type { InboxSettings, Turn } from './options.js'
import { sleep, startTimer } from './timer.js'

/** The turn is over, another process has it, or another attempt is due. */
export type Outcome = 'over' | 'lost' | { readonly inMs: number }

/** How long an answer may run after its signal has fired; then it is abandoned. Milliseconds. */
const endMs = 5_000

/** `stops` are called when `close()` waits no longer. Rejects when the store fails. */
export async function runTurn<Message>(
  mailbox: Mailbox<Message>,
  key: string,
  stops: Set<() => void>,
): Promise<Outcome> {
  const stop = new AbortController()
  const close = () => stop.abort(closed())
  // before the first wait: `close()` calls it once
  stops.add(close)
  try {
    return await runLocked(mailbox, key, stop)
  } finally {
    stops.delete(close)
  }
}

async function runLocked<Message>(
  mailbox: Mailbox<Message>,
  key: string,
  stop: AbortController,
): Promise<Outcome> {
  const { store, settings } = mailbox
  const lease = await takeLease(store, mailbox.lockName(key), { ttlMs: settings.leaseMs })
  if (!lease) return 'lost'
  const stopRenewing = keepRenewed(lease, settings, () => stop.abort(leaseLost(key)))
  try {
    return await new Attempt(mailbox, key, stop.signal).run()
  } finally {
    stopRenewing()
    // an unreleased lease expires
    await lease.release().catch(() => false)
  }
}

class Attempt<Message> {
  private readonly settings: InboxSettings<Message>

  constructor(
    private readonly mailbox: Mailbox<Message>,
    private readonly key: string,
    /** Fires when this process must give up the key. */
    private readonly signal: AbortSignal,
  ) {
    this.settings = mailbox.settings
  }

  async run(): Promise<Outcome> {
    const { mailbox, key, settings } = this
    const open = await mailbox.open(key)
    if (!open) return 'over'
    // for another process, which also reports a turn without attempts left
    if (this.signal.aborted) return { inMs: 0 }
    const inMs = open.notBefore - settings.clock.now()
    // ignored if longer: set by a clock that is ahead
    if (inMs > 0 && inMs <= this.backoff(open)) return { inMs }
    if (open.attempts >= settings.attempts) return this.giveUp(open, processLost(open.attempts))
    const turn = await mailbox.begin(key, open)
    return turn ? this.answer(turn) : 'lost'
  }

  private async answer(begun: OpenTurn): Promise<Outcome> {
    let turn = begun
    try {
      turn = await this.withoutExpired(turn)
      const { answer } = this.settings
      if (turn.entries.length > 0) await this.call((given) => answer(given.messages, given), turn)
    } catch (error) {
      return this.failed(turn, error)
    }
    return this.finish(turn)
  }

  /** Passes messages that are too old to `onExpired`, and removes them from the turn. */
  private async withoutExpired(turn: OpenTurn): Promise<OpenTurn> {
    const { maxAgeMs, clock, onExpired } = this.settings
    const oldest = clock.now() - maxAgeMs
    const expired = turn.entries.filter(({ at }) => at < oldest)
    if (expired.length === 0) return turn
    if (onExpired)
      await this.call((given) => onExpired(given.messages, given), { ...turn, entries: expired })
    const entries = turn.entries.filter(({ at }) => at >= oldest)
    const changed = await this.mailbox.change(this.key, turn, { entries })
    if (!changed) throw leaseLost(this.key)
    return changed
  }

  /** Passes a turn to the app; abandons work that continues after its signal has fired. */
  private async call(work: (given: Turn<Message>) => unknown, turn: OpenTurn): Promise<void> {
    const { clock, timeoutMs } = this.settings
    this.signal.throwIfAborted()
    const stop = new AbortController()
    const forward = () => stop.abort(this.signal.reason)
    this.signal.addEventListener('abort', forward)
    const timers = [startTimer(clock, timeoutMs, () => stop.abort(timedOut(timeoutMs)))]
    const isLeft = new Promise<never>((_, reject) => {
      const leave = () => reject(stop.signal.reason)
      const wait = () => timers.push(startTimer(clock, endMs, leave))
      stop.signal.addEventListener('abort', wait)
    })
    try {
      const given = this.given(turn, stop.signal)
      await Promise.race([Promise.resolve(given).then(work), isLeft])
    } catch (error) {
      throw stop.signal.aborted ? stop.signal.reason : error
    } finally {
      this.signal.removeEventListener('abort', forward)
      for (const cancel of timers) cancel()
    }
  }

  private given({ id, attempts, entries }: OpenTurn, signal: AbortSignal): Turn<Message> {
    const inOrder = [...entries].sort((a, b) => a.at - b.at)
    // as added, after a JSON round trip
    const messages = inOrder.map(({ message }) => message as Message)
    return { id, key: this.key, messages, attempt: attempts, signal }
  }

  private async failed(turn: OpenTurn, error: unknown): Promise<Outcome> {
    const { attempts, clock } = this.settings
    if (isLeaseLost(error)) return 'lost'
    if (this.signal.aborted && error === this.signal.reason)
      return this.again(turn, 0, { attempts: turn.attempts - 1 })
    if (turn.attempts >= attempts) return this.giveUp(turn, error)
    const inMs = this.backoff(turn)
    return this.again(turn, inMs, { notBefore: clock.now() + inMs })
  }

  private backoff({ attempts }: OpenTurn): number {
    return this.settings.backoffMs * 4 ** (attempts - 1)
  }

  private async again(turn: OpenTurn, inMs: number, changes: Partial<OpenTurn>): Promise<Outcome> {
    const changed = await this.persist(() => this.mailbox.change(this.key, turn, changes))
    return changed ? { inMs } : 'lost'
  }

  private async giveUp(turn: OpenTurn, error: unknown): Promise<Outcome> {
    const { onError } = this.settings
    await ignoreErrors(() => this.call((given) => onError?.(error, given), turn))
    return this.finish(turn)
  }

  private async finish(turn: OpenTurn): Promise<Outcome> {
    const isFinished = await this.persist(() => this.mailbox.finish(this.key, turn))
    return isFinished ? 'over' : 'lost'
  }

  /** Repeats a write: a short outage of the store must not answer a turn twice. */
  private async persist<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await write()
      } catch (error) {
        if (this.signal.aborted) throw error
        await sleep(this.settings.clock, this.settings.pollMs)
      }
    }
  }
}

/** Renews a lease every third of its time; calls `onLost` once it may have expired. */
function keepRenewed(
  lease: Lease,
  { leaseMs, clock }: Pick<InboxSettings<unknown>, 'leaseMs' | 'clock'>,
  onLost: () => void,
): () => void {
  let failures = 0
  let cancel = () => {}
  const renew = async () => {
    if (++failures > 2) return onLost()
    next()
    const isOwn = await lease.renew().catch(() => undefined)
    if (isOwn === false) onLost()
    if (isOwn) failures = 0
  }
  const next = () => {
    cancel = startTimer(clock, leaseMs / 3, () => void renew())
  }
  next()
  return () => cancel()
}

export async function ignoreErrors(work: () => unknown): Promise<void> {
  try {
    await work()
  } catch {
    // ignored
  }
}

const closed = () => new AbortError('The inbox is closed', { code: 'closing' })

const leaseLost = (key: string) =>
  new AbortError(
    `The lock of ${key} could not be renewed: another process may be running its turn`,
    {
      code: 'lease_lost',
    },
  )

const isLeaseLost = (error: unknown) => error instanceof AbortError && error.code === 'lease_lost'

const timedOut = (ms: number) =>
  new TimeoutError(`The turn took longer than ${ms} ms: raise \`timeoutMs\`, or answer sooner`)

const processLost = (attempts: number) =>
  new ServiceUnavailableError(`The process ended in each of ${attempts} attempts at this turn`, {
    code: 'process_lost',
  })
