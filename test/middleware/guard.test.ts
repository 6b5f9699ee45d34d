import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type GuardCheck, type GuardOptions, guard } from '../../middleware/guard.js'
import { standard } from '../../middleware/standard.js'
import { tool, tools } from '../../middleware/tools.js'
import type { ChatRequest, Message, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  ContentPolicyViolationError,
  layer,
  type Middleware,
  MisuseError,
} from '../../src/core/index.js'
import { callTool, mockServer, refuse, say, think } from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze, scripted, start, untilAborted, say as words } from '../contract/scripted.js'
import { call, collect, thrown, tokens } from './script.js'
import { adapters, models } from './wires.js'

middlewareContract('guard', () => guard({ input: (text) => !text.includes('bomb') || 'weapons' }))

const modes = ['generate', 'stream'] as const
const noBomb: GuardCheck = (text) => !/bomb/i.test(text) || 'weapons'
const slowly: GuardCheck = async (text, ctx) => {
  await new Promise((resolve) => setImmediate(resolve))
  return noBomb(text, ctx)
}

const request = (messages: readonly Message[] = [{ role: 'user', content: 'Hi' }]) =>
  deepFreeze({ model: 'scripted/m', messages } satisfies ChatRequest)

/** Everything a call exposes: chunks, response, error, what an outer layer saw. */
async function outcomeOf(
  provider: Parameters<typeof createClient>[0]['providers'][number],
  options: GuardOptions,
  mode: (typeof modes)[number],
) {
  const seen: unknown[] = []
  const outside = layer('outside', async (ctx, next) => {
    try {
      return await next()
    } finally {
      seen.push(ctx.partial, ctx.response)
    }
  })
  const ran: string[] = []
  const box = {
    show: tool({ execute: (_, { tool_call_id }) => ran.push(tool_call_id) && 'shown' }),
  }
  const use = [outside, guard(options), tools(box)]
  const ai = createClient({ providers: [provider], use })
  if (mode === 'generate') {
    const given = await ai.generate(request()).then(
      (response) => ({ response }),
      (error) => ({ error }),
    )
    return { chunks: [], error: undefined, ...given, seen, ran }
  }
  return { ...(await collect(ai.stream(request()))), seen, ran }
}

const everythingOf = ({ error, ...rest }: Awaited<ReturnType<typeof outcomeOf>>) =>
  JSON.stringify([rest, error, error && Object.entries(Object.getOwnPropertyDescriptors(error))])

const textOf = (chunks: readonly StreamChunk[]) =>
  chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.text : '')).join('')

const finish = (): StreamChunk => ({
  type: 'finish',
  finish_reason: 'stop',
  usage: tokens(10, 5),
  native: { provider: 'scripted', model: 'model-1', content: [] },
})

type Kind = 'text-delta' | 'reasoning-delta' | 'refusal-delta'

/** A turn whose text arrives in these pieces. */
const turnOf = (pieces: readonly string[], type: Kind = 'text-delta'): readonly StreamChunk[] => [
  start(),
  ...pieces.map((text) => ({ type, text })),
  finish(),
]

/** The text in pieces, split at these offsets. */
const cutAt = (text: string, cuts: readonly number[]) => {
  const places = [...new Set([0, ...cuts.map((cut) => cut % text.length), text.length])]
  places.sort((a, b) => a - b)
  return places.slice(1).map((place, i) => text.slice(places[i], place))
}

const evil = 'Of course. Take a tube. Then fill the bomb with it. Done, be careful!'
const good = 'Of course. Take 3.5 l of milk (cold). Stir?! 。Done… ok\nBye'

