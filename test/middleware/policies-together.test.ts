/**
 * All policies in one stack, on real sockets, under random faults: nothing is left behind, nothing
 * leaks.
 */
import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { budget } from '../../middleware/budget.js'
import { conversation } from '../../middleware/conversation.js'
import { fallback } from '../../middleware/fallback.js'
import { guard } from '../../middleware/guard.js'
import { hear } from '../../middleware/hear.js'
import { limit } from '../../middleware/limit.js'
import { promptCache } from '../../middleware/prompt-cache.js'
import { redact } from '../../middleware/redact.js'
import { repair } from '../../middleware/repair.js'
import { standard } from '../../middleware/standard.js'
import { thinkTags } from '../../middleware/think-tags.js'
import { tool } from '../../middleware/tools.js'
import type { Message } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import { isTetradError } from '../../src/core/index.js'
import { memoryStore } from '../../src/store/index.js'
import {
  callTool,
  fail,
  mockServer,
  type Reply,
  refuse,
  say,
  scripted,
  think,
} from '../../src/testing/index.js'
import { fakeClock } from './fake-clock.js'
import { adapters, models } from './wires.js'

const mail = 'bob@example.com'

const replies: Readonly<Record<string, () => Reply>> = {
  answer: () => think('Of <EMAIL_1>.').say('Wrote to <EMAIL_1>. And to EMAIL_1. Bye.'),
  tagged: () => say('<think>hm</think>Yes. <EMAIL_1>.'),
  call: () => callTool('find', { to: '<EMAIL_1>' }),
  calls: () => say('Let me see.').callTool('find', { to: 'x' }).callTool('find', { to: 'y' }),
  refused: () => say('Fine. Take a bomb. Bye.'),
  refusal: () => refuse('No.'),
  json: () => say('{"a":"<EMAIL_1>"}'),
  'half json': () => say('{"a":'),
  'one byte a write': () => say('One <EMAIL_1> two.').splitBytes(1),
  down: () => fail(503),
  limited: () => fail(429),
  bad: () => fail(400),
  cut: () => say('One two three four five.').cut(2.5),
  'broken in the middle': () => say('One two three four.').failAfter(2, 'overloaded'),
}

interface RandomCall {
  readonly mode: 'generate' | 'stream'
  readonly end: 'whole' | 'left' | 'aborted'
  readonly isJson: boolean
  readonly at: number
}

const calls = fc.array(
  fc.record<RandomCall>({
    mode: fc.constantFrom('generate', 'stream'),
    end: fc.constantFrom('whole', 'whole', 'left', 'aborted'),
    isJson: fc.boolean(),
    at: fc.nat(6),
  }),
  { minLength: 1, maxLength: 6 },
)
const script = fc.array(fc.constantFrom(...Object.keys(replies)), { minLength: 10, maxLength: 40 })

/** Resolves at the end of the call, whatever the outcome. */
async function run(
  ai: Client,
  model: string,
  { mode, end, isJson, at }: RandomCall,
): Promise<unknown> {
  const controller = new AbortController()
  const { signal } = controller
  const request = {
    model,
    messages: [{ role: 'user', content: `Ask ${mail}, please.` }] as const,
    max_tokens: 200,
    drop_params: true,
    ...(isJson && { response_format: { type: 'json_object' } as const }),
  }
  try {
    if (mode === 'generate') {
      const answer = ai.generate(request, { signal })
      if (end === 'aborted') setImmediate(() => controller.abort())
      return await answer
    }
    let count = 0
    for await (const _ of ai.stream(request, { signal })) {
      if (count++ < at) continue
      if (end === 'left') break
      if (end === 'aborted') controller.abort()
    }
    return undefined
  } catch (error) {
    return error
  } finally {
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  }
}

const partialOf = (outcome: unknown) => (isTetradError(outcome) ? outcome.partial : outcome)

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

/**
 * A request that was just aborted, on the server too, has its timers for a moment; those of leases
 * run for a minute.
 */
