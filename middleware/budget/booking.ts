/** One attempt in the ledger: held before it, extended while it streams, settled at its end. */
import { type ChatRequest, estimatePromptTokens, type Usage } from '../../src/chat/index.js'
import {
  askedTier,
  BudgetExceededError,
  MisuseError,
  ServiceUnavailableError,
  type Transform,
} from '../../src/core/index.js'
import type { HoldResult, Store } from '../../src/store/index.js'
import { wasSkipped } from '../../src/store/patient.js'
import { sleep } from '../clock.js'
import { type CurrentCap, type Place, perUsd } from './cap.js'
import type { Learned } from './learned.js'
import { thoughtsOf, withThoughtsInside } from './thoughts.js'

export interface Settings {
  readonly store: Store & Required<Pick<Store, 'hold'>>
  /** Is called also after failures: without a settle the hold is booked. */
  readonly toSettle: Required<Pick<Store, 'settle'>>
  /** Name of the ledger. */
  readonly name: string
  readonly leaseMs: number
  /** Tokens. */
  readonly slice: number
  /** Tokens. */
  readonly margin: number
  readonly isFailingOpen: boolean
}

/** The store failed: the call was neither held nor refused. */
export class StoreDown extends Error {
  readonly error: ServiceUnavailableError

  constructor(cause: unknown) {
    super('The store is down')
    this.error = new ServiceUnavailableError(
      'budget(): the store is down, so the call was refused',
      {
        status: 503,
        code: 'store_unavailable',
        retryable: false,
        cause,
      },
    )
  }
}

type Tokens = Pick<Usage, 'prompt_tokens' | 'completion_tokens'>

/**
 * If only the model's own limit bounds an answer, it gets this share of what the cap still covers.
 */
const share = 1 / 4
const tries = 4
/** How long a refused stream waits for other holds to be released. */
const patienceMs = 2_000
const pauseMs = 50
/** What longer answers still need, as a share of what all running ones hold. */
const wantedShare = 0.4
/**
 * What shorter answers returned, as a share of their usage: at most this much goes to longer ones.
 */
const returnedShare = 0.8
/** Upper bound of the output of any model. Tokens. */
const longest = 1_000_000

export class Booking {
  private readonly id = crypto.randomUUID()
  /** Amounts, by cap. */
  private held: number[]
  /** A hold was sent: the store may apply it, even if its reply never came. */
  private wasSent = false
  private rates: readonly number[] = []
  /** Tokens held for the prompt. */
  private promptTokens = 0
  /** Factor by which our own token count of a text may be too low. */
  private completionRatio = 1
  private extending: Promise<void> | undefined
  /** All its text is streamed, so slices bound it; otherwise `max_tokens` does. */
  private isSliced = false
  private isUncapped = false
  private refusal: Error | undefined
  private heartbeat: ReturnType<typeof setInterval> | undefined
  private readonly over = new AbortController()
  private renewing: Promise<unknown> | undefined

  constructor(
    private readonly settings: Settings,
    private readonly ctx: Place,
    private readonly caps: readonly CurrentCap[],
  ) {
    this.held = caps.map(() => 0)
  }

  owns(error: unknown): boolean {
    return error === this.refusal || error === this.lastRefusal
  }

  /**
   * Holds the prompt and an answer. Throws `BudgetExceededError`, `MisuseError`, or `StoreDown`.
   */
  async open({ expected, promptRatio, completionRatio, thinksUnseen }: Learned): Promise<void> {
    const { ctx } = this
    const prompt_tokens = Math.ceil(estimatePromptTokens(ctx.request) * promptRatio)
    this.promptTokens = prompt_tokens
    this.completionRatio = completionRatio
    const amountsOf = (completion_tokens: number) =>
      this.caps.map((cap) => this.amountOf(cap, { prompt_tokens, completion_tokens }))
    const none = amountsOf(0)
    this.rates = amountsOf(1e6).map((amount, index) => (amount - (none[index] ?? 0)) / 1e6)
    this.isSliced = isSeen(ctx) && !thinksUnseen
    const requested = ctx.request.max_tokens ?? ctx.request.max_completion_tokens ?? undefined
    if (this.isSliced) {
      const ahead = expected + this.settings.margin
      const first = Math.min(requested ?? Infinity, ahead)
      // if the whole requested length is held there is nothing to extend
      this.isSliced = first === ahead
      const result = await this.hold(amountsOf(first))
      if (!result.isHeld || !this.leavesRoom(result)) throw this.refused(result, amountsOf(first))
    } else await this.openBounded({ none, requested, expected })
    this.heartbeat = setInterval(() => this.renew(), this.settings.leaseMs / 3)
    // lets the process exit while it holds
    if (typeof this.heartbeat === 'object') this.heartbeat.unref?.()
  }

  /** Reserves what short answers returned for running long ones, which a new call would cut off. */
  private leavesRoom({ caps }: HoldResult): boolean {
    return this.caps.every(({ limit }, index) => {
      const { used = 0, held = 0 } = caps[index] ?? {}
      const others = held - (this.held[index] ?? 0)
      return used + held + Math.min(wantedShare * others, returnedShare * used) <= limit
    })
  }

