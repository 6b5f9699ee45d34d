import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { retry } from '../../middleware/retry.js'
import { standard } from '../../middleware/standard.js'
import { type ToolRun, tool, tools } from '../../middleware/tools.js'
import type { ChatRequest, ToolMessage } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  type Context,
  type Middleware,
  MisuseError,
  ServiceUnavailableError,
  StreamInterruptedError,
} from '../../src/core/index.js'
import { middlewareContract } from '../contract/middleware.js'
import {
  deepFreeze,
  type Scripted,
  type Step,
  scripted,
  start,
  untilAborted,
} from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'
import { call, collect, say, thrown, tokens } from './script.js'

const request: ChatRequest = deepFreeze({
  model: 'scripted/m',
  messages: [{ role: 'user', content: 'Weather?' }],
} satisfies ChatRequest)

const weather = tool({
  description: 'Tells the weather.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `Sunny in ${city}`,
})

const stack = (replies: Parameters<typeof scripted>[0], ...use: Middleware[]) => {
  const provider = scripted(replies)
  return { provider, ai: createClient({ providers: [provider], use }) }
}

/** Tool messages in the n-th request of the provider. */
const sent = (provider: Scripted, nth = 1): readonly ToolMessage[] =>
  provider.calls[nth]?.request.messages.filter((message) => message.role === 'tool') ?? []

middlewareContract('tools', () => tools({ weather }))