async function settled(before: number): Promise<void> {
  for (let turn = 0; turn < 500 && timers() > before; turn++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  expect(timers()).toBeLessThanOrEqual(before)
}

describe.each(models)('all policies at once, on %s', (model) => {
  it('leave no hold, turn, slot or timer behind, and send no original to a provider', async () => {
    const other = models[(models.indexOf(model) + 1) % models.length] ?? model
    await fc.assert(
      fc.asyncProperty(script, calls, async (names, asked) => {
        await using server = await mockServer(names.map((name) => (replies[name] ?? say)('')))
        const store = memoryStore()
        const find = tool({ execute: () => ({ who: mail }) })
        const lines: unknown[] = []
        const line = (given: unknown) => void lines.push(given)
        const use = standard({
          log: { to: { info: line, error: line }, content: (text) => text },
          tools: { find },
          toolLoop: { maxSteps: 4 },
          retry: { attempts: 2, clock: fakeClock({ jumps: true }) },
          with: [
            thinkTags(),
            repair(),
            promptCache(),
            limit({ concurrency: 2 }),
            conversation({ store, id: 'c' }),
            guard({ output: (text) => !text.includes('bomb') || 'weapons' }),
            fallback(other),
            budget({ tokens: 20_000, window: 'total', store, expect: 100 }),
            redact({ restore: true, store, scope: () => 'c' }),
          ],
        })
        const ai = createClient({ providers: adapters(server), use })
        const before = timers()
        const outcomes = await Promise.all(asked.map((one) => run(ai, model, one)))
        for (const outcome of outcomes)
          if (outcome instanceof Error) {
            expect(isTetradError(outcome) ? '' : outcome).toBe('')
            expect(outcome.message).not.toContain('example')
          }
        expect(await store.get('turn:conversation:c')).toBeUndefined()
        expect(await store.get('draft:conversation:c')).toBeUndefined()
        const caps = [{ key: '0:tokens:total::all', amount: 0, limit: 0, ttlMs: 60_000 }]
        const ledger = await store.hold('budget', { id: 'look', leaseMs: 60_000, caps })
        expect(ledger.caps[0]?.held).toBe(0)
        expect(ledger.caps[0]?.used).toBeLessThanOrEqual(20_000)
        await settled(before)
        expect(server.requests.map(({ text }) => text).join()).not.toContain('example')
        const kept = (await store.read('conversation:c', 0)).map(
          (entry): Message => JSON.parse(entry),
        )
        const shown = JSON.stringify([kept, lines, outcomes.map(partialOf)])
        expect(shown).not.toMatch(/bomb|think>/)
        expect(lines).toHaveLength(asked.length)
        // each response follows its question
        expect(
          kept.filter(({ role }, i) => role === 'user' && kept[i + 1]?.role === 'user'),
        ).toEqual([])
      }),
      { numRuns: 15 },
    )
  })
})

/** Paths in a value, from its root. */
function* placesIn(value: unknown, path: string[] = []): Generator<string[]> {
  if (path.length > 0) yield path
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) yield* placesIn(member, [...path, key])
}

function withValueAt<T extends object>(value: T, [key = '', ...rest]: string[], odd: unknown): T {
  const inner = value[key as keyof T]
  const copy = structuredClone(value)
  // the path exists in this value
  copy[key as keyof T] = (rest.length > 0 ? withValueAt(inner as object, rest, odd) : odd) as never
  return copy
}

describe('a history of an untyped program', () => {
  const messages = [
    { role: 'system', content: 'Be short.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: `I am ${mail}.` },
        { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
        { type: 'file', file: { file_data: 'data:text/plain;base64,YQ==', filename: 'a.txt' } },
      ],
    },
    {
      role: 'assistant',
      content: [{ type: 'refusal', refusal: 'No.' }],
      thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 's' }],
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{}' } }],
      hosted_tools: [{ id: 'h', name: 'search', status: 'done', input: {}, output: {} }],
    },
    { role: 'tool', tool_call_id: 'c1', name: 'find', content: 'Found.' },
    { role: 'tool', tool_call_id: 'c1', approval: { id: 'c1', approved: true, reason: 'r' } },
    { role: 'user', content: 'Go on.' },
  ]

  it('is repaired or rejected, without a fault of a policy', async () => {
    const provider = scripted()
    provider.reply(say('Fine.'))
    const ai = createClient({
      providers: [provider],
      use: standard({
        retry: false,
        history: { maxTokens: 5_000 },
        with: [
          redact(),
          guard({ input: () => true, output: () => true }),
          promptCache(),
          hear({ model: 'scripted/ear' }),
          budget({ tokens: 1_000_000_000, window: 'total' }),
        ],
      }),
    })
    for (const path of placesIn(messages))
      for (const value of [null, 0, 'x', [null], { type: 'text' }]) {
        const odd = withValueAt(messages, path, value) as unknown as Message[]
        const error = await ai.generate({ model: 'scripted/any', messages: odd }).catch((e) => e)
        const isFault = error instanceof Error && (!isTetradError(error) || error.status !== 400)
        expect(isFault ? `${path.join('.')}: ${JSON.stringify(value)}: ${error}` : '').toBe('')
      }
  })
})