  /** Holds output that is not streamed as a whole; the provider enforces the bound. */
  private async openBounded(wish: {
    readonly none: readonly number[]
    readonly requested: number | undefined
    readonly expected: number
  }): Promise<void> {
    const { none, expected } = wish
    const thoughts = thoughtsOf(this.ctx)
    const requested =
      wish.requested !== undefined && thoughts >= wish.requested
        ? wish.requested + thoughts
        : wish.requested
    const { maxOutputTokens = longest } = this.ctx.client.capabilities(this.ctx.request.model)
    const most = requested ?? maxOutputTokens
    const amountsOf = (tokens: number) =>
      none.map((amount, index) => Math.ceil(amount + (this.rates[index] ?? 0) * tokens))
    let wanted = requested ?? 0
    for (let tried = 0; ; tried++) {
      const isProbe = wanted === 0 && requested !== 0
      const amounts = isProbe ? none.map(() => 0) : amountsOf(wanted)
      const result = await this.hold(amounts)
      if (result.isHeld && !isProbe) break
      const left = this.leftTokens(result, none)
      const least = Math.min(most, expected)
      if (left < least || tried >= tries)
        throw this.refused(result, amountsOf(Math.max(wanted, least)))
      const fair = Math.max(Math.floor(left * share), 4 * expected)
      wanted = Math.min(most, left, requested ?? fair)
    }
    if (wanted < most) this.clamp(wanted)
  }

  private clamp(tokens: number): void {
    const { ctx } = this
    const param = ctx.request.max_completion_tokens == null ? 'max_tokens' : 'max_completion_tokens'
    ctx.request = { ...withThoughtsInside(ctx, tokens), [param]: tokens }
    ctx.warn({
      code: 'changed',
      param,
      message: `budget() set ${param} to ${tokens}, the amount reserved for this answer`,
    })
  }

  /** Extends ahead of the text; ends the stream before a chunk that is not covered. */
  readonly transform: Transform = (chunk, emit) => {
    const isPaid = !this.isSliced || this.isUncapped || !chunk.type.endsWith('-delta')
    const pending = isPaid ? undefined : this.reach()
    return pending ? pending.then(() => emit(chunk)) : emit(chunk)
  }

  private reach(): Promise<void> | undefined {
    const { slice, margin } = this.settings
    const now = this.current()
    if (this.isUncapped || this.covers(now, slice + margin)) return undefined
    if (this.refusal) throw this.refusal
    this.extending ??= this.extend(now).finally(() => {
      this.extending = undefined
    })
    if (this.covers(now, margin)) return undefined
    return this.extending.then(() => {
      const isOver = this.isUncapped || this.over.signal.aborted
      if (isOver || this.covers(this.current(), margin)) return undefined
      if (this.lastRefusal) throw this.lastRefusal
      // the text grew by more than the extension that was on its way
      return this.reach()
    })
  }

  private lastRefusal: unknown

  private covers(now: readonly number[], tokens: number): boolean {
    return now.every(
      (amount, index) => amount + this.amount(tokens, index) <= (this.held[index] ?? 0),
    )
  }

  private amount(tokens: number, index: number): number {
    return Math.ceil((this.rates[index] ?? 0) * tokens)
  }

  /** Never rejects: a failure is thrown where the text reaches the end of the hold. */
  private async extend(now: readonly number[]): Promise<void> {
    const { slice, margin } = this.settings
    const amounts = now.map((amount, index) =>
      Math.max(
        this.amount(slice, index),
        amount + this.amount(slice + margin, index) - (this.held[index] ?? 0),
      ),
    )
    try {
      for (let waitedMs = 0; ; waitedMs += pauseMs) {
        const result = await this.hold(amounts)
        this.lastRefusal = result.isHeld ? undefined : this.exceeded(result, amounts)
        if (result.isHeld) return
        if (waitedMs >= patienceMs || !this.othersHold(result)) return
        await sleep(pauseMs, this.over.signal)
      }
    } catch (error) {
      if (this.over.signal.aborted) return
      if (this.settings.isFailingOpen) this.isUncapped = true
      this.lastRefusal = error instanceof StoreDown ? error.error : error
    }
  }

  /** The unused part of other holds will be released. */
  private othersHold({ caps }: HoldResult): boolean {
    return caps.some(({ held }, index) => held > (this.held[index] ?? 0))
  }

  /** Books the actual usage. If the store is down, the hold is booked when its lease expires. */
  async settle(): Promise<void> {
    clearInterval(this.heartbeat)
    this.over.abort()
    // one that arrived after settle would hold again
    await Promise.all([this.extending, this.renewing])
    if (!this.wasSent) return
    const { toSettle, name } = this.settings
    const { usage } = this.ctx
    const caps = this.caps.map((cap, index) => ({
      key: cap.key,
      amount: this.usedOf(cap, usage) ?? this.held[index] ?? 0,
      ttlMs: cap.ttlMs,
    }))
    const settle = () => toSettle.settle(name, { id: this.id, caps })
    try {
      await settle().catch(settle)
    } catch (error) {
      this.ctx.warn({ code: 'other', message: `budget() could not settle: ${String(error)}` })
    }
  }

