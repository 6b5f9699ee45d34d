/** A crowd of streams under one cap, with a provider that says as many words as it likes. */
import { budget } from '../../middleware/budget.js'
import type { StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { BudgetExceededError, type ProviderAdapter } from '../../src/core/index.js'
import type { Store } from '../../src/store/index.js'

const promptTokens = 100
const wordsARead = 20

/** Says `metadata.words` words, twenty a read, in answers of 200 to 2,000. */
const talker: ProviderAdapter = {
  name: 'talker',
  convertMessages: (messages) => messages,
  async *generateStream(request, call) {
    const words = Math.min(Number(request.metadata?.words), request.max_tokens ?? Infinity)
    call.onUsage({ prompt_tokens: promptTokens, completion_tokens: 0, total_tokens: promptTokens })
    yield { type: 'start', id: 'a', model: 'm', provider: 'talker', created: 1 }
    for (let said = 0; said < words; said += wordsARead) {
      await new Promise((resolve) => setImmediate(resolve))
      if (call.signal.aborted) return
      const count = Math.min(wordsARead, words - said)
      const text: StreamChunk = { type: 'text-delta', text: ' word'.repeat(count) }
      yield [text]
    }
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: words,
      total_tokens: promptTokens + words,
    }
    yield { type: 'finish', finish_reason: 'stop', usage }
  },
}

export interface Load {
  readonly calls: number
  /** Tokens. */
  readonly cap: number
  readonly random: () => number
  readonly expect?: number | undefined
  readonly leaseMs?: number | undefined
}

/** All at once. */
export async function crowd(store: Store, { calls, cap, random, ...options }: Load) {
  const layer = budget({ tokens: cap, window: 'total', store, ...options })
  const ai = createClient({ providers: [talker], use: [layer] })
  const result = { whole: 0, cut: 0, refused: 0, wholeTokens: 0, tokens: 0 }
  const one = async () => {
    const words = String(200 + Math.floor(random() * 1_800))
    const messages = [{ role: 'user', content: 'Go on.' }] as const
    try {
      const reply = await ai.stream({ model: 'talker/m', messages, metadata: { words } }).response
      result.whole++
      result.wholeTokens += reply.usage.total_tokens
      result.tokens += reply.usage.total_tokens
    } catch (error) {
      if (!(error instanceof BudgetExceededError)) throw error
      if (error.partial) result.cut++
      else result.refused++
      result.tokens += error.usage?.total_tokens ?? 0
    }
  }
  await Promise.all(Array.from({ length: calls }, one))
  return result
}

/** Park and Miller: the same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** The sum and the holds of the one cap of `crowd`. */
export async function stateOf(store: Store) {
  const caps = [{ key: '0:tokens:total::all', amount: 0, limit: 0, ttlMs: 60_000 }]
  const found = await store.hold?.('budget', { id: 'look', leaseMs: 60_000, caps })
  return found?.caps[0]
}