describe.each(['sentence', 'all'] as const)('hold: %s', (hold) => {
  describe.each(modes)('%s', (mode) => {
    it.each([
      ['text-delta', noBomb],
      ['reasoning-delta', noBomb],
      ['refusal-delta', noBomb],
      ['text-delta', slowly],
    ] as const)('no split of %s lets rejected words through', async (kind, output) => {
      const cuts = fc.array(fc.nat(evil.length), { maxLength: evil.length })
      await fc.assert(
        fc.asyncProperty(cuts, async (places) => {
          const provider = scripted([turnOf(cutAt(evil, places), kind)])
          const outcome = await outcomeOf(provider, { output, hold }, mode)
          expect(outcome.error).toBeInstanceOf(ContentPolicyViolationError)
          expect(outcome.error).toMatchObject({ code: 'guard', message: /weapons$/ })
          expect(everythingOf(outcome)).not.toContain('bomb')
          if (mode === 'stream' && kind === 'text-delta')
            expect(textOf(outcome.chunks)).toBe(
              hold === 'sentence' ? 'Of course. Take a tube. ' : '',
            )
        }),
        { numRuns: 60 },
      )
    })

    it('every split of an accepted response yields the same response', async () => {
      const cuts = fc.array(fc.nat(good.length), { maxLength: good.length })
      const checked = new Set<string>()
      await fc.assert(
        fc.asyncProperty(cuts, async (places) => {
          const asked: string[] = []
          const output = (text: string) => asked.push(text) > 0 || 'never'
          const provider = scripted([turnOf(cutAt(good, places))])
          const outcome = await outcomeOf(provider, { output, hold }, mode)
          expect(outcome.error).toBeUndefined()
          if (mode === 'stream') expect(textOf(outcome.chunks)).toBe(good)
          expect(everythingOf(outcome)).toContain('"native"')
          checked.add(JSON.stringify(asked))
        }),
        { numRuns: 60 },
      )
      // neither do the texts that are checked
      expect(checked.size).toBe(1)
    })

    it('arguments of a call are rejected before the tool runs, in step 2 too', async () => {
      const bad = call([['c2', 'show', '{"what":"a b\\u006fmb"}']])
      const provider = scripted([call([['c1', 'show', { what: 'a cake' }]]), bad])
      const outcome = await outcomeOf(provider, { output: noBomb, hold }, mode)
      expect(outcome.error).toBeInstanceOf(ContentPolicyViolationError)
      expect(everythingOf(outcome)).not.toMatch(/bomb|b\\+u006f/)
      expect(outcome.ran).toEqual(['c1'])
      expect(provider.calls).toHaveLength(2)
    })

    it('a tool result is rejected too', async () => {
      const provider = scripted([call([['c1', 'show']]), words('Done.')])
      const output: GuardCheck = (text) => !text.includes('shown') || 'no results'
      const outcome = await outcomeOf(provider, { output, hold }, mode)
      expect(outcome.error).toMatchObject({ message: /no results$/ })
      expect(everythingOf(outcome)).not.toContain('shown')
      expect(provider.calls).toHaveLength(1)
    })

    it('a check that throws, or returns nothing, lets nothing pass', async () => {
      const failure = new Error('judge is down')
      const checks: readonly [GuardCheck, unknown][] = [
        [() => Promise.reject(failure), failure],
        [() => undefined as never, expect.any(ContentPolicyViolationError)],
        [() => false as never, expect.any(ContentPolicyViolationError)],
      ]
      for (const [check, error] of checks) {
        const outcome = await outcomeOf(scripted([words('Hello')]), { output: check, hold }, mode)
        expect(outcome.error).toEqual(error)
        expect(everythingOf(outcome)).not.toContain('Hello')
        const asked = await outcomeOf(scripted([words('Hello')]), { input: check }, mode)
        expect(asked.error).toEqual(error)
      }
    })

    it.each(models)(
      'on the wire of %s no rejected content leaves, in step 2 of a loop',
      async (model) => {
        const script = [think('Hm.').callTool('show', { what: 'x' }), think('Hm.').say(evil)]
        await using server = await mockServer(script)
        const use = standard({
          tools: { show: tool({ execute: () => 'ok' }) },
          with: [guard({ output: noBomb, hold })],
        })
        const ai = createClient({ providers: adapters(server), use })
        const asked = { ...request(), model }
        const outcome =
          mode === 'generate'
            ? { error: await thrown(ai.generate(asked)) }
            : await collect(ai.stream(asked))
        expect(outcome.error).toBeInstanceOf(ContentPolicyViolationError)
        expect(outcome.error).toMatchObject({ attempts: { length: 2 } })
        const { partial } = outcome.error as { readonly partial?: unknown }
        expect(JSON.stringify([outcome, partial])).not.toContain('bomb')
        // the text of step 1 and the result of its tool are kept
        expect(JSON.stringify(partial)).toContain('"ok"')
        expect(server.requests).toHaveLength(2)
      },
    )
  })
})

