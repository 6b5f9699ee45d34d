/** One attempt at the turn of a key, under a lock that is renewed while it runs. */
import { AbortError, ServiceUnavailableError, TimeoutError } from '../core/errors.js'
import { type Lease, takeLease } from '../store/lease.js'
import type { Mailbox, OpenTurn } from './mailbox.js'
import type { InboxSettings, Turn } from './options.js'
import { sleep, startTimer } from './timer.js'

/** Another process has the key; or its turn is over; or it wants another attempt. */
export type Outcome = 'lost' | 'over' | { readonly inMs: number }

/** How long an answer has to end when its signal has fired; then it is left behind. Milliseconds. */
const endMs = 5_000

/** `closing` fires when `close()` waits no longer. Rejects when the store fails. */
export async function runTurn<Message>(
  mailbox: Mailbox<Message>,
  key: string,
  closing: AbortSignal,
): Promise<Outcome> {
  const { settings } = mailbox
  const { leaseMs, timeoutMs, clock } = settings
  const lease = await takeLease(mailbox.store, mailbox.lockName(key), { ttlMs: leaseMs })
  if (!lease) return 'lost'
  const stop = new AbortController()
  const close = () => stop.abort(new AbortError('The inbox is closed', { code: 'closing' }))
  const cleanups = [
    keepRenewed(lease, settings, () => stop.abort(leaseLost(key))),
    startTimer(clock, timeoutMs, () => stop.abort(timedOut(timeoutMs))),
    () => closing.removeEventListener('abort', close),
  ]
  closing.addEventListener('abort', close)
  try {
    return await new Attempt(mailbox, key, stop.signal).run()
  } finally {
    for (const cleanup of cleanups) cleanup()
    // one that cannot be given back ends by itself
    await lease.release().catch(() => false)
  }
}

class Attempt<Message> {
  private readonly settings: InboxSettings<Message>

  constructor(
    private readonly mailbox: Mailbox<Message>,
    private readonly key: string,
    private readonly signal: AbortSignal,
  ) {
    this.settings = mailbox.settings
  }

  async run(): Promise<Outcome> {
    const { mailbox, key, settings } = this
    const open = await mailbox.open(key)
    if (!open) return 'over'
    const inMs = open.notBefore - settings.clock.now()
    if (inMs > 0) return { inMs }
    if (open.attempts >= settings.attempts) return this.giveUp(open, processLost(open.attempts))
    const turn = await mailbox.begin(key, open)
    return turn ? this.answer(turn) : 'lost'
  }

  private async answer(begun: OpenTurn): Promise<Outcome> {
    let turn = begun
    try {
      turn = await this.withoutExpired(turn)
      const given = this.given(turn)
      if (turn.entries.length > 0)
        await this.unlessStopped(() => this.settings.answer(given.messages, given))
    } catch (error) {
      return this.failed(turn, this.signal.aborted ? this.signal.reason : error)
    }
    return this.finish(turn)
  }

  /** What is too old is recorded, and taken out of the turn. */
  private async withoutExpired(turn: OpenTurn): Promise<OpenTurn> {
    const { maxAgeMs, clock, onExpired } = this.settings
    const oldest = clock.now() - maxAgeMs
    const entries = turn.entries.filter(({ at }) => at >= oldest)
    if (entries.length === turn.entries.length) return turn
    const given = this.given({ ...turn, entries: turn.entries.filter(({ at }) => at < oldest) })
    if (onExpired) await this.unlessStopped(() => onExpired(given.messages, given))
    const changed = await this.mailbox.change(this.key, turn, { entries })
    if (!changed) throw leaseLost(this.key)
    return changed
  }

  private given({ id, attempts, entries }: OpenTurn): Turn<Message> {
    const { key, signal } = this
    const inOrder = [...entries].sort((a, b) => a.at - b.at)
    // as it was added, through JSON
    const messages = inOrder.map(({ message }) => message as Message)
    return { id, key, messages, attempt: attempts, signal }
  }

  /** Leaves work behind that goes on although its signal has fired. */
  private async unlessStopped(work: () => unknown): Promise<void> {
    const { signal, settings } = this
    let cancel = () => {}
    let onAbort = () => {}
    const left = new Promise<never>((_, reject) => {
      onAbort = () => {
        cancel = startTimer(settings.clock, endMs, () => reject(signal.reason))
      }
    })
    signal.throwIfAborted()
    signal.addEventListener('abort', onAbort)
    try {
      await Promise.race([Promise.resolve().then(work), left])
    } finally {
      signal.removeEventListener('abort', onAbort)
      cancel()
    }
  }

  private async failed(turn: OpenTurn, error: unknown): Promise<Outcome> {
    const { attempts, backoffMs, clock } = this.settings
    const code = error instanceof AbortError ? error.code : undefined
    if (code === 'lease_lost') return 'lost'
    if (code === 'closing') return this.again(turn, 0, { attempts: turn.attempts - 1 })
    if (turn.attempts >= attempts) return this.giveUp(turn, error)
    const inMs = backoffMs * 4 ** (turn.attempts - 1)
    return this.again(turn, inMs, { notBefore: clock.now() + inMs })
  }

  private async again(turn: OpenTurn, inMs: number, changes: Partial<OpenTurn>): Promise<Outcome> {
    const changed = await this.persist(() => this.mailbox.change(this.key, turn, changes))
    return changed ? { inMs } : 'lost'
  }

  private async giveUp(turn: OpenTurn, error: unknown): Promise<Outcome> {
    await ignoreErrors(() => this.settings.onError?.(error, this.given(turn)))
    return this.finish(turn)
  }

  private async finish(turn: OpenTurn): Promise<Outcome> {
    const isFinished = await this.persist(() => this.mailbox.finish(this.key, turn))
    return isFinished ? 'over' : 'lost'
  }

  /** What has been answered is not answered again because the store was away for a moment. */
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

/** Renews a lease three times as often as it ends; calls `onLost` once it may have ended. */
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
    // it was asked for nothing
  }
}

const leaseLost = (key: string) =>
  new AbortError(`The lock of ${key} could not be renewed: another process may have its turn`, {
    code: 'lease_lost',
  })

const timedOut = (ms: number) =>
  new TimeoutError(`The turn took longer than ${ms} ms: raise \`timeoutMs\`, or answer sooner`)

const processLost = (attempts: number) =>
  new ServiceUnavailableError(`The process ended in each of ${attempts} attempts at this turn`, {
    code: 'process_lost',
  })
