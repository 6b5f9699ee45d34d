/** Mixed calls through the whole stack and the policies, with a ledger of what they used. */
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'
import { budget } from '../../middleware/budget.js'
import { conversation } from '../../middleware/conversation.js'
import { fallback } from '../../middleware/fallback.js'
import { guard } from '../../middleware/guard.js'
import { limit } from '../../middleware/limit.js'
import { redact } from '../../middleware/redact.js'
import { standard } from '../../middleware/standard.js'
import { telemetry } from '../../middleware/telemetry.js'
import type { PricedAttempt } from '../../middleware/usage.js'
import { createClient } from '../../src/client.js'
import type { Layers } from '../../src/core/index.js'
import { memoryStore } from '../../src/store/index.js'
import { basePaths } from '../../src/testing/routes.js'
import { fakeClock } from '../middleware/fake-clock.js'
import { adaptersAt, models, names } from '../wire/support.js'

/** What a call may be asked to become; the server reads it in the question. */
export const kinds = ['plain', 'tools', 'flaky', 'down', 'cut', 'left', 'quota', 'refused'] as const

export interface Ledger {
  calls: number
  /** How calls ended: `ok`, or the class of the error. */
  readonly ends: Map<string, number>
  attempts: number
  /** Attempts that brought a whole answer, and what those told. */
  whole: number
  tokens: number
  /** Records that were not one a call. */
  records: number
}

interface State {
  readonly user: string
}

export function soakingClient(url: string) {
  const ledger: Ledger = { calls: 0, ends: new Map(), attempts: 0, whole: 0, tokens: 0, records: 0 }
  const book = ({ status, usage }: PricedAttempt) => {
    ledger.attempts++
    if (status !== 'ok') return
    ledger.whole++
    ledger.tokens += usage.total_tokens
  }
  // conversations are kept for 30 days: a soak ends them, or they are what grows
  let now = Date.now()
  const store = memoryStore({ now: () => now })
  const tracer = new BasicTracerProvider().getTracer('soak')
  const clock = fakeClock({ jumps: true })
  const policies: readonly Layers<State>[] = [
    telemetry({ tracer }),
    limit({ concurrency: 50, queue: 1_000, waitMs: 60_000, per: ({ state }) => state.user }),
    conversation({ store, id: ({ state }) => state.user, maxMessages: 6, ttlMs: 60_000 }),
    guard({ output: (text) => !text.includes('forbidden') || 'forbidden', hold: 'sentence' }),
    redact(),
    fallback('openai/gpt-5.1'),
    budget({ tokens: 1e12, window: 'day', per: ({ state }) => state.user, store }),
  ]
  const ai = createClient<State>({
    providers: names.flatMap((name) =>
      adaptersAt({ apiKey: 'soak-key', baseURL: url + basePaths[name] }).filter(
        (adapter) => adapter.name === name,
      ),
    ),
    use: standard<State>({
      retry: { clock, budget: false },
      usage: {
        prices: false,
        onUsage: ({ attempts }) => {
          ledger.records++
          attempts.forEach(book)
        },
      },
      tools: { lookup: { execute: () => 'tool found it' } },
      with: policies,
    }),
  })

  /** One call of the mix, by its number; streamed by turns. */
  async function call(number: number, user: string): Promise<void> {
    const kind = kinds[number % kinds.length] ?? 'plain'
    const name = names[Math.floor(number / kinds.length) % names.length] ?? 'openai'
    const isStreamed = kind === 'left' || number % 3 > 0
    const messages = [{ role: 'user', content: `soak ${kind} n${number}` }] as const
    const request = { model: models[name], messages }
    const options = { state: { user } }
    ledger.calls++
    const end = await (async () => {
      if (!isStreamed) return ai.generate(request, options)
      // the server says no more: whoever reads on waits
      for await (const chunk of ai.stream(request, options))
        if (kind === 'left' && chunk.type === 'text-delta') break
      return undefined
    })().then(
      () => 'ok',
      (error: Error) => error.name,
    )
    ledger.ends.set(end, (ledger.ends.get(end) ?? 0) + 1)
  }

  /** A day later: what is stored is what lives that long. */
  const passDay = () => {
    now += 86_400_000
    return store.size
  }

  return { call, ledger, passDay }
}