describe('the tool loop', () => {
  it('executes the calls of the model and returns all messages that were added', async () => {
    const { ai, provider } = stack(
      [call([['c1', 'weather', { city: 'Rome' }]]), say('Nice.')],
      tools({ weather }),
    )
    const reply = await ai.generate(request)
    expect(reply.text).toBe('Nice.')
    expect(reply.finish_reason).toBe('stop')
    expect(reply.messages).toMatchObject([
      { role: 'assistant', tool_calls: [{ id: 'c1' }] },
      { role: 'tool', tool_call_id: 'c1', name: 'weather', content: 'Sunny in Rome' },
      { role: 'assistant', content: 'Nice.' },
    ])
    expect(provider.calls[1]?.request.messages).toEqual([
      ...request.messages,
      ...reply.messages.slice(0, 2),
    ])
  })

  it('sums the usage of all steps, and counts each as an attempt', async () => {
    const { ai } = stack(
      [call([['c1', 'weather', { city: 'Rome' }]]), say('Nice.')],
      tools({ weather }),
    )
    const reply = await ai.generate(request)
    expect(reply.usage).toEqual(tokens(20, 10))
    expect(reply.attempts).toHaveLength(2)
  })

  it('streams turns and results in order, which accumulate to the response of generate', async () => {
    const replies = [call([['c1', 'weather', { city: 'Rome' }]]), say('Nice.')]
    const stream = stack(replies, tools({ weather })).ai.stream(request)
    const { chunks } = await collect(stream)
    expect(chunks.map((chunk) => chunk.type)).toEqual([
      'start',
      'tool-call-start',
      'tool-call-delta',
      'tool-call-end',
      'finish',
      'tool-result',
      'start',
      'text-delta',
      'finish',
    ])
    const whole = await stack(replies, tools({ weather })).ai.generate(request)
    expect((await stream.response).messages).toEqual(whole.messages)
  })

  it('sends its tools to the provider, before those of the request', async () => {
    const { ai, provider } = stack(
      [say('Hi')],
      tools({
        weather,
        plain: { execute: () => '' },
        exact: { strict: true, parameters: { type: 'object' }, execute: () => '' },
      }),
    )
    await ai.generate({ ...request, tools: [{ type: 'function', function: { name: 'mine' } }] })
    expect(provider.calls[0]?.request.tools).toMatchObject([
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'Tells the weather.',
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
      },
      { function: { name: 'plain', parameters: { type: 'object', properties: {} } } },
      { function: { name: 'exact', strict: true } },
      { function: { name: 'mine' } },
    ])
  })

  it('executes the calls of a turn concurrently and reports results in call order', async () => {
    const finished: string[] = []
    const gates = new Map<string, () => void>()
    const slow = tool({
      parameters: { type: 'object' },
      execute: async ({ name }) => {
        await new Promise<void>((open) => {
          gates.set(String(name), open)
          // the last to start lets them end in reverse
          if (gates.size === 3)
            setImmediate(() => {
              for (const end of [...gates.values()].reverse()) end()
            })
        })
        finished.push(String(name))
        return `done ${name}`
      },
    })
    const turn = call(['a', 'b', 'c'].map((name) => [name, 'slow', { name }] as const))
    const { chunks } = await collect(stack([turn, say('ok')], tools({ slow })).ai.stream(request))
    expect(finished).toEqual(['c', 'b', 'a'])
    const results = chunks.filter((chunk) => chunk.type === 'tool-result')
    expect(results.map((chunk) => chunk.content)).toEqual(['done a', 'done b', 'done c'])
  })

  it('limits the number of concurrent calls', async () => {
    let running = 0
    let most = 0
    const busy = tool({
      execute: async () => {
        most = Math.max(most, ++running)
        await new Promise((done) => setImmediate(done))
        running--
      },
    })
    const turn = call(Array.from({ length: 7 }, (_, i) => [`c${i}`, 'busy'] as const))
    const { ai } = stack([turn, say('ok')], tools({ busy }, { concurrency: 2 }))
    const reply = await ai.generate(request)
    expect(most).toBe(2)
    expect(reply.messages).toHaveLength(9)
  })

  it.each([
    ['text', 'plain', 'plain'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['nothing', undefined, 'null'],
    ['a number', 7, '7'],
  ])('sends %s returned by a tool', async (_, value, content) => {
    const { ai, provider } = stack(
      [call([['c1', 'give']]), say('ok')],
      tools({ give: { execute: () => value } }),
    )
    await ai.generate(request)
    expect(sent(provider)).toEqual([{ role: 'tool', tool_call_id: 'c1', name: 'give', content }])
  })

  it('passes the arguments parsed by the schema to the tool', async () => {
    const got: unknown[] = []
    const dated = tool({
      parameters: z.object({ day: z.string().transform(Number), unit: z.string().default('C') }),
      execute: (args) => {
        expectTypeOf(args).toEqualTypeOf<{ day: number; unit: string }>()
        got.push(args)
      },
    })
    await stack([call([['c1', 'dated', { day: '3' }]]), say('ok')], tools({ dated })).ai.generate(
      request,
    )
    expect(got).toEqual([{ day: 3, unit: 'C' }])
  })

  it('treats missing arguments as an empty object', async () => {
    const { ai, provider } = stack(
      [call([['c1', 'now', '']]), say('ok')],
      tools({ now: { execute: () => 'noon' } }),
    )
    await ai.generate(request)
    expect(sent(provider)).toMatchObject([{ content: 'noon' }])
  })

  it.each([
    ['a Standard Schema', z.object({ city: z.string() })],
    [
      'JSON Schema',
      { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    ],
  ])('lets the model correct arguments that do not match %s', async (_, parameters) => {
    const ran: unknown[] = []
    const checked = { parameters, execute: (args: unknown) => void ran.push(args) }
    const { ai, provider } = stack(
      [
        call([['c1', 'checked', { city: 5 }]]),
        call([['c2', 'checked', '{"city": "Ro']]),
        call([['c3', 'checked', { city: 'Rome' }]]),
        say('ok'),
      ],
      tools({ checked }),
    )
    const reply = await ai.generate(request)
    expect(ran).toEqual([{ city: 'Rome' }])
    expect(sent(provider, 3).map((message) => message.is_error)).toEqual([true, true, undefined])
    expect(sent(provider, 1)[0]?.content).toContain('city')
    expect(reply.text).toBe('ok')
  })

  it('reports the error of a tool to the model, in words that the app may choose', async () => {
    const broken = { execute: () => Promise.reject(new Error('secret host is down')) }
    const replies = [call([['c1', 'broken']]), say('ok')]
    const plain = stack(replies, tools({ broken }))
    await plain.ai.generate(request)
    expect(sent(plain.provider)).toMatchObject([{ content: 'secret host is down', is_error: true }])
    const masked = stack(replies, tools({ broken }, { describeError: () => 'It failed.' }))
    await masked.ai.generate(request)
    expect(sent(masked.provider)).toMatchObject([{ content: 'It failed.', is_error: true }])
  })

  it('reports an error that a tool returns as one that it throws', async () => {
    const replies = [call([['c1', 'broken']]), say('ok')]
    const broken = { execute: () => new Error('no such host') }
    const { ai, provider } = stack(replies, tools({ broken }))
    await ai.generate(request)
    expect(sent(provider)).toMatchObject([{ content: 'no such host', is_error: true }])
  })

  it('ends the call if the app does not describe an error', async () => {
    const fatal = new RangeError('stop')
    const describeError = (error: unknown) => {
      throw error
    }
    const { ai, provider } = stack(
      [call([['c1', 'broken']]), say('ok')],
      tools({ broken: { execute: () => Promise.reject(fatal) } }, { describeError }),
    )
    expect(await thrown(ai.generate(request))).toBe(fatal)
    expect(provider.calls).toHaveLength(1)
  })

  it('gives up on a tool that takes too long, fires its signal and continues', async () => {
    const clock = fakeClock()
    let signal: AbortSignal | undefined
    const stuck = tool({
      execute: (_, run) => {
        signal = run.signal
        clock.advance(1_000)
        return new Promise(() => {})
      },
    })
    const { ai, provider } = stack(
      [call([['c1', 'stuck']]), say('ok')],
      tools({ stuck }, { timeoutMs: 1_000, clock }),
    )
    expect((await ai.generate(request)).text).toBe('ok')
    expect(sent(provider)).toMatchObject([{ tool_call_id: 'c1', is_error: true }])
    expect(signal?.aborted).toBe(true)
    expect(clock.pending()).toBe(0)
  })

  it.each(['generate', 'stream'] as const)(
    'a model that a stuck tool calls is given up with it: %s',
    async (mode) => {
      const clock = fakeClock()
      let error: unknown
      const stuck = tool({
        execute: async (_, { ctx }) => {
          const nested = { ...request, user: 'nested' }
          const own = new AbortController()
          error = await (mode === 'generate'
            ? thrown(ctx.client.generate(nested, { signal: own.signal }))
            : thrown(ctx.client.stream(nested).response))
        },
      })
      const provider = scripted(({ user, messages }) => {
        if (user === 'nested') return [start(), () => clock.advance(1_000), untilAborted]
        return messages.length > 1 ? say('ok') : call([['c1', 'stuck']])
      })
      const use = [tools({ stuck }, { timeoutMs: 1_000, clock })]
      const reply = await createClient({ providers: [provider], use }).generate(request)
      expect(reply.text).toBe('ok')
      expect(reply.attempts.map(({ status }) => status)).toEqual(['ok', 'aborted', 'ok'])
      expect(error).toBeInstanceOf(AbortError)
      expect(provider.open()).toBe(0)
    },
  )

  it('allows a timeout per tool', async () => {
    const clock = fakeClock()
    const { ai } = stack(
      [call([['c1', 'quick']]), say('ok')],
      tools({ quick: { timeoutMs: 5, execute: () => 1 } }, { clock }),
    )
    await ai.generate(request)
    expect(clock.waits).toEqual([5])
    expect(clock.pending()).toBe(0)
  })

  it('lets a tool report progress and call a model, whose usage counts', async () => {
    const nested: Step[] = [...say('inner')]
    const helper = tool({
      execute: async (_, { ctx, tool_call_id }) => {
        await ctx.emit({ type: 'data', name: 'progress', data: tool_call_id })
        return (await ctx.client.generate({ ...request, user: 'nested' })).text
      },
    })
    const provider = scripted(({ user, messages }) =>
      user === 'nested' ? nested : messages.length > 1 ? say('outer') : call([['c1', 'helper']]),
    )
    const ai = createClient({ providers: [provider], use: [tools({ helper })] })
    const stream = ai.stream(request)
    const { chunks } = await collect(stream)
    expect(chunks.filter((chunk) => chunk.type === 'data')).toMatchObject([{ data: 'c1' }])
    const reply = await stream.response
    expect(reply.messages[1]).toMatchObject({ content: 'inner' })
    expect(reply.attempts).toHaveLength(3)
    expect(reply.usage).toEqual(tokens(20, 10))
  })
})

describe('the loop ends', () => {
  it('with a call of a client-side tool; local tools have run', async () => {
    const { ai, provider } = stack(
      [
        call([
          ['c1', 'weather', { city: 'Rome' }],
          ['c2', 'theirs', { a: 1 }],
        ]),
      ],
      tools({ weather }),
    )
    const reply = await ai.generate(request)
    expect(provider.calls).toHaveLength(1)
    expect(reply.finish_reason).toBe('tool_calls')
    expect(reply.messages).toMatchObject([
      { role: 'assistant', tool_calls: [{ id: 'c1' }, { id: 'c2' }] },
      { role: 'tool', tool_call_id: 'c1' },
    ])
  })

  it('and the caller continues with its own result', async () => {
    const { ai, provider } = stack([call([['c2', 'theirs']]), say('ok')], tools({ weather }))
    const first = await ai.generate(request)
    const result = { role: 'tool', tool_call_id: 'c2', content: 'mine' } as const
    const reply = await ai.generate({
      ...request,
      messages: [...request.messages, ...first.messages, result],
    })
    expect(reply.text).toBe('ok')
    expect(sent(provider)).toEqual([result])
  })

  it('with a free-text call, which no tool here accepts', async () => {
    const { ai, provider } = stack(
      [call([['c1', 'weather', 'Rome', 'custom']])],
      tools({ weather }),
    )
    expect((await ai.generate(request)).finish_reason).toBe('tool_calls')
    expect(provider.calls).toHaveLength(1)
  })

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'without a warning at a call of %s',
    async (name) => {
      const { ai, provider } = stack([call([['c1', name]])], tools({ weather }))
      expect((await ai.generate(request)).finish_reason).toBe('tool_calls')
      expect(provider.calls).toHaveLength(1)
    },
  )

  it('but a tool may have a prototype name', async () => {
    const { ai, provider } = stack(
      [call([['c1', 'constructor']]), say('ok')],
      tools([{ name: 'constructor', execute: () => 'built' }]),
    )
    await ai.generate(request)
    expect(sent(provider)).toMatchObject([{ content: 'built' }])
  })

  it('after maxSteps, with the results of the last step and a warning', async () => {
    const { ai, provider } = stack(
      [call([['c1', 'weather', { city: 'Rome' }]])],
      tools({ weather }, { maxSteps: 3 }),
    )
    const reply = await ai.generate(request)
    expect(provider.calls).toHaveLength(3)
    expect(reply.finish_reason).toBe('tool_calls')
    expect(reply.messages.map(({ role }) => role)).toEqual([
      'assistant',
      'tool',
      'assistant',
      'tool',
      'assistant',
      'tool',
    ])
    expect(reply.warnings).toHaveLength(1)
  })

  it.each(['length', 'content_filter'] as const)(
    'with a turn that ends by %s: its calls do not run',
    async (finish_reason) => {
      const ran: unknown[] = []
      const noted = { execute: () => ran.push(1) }
      const { ai } = stack([call([['c1', 'noted']], { finish_reason })], tools({ noted }))
      expect((await ai.generate(request)).finish_reason).toBe(finish_reason)
      expect(ran).toEqual([])
    },
  )

  it('without running a call of a stream that was interrupted after it', async () => {
    const ran: unknown[] = []
    const turn = call([['c1', 'noted']]).slice(0, -1)
    const cut = new StreamInterruptedError('cut', { retryable: true })
    const { ai } = stack([[...turn, cut]], tools({ noted: { execute: () => ran.push(1) } }))
    const { error } = await collect(ai.stream(request))
    expect(error).toBeInstanceOf(StreamInterruptedError)
    expect(ran).toEqual([])
  })

  it('by abort, which reaches a running tool and does not wait for one that ignores it', async () => {
    const controller = new AbortController()
    let seen: unknown
    const stuck = tool({
      execute: (_, { signal }) => {
        signal.addEventListener('abort', () => {
          seen = signal.reason
        })
        controller.abort(new Error('user left'))
        return new Promise(() => {})
      },
    })
    const { ai, provider } = stack(
      [
        call([
          ['c1', 'stuck'],
          ['c2', 'stuck'],
        ]),
      ],
      tools({ stuck }, { concurrency: 1 }),
    )
    const { error } = await collect(ai.stream(request, { signal: controller.signal }))
    expect(error).toBeInstanceOf(AbortError)
    expect(seen).toBeInstanceOf(AbortError)
    expect(provider.calls).toHaveLength(1)
  })

  it('by an error in step 3, which has the messages and the usage of steps 1 and 2', async () => {
    const turn = (id: string) => call([[id, 'weather', { city: id }]])
    const down = new ServiceUnavailableError('down', { status: 503 })
    const { ai } = stack([turn('c1'), turn('c2'), [down]], tools({ weather }))
    const error = await thrown(ai.generate(request))
    expect(error).toBe(down)
    expect(error).toMatchObject({
      usage: tokens(20, 10),
      partial: { messages: [{}, { tool_call_id: 'c1' }, {}, { tool_call_id: 'c2' }] },
      attempts: [{ status: 'ok' }, { status: 'ok' }, { status: 'failed' }],
    })
  })
})