  private async hold(amounts: readonly number[]): Promise<HoldResult> {
    const { store, name, leaseMs } = this.settings
    const caps = this.caps.map(({ key, limit, ttlMs }, index) => {
      return { key, limit, ttlMs, amount: amounts[index] ?? 0, held: this.held[index] ?? 0 }
    })
    let result: HoldResult
    try {
      result = await store.hold(name, { id: this.id, leaseMs, caps })
      this.wasSent = true
    } catch (error) {
      this.wasSent ||= !wasSkipped(error)
      throw new StoreDown(error)
    }
    if (result.isHeld) this.held = this.held.map((held, index) => held + (amounts[index] ?? 0))
    return result
  }

  private renew(): void {
    // a failed renewal is repeated, and a late settle corrects what was booked meanwhile
    this.renewing = this.hold(this.caps.map(() => 0)).catch(() => {})
  }

  /** Usage so far, by cap. */
  private current(): readonly number[] {
    const { usage } = this.ctx
    if (!usage.estimated) return this.caps.map((cap) => this.usedOf(cap, usage) ?? 0)
    const tokens = {
      prompt_tokens: Math.max(usage.prompt_tokens, this.promptTokens),
      completion_tokens: Math.ceil(usage.completion_tokens * this.completionRatio),
    }
    return this.caps.map((cap) => this.amountOf(cap, tokens))
  }

  /** Undefined if the price is unknown. */
  private usedOf({ unit }: CurrentCap, usage: Usage): number | undefined {
    if (unit === 'tokens' || usage.total_tokens === 0) return usage.total_tokens
    return usage.cost === undefined ? undefined : Math.round(usage.cost * perUsd)
  }

  private amountOf({ unit }: CurrentCap, usage: Tokens): number {
    if (unit === 'tokens') return usage.prompt_tokens + usage.completion_tokens
    const { model } = this.ctx.request
    const service_tier = askedTier(this.ctx.request)
    const usd = this.ctx.client.costOf({ model, usage, service_tier })
    if (usd !== undefined) return Math.ceil(usd * perUsd)
    const tier = service_tier === undefined ? '' : ` in the tier '${service_tier}'`
    throw new MisuseError(
      `budget() has no price for ${model}${tier}: pass createClient({ prices }), add usage(), or cap tokens`,
    )
  }

  /** Completion tokens that every cap still covers, after the prompt. */
  private leftTokens({ caps }: HoldResult, none: readonly number[]): number {
    const left = this.caps.map(({ limit }, index) => {
      const { used = 0, held = 0 } = caps[index] ?? {}
      const amount = limit - used - held - (none[index] ?? 0)
      const rate = this.rates[index] ?? 0
      return rate === 0 ? (amount >= 0 ? Infinity : -1) : Math.floor(amount / rate)
    })
    return Math.min(...left)
  }

  private refused(result: HoldResult, amounts: readonly number[]): Error {
    this.refusal = this.exceeded(result, amounts)
    return this.refusal
  }

  private exceeded({ caps, now }: HoldResult, amounts: readonly number[]): BudgetExceededError {
    const isPassed = (index: number) => {
      const { used = 0, held = 0 } = caps[index] ?? {}
      return used + held + (amounts[index] ?? 0) > (this.caps[index]?.limit ?? 0)
    }
    const index = Math.max(
      0,
      this.caps.findIndex((_, index) => isPassed(index)),
    )
    // capsOf() ensures at least one
    const { unit, window, key, limit, resetsAt } = this.caps[index] as CurrentCap
    const scale = unit === 'usd' ? perUsd : 1
    const resets = resetsAt()
    const used = (caps[index]?.used ?? 0) / scale
    const until = resets === undefined ? '' : `, until ${new Date(resets).toISOString()}`
    return new BudgetExceededError(
      `The budget of ${limit / scale} ${unit === 'usd' ? 'USD' : 'tokens'} (${window}) does not cover this call${until}`,
      {
        status: 429,
        code: 'budget_exceeded',
        model: this.ctx.request.model,
        retryable: false,
        cap: { unit, window, limit: limit / scale, key },
        used,
        ...(resets !== undefined && {
          resetsAt: new Date(resets),
          retryAfterMs: Math.max(0, resets - now),
        }),
      },
    )
  }
}

/** True if every billed token is streamed: no hidden reasoning, no hosted tools or media. */
function isSeen({ streaming, request, client }: Place): boolean {
  if (!streaming || request.web_search_options || hasHosted(request)) return false
  if (request.modalities?.some((kind) => kind !== 'text')) return false
  if (request.thinking) return request.thinking.type === 'disabled'
  if (request.reasoning_effort) return request.reasoning_effort === 'none'
  return !client.capabilities(request.model).reasoning
}

const hasHosted = ({ tools = [] }: ChatRequest) =>
  (tools ?? []).some(({ type }) => type !== 'function' && type !== 'custom')
