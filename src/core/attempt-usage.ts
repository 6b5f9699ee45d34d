/** The usage of one attempt: what the wire reports, completed by our own count, with its cost. */
import type { Attempt, ChatRequest, StreamChunk, Usage, Warning } from '../chat/index.js'
import { createTokenCounter, defined, emptyUsage, estimatePromptTokens } from '../chat/index.js'
import { isUsage, readUsage } from './adapter-chunks.js'
import type { Values } from './key.js'
import { askedTier, pricing } from './pricing.js'

/** The record of an attempt while it runs; its usage is read from here. */
export type RunningRecord = { -readonly [Name in keyof Omit<Attempt, 'usage'>]: Attempt[Name] }

/** Sets `cost_source` of the record and reads its models and tier. */
export class AttemptUsage {
  /**
   * The last intermediate usage from the wire, unparsed: it may come with each chunk and is rarely
   * read.
   */
  private reported: unknown
  /** The usage of the finish. */
  private final: Usage | undefined
  /** Our own count, updated lazily: `uncounted` is text not counted yet, often never needed. */
  private readonly counter = createTokenCounter()
  private uncounted = ''
  private promptTokens: number | undefined
  private readonly askedTier: string | undefined
  private hasTierWarning = false

  constructor(
    private readonly request: ChatRequest,
    private readonly record: RunningRecord,
    private readonly values: Values,
    private readonly warn: (warning: Warning) => void,
  ) {
    this.askedTier = askedTier(request)
  }

  /** The best known usage. */
  get usage(): Usage {
    return this.price(this.final ?? this.bestKnown())
  }

  /** The wire has reported a usage before the finish. */
  get isReported(): boolean {
    return this.reported !== undefined
  }

  /** Takes a usage from the wire; an invalid one is ignored. */
  report(given: unknown): void {
    if (isUsage(given)) this.reported = given
  }

  count(chunk: StreamChunk): void {
    this.uncounted += textOf(chunk)
  }

  /** The usage of a finish, completed by what is known here. */
  finish(usage: Usage): Usage {
    if (usage === this.final) return usage
    if (!isComplete(usage) && usage.total_tokens > 0) this.reported = usage
    // a cost of the whole answer is valid, whatever its counts are
    const { cost } = usage
    this.final = this.price(
      isComplete(usage) ? usage : { ...this.bestKnown(), ...defined({ cost }) },
    )
    this.warnOfTier(this.final)
    return this.final
  }

  /** The usage at the end of the attempt; a free one has used nothing but what a finish reported. */
  close(isFree: boolean): Usage {
    const usage = this.price(this.final ?? (isFree ? emptyUsage : this.bestKnown()))
    this.warnOfTier(usage)
    return usage
  }

  /** The usage with its cost in USD: the provider's own figure, else by the prices of the call. */
  private price(usage: Usage): Usage {
    if (usage.cost !== undefined) {
      this.record.cost_source ??= 'provider'
      return usage
    }
    const cost = this.costOf(usage, this.record.service_tier ?? this.askedTier)
    if (cost === undefined) return usage
    this.record.cost_source = 'prices'
    return { ...usage, cost }
  }

  private costOf(usage: Usage, service_tier: string | undefined): number | undefined {
    const { provider, model, answered, started } = this.record
    return this.values.get(pricing)?.({
      provider,
      model,
      started,
      usage,
      ...defined({ answered, service_tier }),
    })
  }

  /** Warns once about a model with a price in a tier without one. */
  private warnOfTier(usage: Usage): void {
    const tier = this.record.service_tier ?? this.askedTier
    if (this.hasTierWarning || tier === undefined || usage.cost !== undefined) return
    this.hasTierWarning = true
    if (this.costOf(usage, undefined) === undefined) return
    const { provider, model } = this.record
    this.warn({
      code: 'other',
      provider,
      message: `The cost is unknown: no price is known for ${model} in the tier '${tier}'`,
    })
  }

  /** The usage so far: reported by the wire, completed by our count of the text. */
  private bestKnown(): Usage {
    const reported = readUsage(this.reported)
    this.counter.add(this.uncounted)
    this.uncounted = ''
    const completion_tokens = Math.max(this.counter.tokens, reported?.completion_tokens ?? 0)
    if (reported && isComplete(reported) && reported.completion_tokens === completion_tokens)
      return reported
    this.promptTokens ??= reported?.prompt_tokens || estimatePromptTokens(this.request)
    const prompt_tokens = reported?.prompt_tokens || this.promptTokens
    // a reported cost covers fewer tokens
    const { cost: _, ...known } = reported ?? {}
    return {
      ...known,
      prompt_tokens,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
      estimated: true,
    }
  }
}

/** False for an estimate that lacks prompt or completion tokens. */
export const isComplete = ({ prompt_tokens, completion_tokens, estimated }: Usage) =>
  !estimated || (prompt_tokens > 0 && completion_tokens > 0)

/** The text that a chunk adds to the completion. */
function textOf(chunk: StreamChunk): string {
  if (chunk.type === 'tool-call-start') return chunk.name
  if (chunk.type === 'tool-call-delta') return chunk.arguments
  const isText =
    chunk.type === 'text-delta' ||
    chunk.type === 'reasoning-delta' ||
    chunk.type === 'refusal-delta'
  return isText ? chunk.text : ''
}