describe('the requests of the loop', () => {
  it.each([
    ['required', undefined],
    [{ type: 'function', function: { name: 'weather' } }, undefined],
    ['none', 'none'],
    ['auto', 'auto'],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } },
      { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } },
    ],
  ] as const)('force a choice %j only in the first step', async (tool_choice, later) => {
    const { ai, provider } = stack(
      [call([['c1', 'weather', { city: 'Rome' }]]), say('ok')],
      tools({ weather }),
    )
    await ai.generate({ ...request, tool_choice })
    expect(provider.calls.map(({ request }) => request.tool_choice)).toEqual([tool_choice, later])
  })

  it('send a turn that Anthropic paused back unchanged', async () => {
    const paused = say('Searching. ', { native_finish_reason: 'pause_turn' })
    const { ai, provider } = stack([paused, paused, say('Found.')], tools({}))
    const reply = await ai.generate(request)
    expect(provider.calls[2]?.request.messages.slice(1)).toMatchObject([
      { role: 'assistant', content: 'Searching. ' },
      { role: 'assistant', content: 'Searching. ' },
    ])
    expect(reply.text).toBe('Found.')
  })

  it('contain a tool once, the local one, if the request has one of the same name', async () => {
    const { ai, provider } = stack([say('ok')], tools({ weather }))
    const reply = await ai.generate({
      ...request,
      tools: [{ type: 'function', function: { name: 'weather', description: 'other' } }],
    })
    expect(provider.calls[0]?.request.tools).toMatchObject([
      { function: { description: 'Tells the weather.' } },
    ])
    expect(reply.warnings).toMatchObject([{ code: 'ignored', param: 'tools' }])
  })

  it('are retried one step at a time by an inner retry: executed tools do not run again', async () => {
    const ran: unknown[] = []
    const noted = { execute: () => ran.push(1) }
    const down = new ServiceUnavailableError('down', { status: 503, retryable: true })
    const { ai, provider } = stack(
      [call([['c1', 'noted']]), [down], say('ok')],
      tools({ noted }),
      retry({ clock: fakeClock({ jumps: true }) }),
    )
    expect((await ai.generate(request)).text).toBe('ok')
    expect(provider.calls).toHaveLength(3)
    expect(ran).toHaveLength(1)
  })

  it('are shared with a loop of the app: each executes its own tools', async () => {
    const loop = tools({ inner: { execute: () => 'from inside' } })
    const own: Middleware = (ctx, next) => loop(ctx, next)
    const { ai, provider } = stack(
      [
        call([
          ['c1', 'outer'],
          ['c2', 'inner'],
        ]),
        say('ok'),
      ],
      tools({ outer: { execute: () => 'from outside' } }),
      own,
    )
    const reply = await ai.generate(request)
    expect(reply.text).toBe('ok')
    expect(sent(provider).map(({ content }) => content)).toEqual(['from inside', 'from outside'])
  })
})