describe.each(modes)('%s', (mode) => {
  it('rejected words in two interleaved texts are detected', async () => {
    const pieces: StreamChunk[] = [
      { type: 'text-delta', text: 'a bo' },
      { type: 'reasoning-delta', text: 'hm' },
      { type: 'text-delta', text: 'mb' },
    ]
    const provider = scripted([[start(), ...pieces, finish()]])
    const outcome = await outcomeOf(provider, { output: noBomb }, mode)
    expect(outcome.error).toBeInstanceOf(ContentPolicyViolationError)
    expect(everythingOf(outcome)).not.toContain('mb')
  })

  it('a sentence is checked together with the text before it', async () => {
    const output = (text: string) => !/first.*second/s.test(text) || 'both'
    const provider = scripted([words('The first one. Then the second. End.')])
    const outcome = await outcomeOf(provider, { output }, mode)
    expect(outcome.error).toMatchObject({ message: /both$/ })
    expect(everythingOf(outcome)).not.toContain('second')
  })

  it.each(models)('a rejection of %s passes when it is allowed', async (model) => {
    const answer = async (use: readonly Middleware[]) => {
      await using server = await mockServer([refuse('I cannot do that.')])
      const ai = createClient({ providers: adapters(server), use })
      const asked = { ...request(), model }
      const reply = mode === 'generate' ? await ai.generate(asked) : await ai.stream(asked).response
      return [reply.text, reply.message.refusal, reply.finish_reason]
    }
    expect(await answer([guard({ output: noBomb })])).toEqual(await answer([]))
  })

  it('an abort during a pending check ends the call, and removes its listener', async () => {
    const controller = new AbortController()
    const never = () => {
      setImmediate(() => controller.abort())
      return new Promise<true>(() => {})
    }
    for (const options of [{ input: never }, { output: never }]) {
      const ai = createClient({
        providers: [scripted([words('Hello there. You.')])],
        use: [guard(options)],
      })
      const signal = controller.signal
      const asked =
        mode === 'generate'
          ? ai.generate(request(), { signal })
          : ai.stream(request(), { signal }).response
      expect(await thrown(asked)).toBeInstanceOf(AbortError)
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    }
  })

  it('a check may call a model', async () => {
    const provider = scripted(({ user }) => words(user === 'judge' ? 'unsafe' : 'Hello there.'))
    const ai = createClient({
      providers: [provider],
      use: [
        guard({
          output: async (text, { client, request }) => {
            const messages: Message[] = [{ role: 'user', content: text }]
            const { text: verdict } = await client.generate({ ...request, messages, user: 'judge' })
            return verdict === 'safe' || verdict
          },
        }),
      ],
    })
    const asked = mode === 'generate' ? ai.generate(request()) : ai.stream(request()).response
    expect(await thrown(asked)).toMatchObject({ message: /unsafe$/, attempts: { length: 2 } })
  })
})

it('sentences are emitted one by one while the provider is still streaming', async () => {
  const provider = scripted([[start(), { type: 'text-delta', text: 'One. Two' }, untilAborted]])
  const ai = createClient({ providers: [provider], use: [guard({ output: noBomb })] })
  for await (const chunk of ai.stream(request()))
    if (chunk.type === 'text-delta') {
      expect(chunk.text).toBe('One. ')
      break
    }
  expect(provider.open()).toBe(0)
})

it('text held when the provider failed is dropped, checked text is in `partial`', async () => {
  const provider = scripted([[start(), { type: 'text-delta', text: 'One. Two' }, new Error('cut')]])
  const ai = createClient({ providers: [provider], use: [guard({ output: noBomb })] })
  const { error } = await collect(ai.stream(request()))
  expect(error).toMatchObject({ partial: { text: 'One. ' } })
})

