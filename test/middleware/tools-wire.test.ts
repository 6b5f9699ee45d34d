/** The tool loop, histories and costs over real sockets, on the wires of all providers. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { history } from '../../middleware/history.js'
import { standard } from '../../middleware/standard.js'
import { tool, tools } from '../../middleware/tools.js'
import type { ChatRequest, Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { AbortError, type Middleware, TetradError } from '../../src/core/index.js'
import {
  callTool,
  events,
  fail,
  type MockServer,
  mockServer,
  type ProviderName,
  type Step,
  say,
  think,
} from '../../src/testing/index.js'
import { deepFreeze } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'
import { collect, thrown } from './script.js'
import { adapters, models } from './wires.js'

const weather = tool({
  description: 'Tells the weather.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => ({ city, sky: 'clear' }),
})

const request = (
  model: string,
  messages: readonly Message[] = [{ role: 'user', content: 'Weather?' }],
) => deepFreeze({ model, messages } satisfies ChatRequest)

async function onServer<T>(
  script: readonly Step[],
  use: readonly Middleware[],
  run: (ai: ReturnType<typeof createClient<{}>>, server: MockServer) => Promise<T>,
): Promise<T> {
  await using server = await mockServer(script)
  return await run(createClient({ providers: adapters(server), use }), server)
}

/** All content of a request, whatever its wire. */
const bodyText = (server: MockServer, nth: number) => JSON.stringify(server.requests[nth]?.body)

describe.each(models)('on the wire of %s', (model) => {
  it.each(['generate', 'stream'] as const)(
    'a %s runs parallel calls and responds',
    async (mode) => {
      const turn = think('Two cities.')
        .callTool('weather', { city: 'Rome' })
        .callTool('weather', { city: 'Oslo' })
      await onServer([turn, say('Clear.')], [tools({ weather })], async (ai, server) => {
        const reply =
          mode === 'generate'
            ? await ai.generate(request(model))
            : await ai.stream(request(model)).response
        expect(reply.text).toBe('Clear.')
        expect(reply.messages.map(({ role }) => role)).toEqual([
          'assistant',
          'tool',
          'tool',
          'assistant',
        ])
        expect(reply.attempts).toHaveLength(2)
        expect(reply.warnings).toEqual([])
        expect(bodyText(server, 0)).toContain('Tells the weather.')
        expect(bodyText(server, 1)).toContain('Oslo')
        expect(bodyText(server, 1)).toContain('clear')
      })
    },
  )

  it('a forced call is forced once', async () => {
    await onServer(
      [callTool('weather', { city: 'Rome' }), say('ok')],
      [tools({ weather })],
      async (ai, server) => {
        const reply = await ai.generate({ ...request(model), tool_choice: 'required' })
        expect(reply.text).toBe('ok')
        const forced = /"required"|"any"|"ANY"/
        expect(JSON.stringify({ ...(server.requests[0]?.body as object), tools: [] })).toMatch(
          forced,
        )
        expect(JSON.stringify({ ...(server.requests[1]?.body as object), tools: [] })).not.toMatch(
          forced,
        )
      },
    )
  })

  it('a stream that is cut after its call never runs it', async () => {
    const ran: unknown[] = []
    const noted = { execute: () => ran.push(1) }
    const turn = say('Let me see.').callTool('noted')
    const [provider = ''] = model.split('/')
    const wire = provider === 'local' ? 'compatible' : (provider as ProviderName)
    const whole = events(wire, turn, { model }).length
    for (let after = 1; after < whole; after++)
      await onServer([turn.cut(after), say('ok')], [tools({ noted })], async (ai) => {
        const { error } = await collect(ai.stream(request(model)))
        // a wire may end with an event without content
        if (error === undefined) return expect(after).toBe(whole - 1)
        expect(error).toBeInstanceOf(TetradError)
        expect(ran).toEqual([])
      })
  })

  it('a step that fails is retried without running its tools again', async () => {
    const ran: unknown[] = []
    const noted = { execute: () => ran.push(1) }
    const layers = standard({ tools: { noted }, retry: { clock: fakeClock({ jumps: true }) } })
    await onServer([callTool('noted'), fail(503), say('ok')], layers, async (ai, server) => {
      expect((await ai.stream(request(model)).response).text).toBe('ok')
      expect(server.requests).toHaveLength(3)
      expect(ran).toHaveLength(1)
    })
  })

  it('the next call continues from all messages that the last one added, through storage', async () => {
    const turn = think('Hm.', { signature: 'c2ln' }).callTool('weather', { city: 'Rome' })
    await onServer(
      [turn, say('Clear.'), say('Bye.')],
      [history({ mode: 'strict' }), tools({ weather })],
      async (ai, server) => {
        const first = await ai.generate(request(model))
        const messages = JSON.parse(
          JSON.stringify([
            ...request(model).messages,
            ...first.messages,
            { role: 'user', content: 'Thanks' },
          ]),
        )
        const reply = await ai.generate(request(model, messages))
        expect(reply.text).toBe('Bye.')
        expect(reply.warnings).toEqual([])
        expect(server.requests).toHaveLength(3)
      },
    )
  })

  it('a broken history is repaired before it is sent', async () => {
    const broken: Message[] = [
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: '',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city": "Ro' } },
          { id: 'b', type: 'function', function: { name: 'weather', arguments: '' } },
        ],
      },
      { role: 'user', content: 'And?' },
      { role: 'tool', tool_call_id: 'a', content: 'late' },
      { role: 'tool', tool_call_id: 'zzz', content: 'stray' },
      { role: 'user', content: ' ' },
    ]
    await onServer([say('ok')], [history(), tools({ weather })], async (ai, server) => {
      const reply = await ai.generate(request(model, broken))
      expect(reply.text).toBe('ok')
      expect(new Set(reply.warnings.map(({ code }) => code))).toEqual(new Set(['repaired']))
      expect(bodyText(server, 0)).toContain('late')
      expect(bodyText(server, 0)).not.toContain('stray')
    })
  })

  it('a tool ends with the call', async () => {
    const controller = new AbortController()
    let signal: AbortSignal | undefined
    const stuck = tool({
      execute: (_, run) => {
        signal = run.signal
        controller.abort()
        return new Promise(() => {})
      },
    })
    await onServer([callTool('stuck')], [tools({ stuck })], async (ai, server) => {
      const call = ai.stream(request(model), { signal: controller.signal }).response
      expect(await thrown(call)).toBeInstanceOf(AbortError)
      expect(signal?.aborted).toBe(true)
      expect(server.requests).toHaveLength(1)
    })
  })
})

describe('Anthropic', () => {
  it('continues a turn that it paused, and its blocks are sent back unchanged', async () => {
    const paused = say('Searching.')
      .hostedTool('web_search', { id: 'srvtoolu_1', input: { query: 'rivers' } })
      .finish('stop', { native: 'pause_turn' })
    await onServer([paused, say('Found.')], [tools({})], async (ai, server) => {
      const reply = await ai.stream(request('anthropic/claude-sonnet-4-5')).response
      expect(reply.text).toBe('Found.')
      expect(reply.messages).toHaveLength(2)
      expect(server.requests).toHaveLength(2)
      expect(bodyText(server, 1)).toContain('srvtoolu_1')
    })
  })
})