describe('tools that depend on the call', () => {
  it('are created by a function of its context', async () => {
    interface State {
      readonly userId: string
    }
    const provider = scripted([call([['c1', 'whoami']]), say('ok')])
    const ai = createClient<State>({
      providers: [provider],
      use: [
        tools(async (ctx: Context<State>) => ({
          whoami: tool({ execute: () => ctx.state.userId }),
        })),
      ],
    })
    await ai.generate(request, { state: { userId: 'u7' } })
    expect(sent(provider)).toMatchObject([{ content: 'u7' }])
  })

  it('are rejected without execute, wherever they are defined', async () => {
    // untyped callers
    const broken = tool({ description: 'of the page' } as never)
    const named = { ...broken, name: 'broken' }
    const refusal = expect.objectContaining({ message: expect.stringMatching(/'broken'.*execute/) })
    for (const make of [
      () => tools({ broken }),
      () => tools([named]),
      () => standard({ tools: { broken } }),
      () => standard({ tools: [named] }),
    ]) {
      expect(make).toThrow(MisuseError)
      expect(make).toThrow(refusal)
    }
    const { ai } = stack(
      [say('ok')],
      tools(() => ({ broken })),
    )
    expect(await thrown(ai.generate(request))).toMatchObject({
      name: 'MisuseError',
      message: expect.stringContaining('broken'),
    })
  })

  it('are rejected without a name, or with a duplicate one', async () => {
    const nameless = { execute: () => 1 } as { name: string; execute: () => number }
    const twice = [
      { name: 'a', execute: () => 1 },
      { name: 'a', execute: () => 2 },
    ]
    expect(() => tools([nameless])).toThrow(MisuseError)
    expect(() => tools(twice)).toThrow(MisuseError)
    const { ai } = stack(
      [say('ok')],
      tools(() => twice),
    )
    expect(await thrown(ai.generate(request))).toBeInstanceOf(MisuseError)
  })
})

it.each([{ maxSteps: 0 }, { concurrency: 0 }, { maxSteps: Number.NaN }])(
  'the loop rejects %j, which would never end it properly',
  (options) => {
    expect(() => tools({}, options)).toThrow(MisuseError)
  },
)

describe('types', () => {
  it('infer the arguments of each tool', () => {
    tools({
      typed: {
        parameters: z.object({ n: z.number() }),
        needsApproval: ({ n }) => n > 3,
        execute: ({ n }, run) => {
          expectTypeOf(n).toBeNumber()
          expectTypeOf(run).toEqualTypeOf<ToolRun>()
        },
      },
      plain: { parameters: { type: 'object' }, execute: (args) => args.anything },
      none: { execute: (args) => args.anything },
      away: weather,
    })
    // @ts-expect-error the schema has no such member
    tools({ wrong: { parameters: z.object({ n: z.number() }), execute: ({ m }) => m } })
    // @ts-expect-error no schema
    tools({ wrong: { parameters: 5, execute: () => 1 } })
  })
})

it('declares that it runs inner layers once per step', () => {
  const layer = tools({})
  expect(layer.name).toBe('tools')
  expect(layer).toHaveProperty('repeats', 'step')
})