it('two calls at once have separate texts', async () => {
  const seen: string[] = []
  const ai = createClient({
    providers: [scripted(({ user = '' }) => words(user))],
    use: [guard({ output: (text) => seen.push(text) > 0 || '' })],
  })
  await Promise.all(['one', 'two'].map((user) => ai.generate({ ...request(), user })))
  expect(seen.toSorted()).toEqual(['one', 'two'])
})

describe('the new text of a question', () => {
  const asked = async (messages: readonly Message[]) => {
    const seen: string[] = []
    const provider = scripted([words('Hello')])
    const input = (text: string) => seen.push(text) > 0 || 'never'
    await createClient({ providers: [provider], use: [guard({ input })] }).generate(
      request(messages),
    )
    return seen
  }
  const old: readonly Message[] = [
    { role: 'system', content: 'rules' },
    { role: 'user', content: 'old' },
    { role: 'assistant', content: 'answer' },
  ]

  it('is what follows the last response', async () => {
    expect(await asked([...old, { role: 'user', content: 'new' }])).toEqual(['new'])
  })

  it('includes every text part of every message', async () => {
    const parts = ['a', 'b'].map((text) => ({ type: 'text' as const, text }))
    const messages = [...old, { role: 'user', content: parts }, { role: 'user', content: 'c' }]
    expect(await asked(messages as Message[])).toEqual(['a\n\nb\n\nc'])
  })

  it('includes a trailing assistant message to be continued', async () => {
    const messages: Message[] = [
      { role: 'user', content: 'new' },
      { role: 'assistant', content: 'Sure' },
    ]
    expect(await asked([...old, ...messages])).toEqual(['new\n\nSure'])
  })

  it('is empty if there is no text', async () => {
    expect(await asked([{ role: 'system', content: 'rules' }])).toEqual([])
  })

  it('is rejected before the provider is called, and a later question is not', async () => {
    const provider = scripted([words('Hello')])
    const ai = createClient({ providers: [provider], use: [guard({ input: noBomb })] })
    const bad = [...old, { role: 'user' as const, content: 'a bomb' }]
    const error = await thrown(ai.generate(request(bad)))
    expect(error).toBeInstanceOf(ContentPolicyViolationError)
    expect(error).toMatchObject({ status: 400, code: 'guard', retryable: false, attempts: [] })
    expect(provider.calls).toHaveLength(0)
    const next: Message[] = [
      ...bad,
      { role: 'assistant', content: 'No.' },
      { role: 'user', content: 'a cake' },
    ]
    expect((await ai.generate(request(next))).text).toBe('Hello')
  })
})

it('takes time linear in the text between two sentences', async () => {
  const steps = (length: number) => {
    let units = 0
    const pieces = Array.from({ length }, () => 'a')
    const provider = scripted([turnOf(pieces)])
    const output = (text: string) => {
      units += text.length
      return true as const
    }
    return createClient({ providers: [provider], use: [guard({ output })] })
      .stream(request())
      .response.then(() => units)
  }
  expect(await steps(4_000)).toBe(2 * (await steps(2_000)))
})

it('a missing check, or an unknown hold, is a MisuseError', () => {
  expect(() => guard({})).toThrow(MisuseError)
  expect(() => guard({ output: noBomb, hold: 'word' as never })).toThrow(MisuseError)
})

it('a rejected call emits nothing', async () => {
  await using server = await mockServer([callTool('show', { what: 'bomb' })])
  const ai = createClient({ providers: adapters(server), use: [guard({ output: noBomb })] })
  const { chunks, error } = await collect(ai.stream({ ...request(), model: 'openai/gpt-5' }))
  expect(error).toBeInstanceOf(ContentPolicyViolationError)
  expect(chunks.filter(({ type }) => type.startsWith('tool'))).toEqual([])
})

it('a slow check keeps the order', async () => {
  await using server = await mockServer([say('One. Two.')])
  const ai = createClient({ providers: adapters(server), use: [guard({ output: slowly })] })
  const { chunks } = await collect(
    ai.stream({ ...request(), model: 'anthropic/claude-sonnet-4-5' }),
  )
  expect(textOf(chunks)).toBe('One. Two.')
})
