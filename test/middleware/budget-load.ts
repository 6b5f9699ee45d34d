/** Many streams under one cap, with a provider that emits as many words as requested. */
import { type ChildProcess, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { budget } from '../../middleware/budget.js'
import type { StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { BudgetExceededError, type ProviderAdapter } from '../../src/core/index.js'
import type { Store } from '../../src/store/index.js'

const promptTokens = 100
const wordsARead = 20

/** Emits `metadata.words` words, twenty per read, in responses of 200 to 2,000. */
const wordProvider: ProviderAdapter = {
  name: 'talker',
  convertMessages: (messages) => messages,
  async *generateStream(request, call) {
    const words = Math.min(Number(request.metadata?.words), request.max_tokens ?? Infinity)
    call.onUsage({ prompt_tokens: promptTokens, completion_tokens: 0, total_tokens: promptTokens })
    yield { type: 'start', id: 'a', model: 'm', provider: 'talker', created: 1 }
    for (let sent = 0; sent < words; sent += wordsARead) {
      await new Promise((resolve) => setImmediate(resolve))
      if (call.signal.aborted) return
      const count = Math.min(wordsARead, words - sent)
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

/** Resolves when each call has emitted something, and stops there. */
export async function hangingCrowd(store: Store, { calls, cap, random: _, ...options }: Load) {
  const layer = budget({ tokens: cap, window: 'total', store, ...options })
  const hanging: ProviderAdapter = {
    ...wordProvider,
    async *generateStream(request, call) {
      let count = 0
      for await (const chunk of wordProvider.generateStream(request, call)) {
        yield chunk
        if (++count === 3) await new Promise(() => {})
      }
    },
  }
  const ai = createClient({ providers: [hanging], use: [layer] })
  const messages = [{ role: 'user', content: 'Go on.' }] as const
  const request = { model: 'talker/m', messages, metadata: { words: '1000' } }
  const begun = Array.from({ length: calls }, async () => {
    const iterator = ai.stream(request).textStream[Symbol.asyncIterator]()
    await iterator.next()
  })
  await Promise.all(begun)
}

/** All calls at once. */
export async function crowd(store: Store, { calls, cap, random, ...options }: Load) {
  const layer = budget({ tokens: cap, window: 'total', store, ...options })
  const ai = createClient({ providers: [wordProvider], use: [layer] })
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

/** The Park–Miller generator: the same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** The sum and the holds under the cap of `crowd`. */
export async function stateOf(store: Store) {
  const caps = [{ key: '0:tokens:total::all', amount: 0, limit: 0, ttlMs: 60_000 }]
  const found = await store.hold?.('budget', { id: 'look', leaseMs: 60_000, caps })
  return found?.caps[0]
}

export interface Result {
  readonly whole: number
  readonly cut: number
  readonly refused: number
  readonly wholeTokens: number
  readonly tokens: number
}

const child = new URL('./budget-child.ts', import.meta.url).pathname

export const startProcess = (port: number, ...args: readonly unknown[]): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', child, String(port), ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** Runs so many calls in each of four processes; returns the sum of their reports. */
export async function crowdInProcesses(
  port: number,
  load: { calls: number; cap: number; seed: number },
) {
  const started = [0, 1, 2, 3].map((index) =>
    startProcess(port, 'crowd', load.calls, load.cap, load.seed * 4 + index + 1),
  )
  const lines = await Promise.all(started.map(({ stdout }) => (stdout ? text(stdout) : '')))
  const results: readonly Result[] = lines.map((line) => JSON.parse(line))
  const sum = (name: keyof Result) => results.reduce((total, result) => total + result[name], 0)
  return {
    whole: sum('whole'),
    cut: sum('cut'),
    refused: sum('refused'),
    wholeTokens: sum('wholeTokens'),
    tokens: sum('tokens'),
  } satisfies Result
}
