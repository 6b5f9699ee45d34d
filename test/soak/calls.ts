/** Mixed calls through the whole stack and the policies, with a ledger of their usage. */
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

/** The kinds of a call; the server reads the kind from the question. */
export const kinds = ['plain', 'tools', 'flaky', 'down', 'cut', 'left', 'quota', 'refused'] as const

export interface Ledger {
  calls: number
  /** Outcomes of the calls: `ok`, or the class of the error. */
  readonly ends: Map<string, number>
  attempts: number
  /** Attempts with a whole response, and the usage they reported. */
  whole: number
  tokens: number
  /** Records that did not match one call each. */
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
  // conversations are stored for 30 days: a soak ends them, or they accumulate
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

  /** The call of the mix with this number; every other one is streamed. */
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
      // the server pauses: a reader would wait
      for await (const chunk of ai.stream(request, options))
        if (kind === 'left' && chunk.type === 'text-delta') break
      return undefined
    })().then(
      () => 'ok',
      (error: Error) => error.name,
    )
    ledger.ends.set(end, (ledger.ends.get(end) ?? 0) + 1)
  }

  /** A day later: only entries that live that long are stored. */
  const passDay = () => {
    now += 86_400_000
    return store.size
  }

  return { call, ledger, passDay }
}
