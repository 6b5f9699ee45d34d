/**
 * Recent statistics of a model's answers, from the store: mean length, and the error of our own
 * token count.
 */
import { createTokenCounter, estimatePromptTokens, type Message } from '../../src/chat/index.js'
import type { Store } from '../../src/store/index.js'
import type { Place } from './cap.js'

export interface Learned {
  /** Mean tokens of an answer. */
  readonly expected: number
  /** Actual prompt tokens per token of our own count, slightly above the observed ratio. */
  readonly promptRatio: number
  /** The same for answers. */
  readonly completionRatio: number
  /** It reported reasoning tokens without showing the reasoning, whatever its capabilities are. */
  readonly thinksUnseen: boolean
}

interface Where {
  readonly store: Store
  readonly name: string
}

/** Used until there are statistics. */
const firstGuess: Learned = {
  expected: 500,
  promptRatio: 1.1,
  completionRatio: 1.1,
  thinksUnseen: false,
}
/** Weight of one answer in a mean. */
const weight = 1 / 8
const mostRatio = 4
/** The next text may be counted less accurately than the last. */
const headroom = 1.05
const ttlMs = 7 * 86_400_000

const keyOf = ({ request }: Place, { name }: Where) => `${name}:learned:${request.model}`

export async function learnedOf(
  ctx: Place,
  where: Where,
  expected: number | undefined,
): Promise<Learned> {
  const known = { ...firstGuess, ...(await read(ctx, where)) }
  return { ...known, expected: Math.ceil(expected ?? known.expected) }
}

/** Undefined if the store is down; the hold reports that failure. */
async function read(ctx: Place, where: Where): Promise<Learned | undefined> {
  const found = await where.store.get(keyOf(ctx, where)).catch(() => undefined)
  const figures: unknown = found === undefined ? undefined : JSON.parse(found)
  if (!Array.isArray(figures)) return undefined
  const [expected, promptRatio, completionRatio, thinksUnseen] = figures
  return { expected, promptRatio, completionRatio, thinksUnseen: thinksUnseen === 1 }
}

/** Adds a complete answer. Of two concurrent updates one may be lost. */
export async function learn(ctx: Place, where: Where): Promise<void> {
  const { response, request } = ctx
  if (!response || response.finish_reason === 'length') return
  const { prompt_tokens, completion_tokens, completion_tokens_details, estimated } = response.usage
  const before = (await read(ctx, where)) ?? { ...firstGuess, expected: completion_tokens }
  const hidden = completion_tokens_details?.reasoning_tokens ?? 0
  const figures = [
    before.expected + (completion_tokens - before.expected) * weight,
    estimated
      ? before.promptRatio
      : ratio(prompt_tokens, estimatePromptTokens(request), before.promptRatio),
    estimated || hidden > 0
      ? before.completionRatio
      : ratio(completion_tokens, countOf(response.messages), before.completionRatio),
  ]
  if (!figures.every((figure) => figure > 0)) return
  const isUnseen = hidden > 0 && !response.message.reasoning_content
  figures.push(isUnseen || before.thinksUnseen ? 1 : 0)
  await where.store.set(keyOf(ctx, where), JSON.stringify(figures), { ttlMs }).catch(() => {})
}

/** Rises at once, falls slowly; a text of a few tokens is not representative. */
function ratio(real: number, counted: number, before: number): number {
  if (counted < leastCounted) return before
  const seen = Math.min(mostRatio, (real / counted) * headroom)
  return Math.max(firstGuess.promptRatio, seen, before + (seen - before) * weight)
}

const leastCounted = 20

function countOf(messages: readonly Message[]): number {
  const counter = createTokenCounter()
  for (const message of messages) {
    if (message.role !== 'assistant') continue
    const { content, reasoning_content, refusal, tool_calls = [] } = message
    const texts = [content, reasoning_content, refusal].filter((text) => typeof text === 'string')
    for (const text of texts) counter.add(text)
    for (const call of tool_calls ?? [])
      counter.add(
        call.type === 'custom'
          ? call.custom.name + call.custom.input
          : call.function.name + call.function.arguments,
      )
  }
  return counter.tokens
}
