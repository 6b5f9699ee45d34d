/** Hooks around a tool execution, from layers outside of `tools()` and from its own option. */
import { describe, expect, it } from 'vitest'
import { type AroundTool, aroundTools } from '../../middleware/around-tools.js'
import { type Tools, type ToolsOptions, tools } from '../../middleware/tools.js'
import type { ChatRequest, ToolMessage } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import { layer, type Middleware, MisuseError, TimeoutError } from '../../src/core/index.js'
import { memoryStore } from '../../src/store/index.js'
import { scripted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'
import { type Called, call, say, thrown } from './script.js'

const request: ChatRequest = {
  model: 'scripted/m',
  messages: [{ role: 'user', content: 'Weather?' }],
}

/** A layer that adds one hook. */
const adds = (name: string, hook: AroundTool): Middleware =>
  layer(name, (ctx, next) => {
    ctx.set(aroundTools, [...(ctx.get(aroundTools) ?? []), hook])
    return next()
  })

/** Records where an execution enters and leaves it. */
const noting =
  (log: string[], name: string): AroundTool =>
  async (call, run) => {
    log.push(`${name} > ${call.id}`)
    try {
      return await run()
    } finally {
      log.push(`${name} < ${call.id}`)
    }
  }

function stack(calls: readonly Called[], ...use: Middleware[]) {
  const provider = scripted([call(calls), say('Done.')])
  return { provider, ai: createClient({ providers: [provider], use }) }
}

const send = async (mode: 'generate' | 'stream', ai: Client) =>
  mode === 'generate' ? ai.generate(request) : ai.stream(request).response

const resultsOf = (messages: readonly { readonly role: string }[]) =>
  messages.filter((message): message is ToolMessage => message.role === 'tool')

const look = { look: { execute: () => 'seen' } }

describe.each(['generate', 'stream'] as const)('hooks around a tool, %s', (mode) => {
  it('are nested: those of outer layers outermost, the option innermost', async () => {
    const log: string[] = []
    const { ai } = stack(
      [['c1', 'look']],
      adds('a', noting(log, 'a')),
      adds('b', noting(log, 'b')),
      tools({ look: { execute: () => log.push('ran') } }, { around: noting(log, 'own') }),
    )
    await send(mode, ai)
    expect(log).toEqual([
      ...['a > c1', 'b > c1', 'own > c1', 'ran', 'own < c1', 'b < c1', 'a < c1'],
    ])
  })

  it('wrap each concurrent call, in every step', async () => {
    const log: string[] = []
    const provider = scripted([
      call([
        ['c1', 'look'],
        ['c2', 'look'],
      ]),
      call([['c3', 'look']]),
      say('Done.'),
    ])
    let open = () => {}
    const both = new Promise<void>((resolve) => {
      open = resolve
    })
    const execute = async (_: unknown, { tool_call_id }: { readonly tool_call_id: string }) => {
      if (tool_call_id === 'c2') open()
      // c1 ends only after c2 has started
      await both
      return tool_call_id
    }
    const use = [adds('a', noting(log, 'a')), tools({ look: { execute } })]
    const reply = await send(mode, createClient({ providers: [provider], use }))
    expect(log.slice(0, 2)).toEqual(['a > c1', 'a > c2'])
    expect(log.slice(2, 4).sort()).toEqual(['a < c1', 'a < c2'])
    expect(log.slice(4)).toEqual(['a > c3', 'a < c3'])
    expect(resultsOf(reply.messages).map(({ content }) => content)).toEqual(['c1', 'c2', 'c3'])
  })

  it('may change the result of the tool, return another, or execute it again', async () => {
    let ran = 0
    const again: AroundTool = async (_, run) => run().catch(run)
    const masked: AroundTool = async (_, run) => String(await run()).toUpperCase()
    const failsOnce = () => {
      if (++ran === 1) throw new Error('busy')
      return 'seen'
    }
    const changed = stack(
      [['c1', 'look']],
      adds('masked', masked),
      tools({ look: { execute: failsOnce } }, { around: again }),
    )
    expect(resultsOf((await send(mode, changed.ai)).messages)[0]?.content).toBe('SEEN')
    expect(ran).toBe(2)
    const canned = stack(
      [['c1', 'look']],
      tools({ look: { execute: () => ran++ } }, { around: () => ({ cached: true }) }),
    )
    expect(resultsOf((await send(mode, canned.ai)).messages)[0]?.content).toBe('{"cached":true}')
    expect(ran).toBe(2)
  })

  it('see the error of the tool; their own error is a result that the model reads', async () => {
    const seen: unknown[] = []
    const watching: AroundTool = (_, run) =>
      run().catch((error) => {
        seen.push(error)
        throw error
      })
    const failing = { look: { execute: () => Promise.reject(new Error('no sky')) } }
    const thrownInside = stack([['c1', 'look']], adds('watching', watching), tools(failing))
    expect(resultsOf((await send(mode, thrownInside.ai)).messages)).toMatchObject([
      { content: 'no sky', is_error: true },
    ])
    expect(seen).toMatchObject([{ message: 'no sky' }])
    const refusing: AroundTool = () => {
      throw new Error('not now')
    }
    const { ai, provider } = stack([['c1', 'look']], tools(look, { around: refusing }))
    const reply = await send(mode, ai)
    expect(reply.text).toBe('Done.')
    expect(resultsOf(provider.calls[1]?.request.messages ?? [])).toMatchObject([
      { content: 'not now', is_error: true },
    ])
  })

  it('see the end of a tool that ignores its signal: at its timeout and at the end of the call', async () => {
    const ends: unknown[] = []
    const clock = fakeClock()
    const gone = new AbortController()
    const until = (begun: () => void): Tools => ({
      look: {
        execute: () => {
          begun()
          return new Promise(() => {})
        },
      },
    })
    const around: AroundTool = (_, run) =>
      run().catch((error) => {
        ends.push(error)
        throw error
      })
    const slow = until(() => queueMicrotask(() => clock.advance(60_000)))
    const late = stack([['c1', 'look']], tools(slow, { around, clock }))
    expect((await send(mode, late.ai)).text).toBe('Done.')
    expect(ends[0]).toBeInstanceOf(TimeoutError)
    const hanging = until(() => queueMicrotask(() => gone.abort('enough')))
    const { ai } = stack([['c1', 'look']], tools(hanging, { around }))
    const options = { signal: gone.signal }
    await thrown(
      mode === 'generate' ? ai.generate(request, options) : ai.stream(request, options).response,
    )
    expect(ends).toHaveLength(2)
  })

  it('do not run for a call that waits for approval, and once when it is executed', async () => {
    const log: string[] = []
    const provider = scripted(({ messages }) =>
      messages.some(({ role }) => role === 'tool') ? say('Done.') : call([['c1', 'pay']]),
    )
    const pay = { pay: { needsApproval: true, execute: () => 'paid' } }
    const options: ToolsOptions = { approvals: memoryStore() }
    const use = [adds('a', noting(log, 'a')), tools(pay, options)]
    const ai = createClient({ providers: [provider], use })
    const first = await send(mode, ai)
    expect(log).toEqual([])
    const { id = '', tool_call_id = '' } = first.approvals?.[0] ?? {}
    const yes: ToolMessage = { role: 'tool', tool_call_id, approval: { id, approved: true } }
    const messages = [...request.messages, ...first.messages, yes]
    const reply =
      mode === 'generate'
        ? await ai.generate({ ...request, messages })
        : await ai.stream({ ...request, messages }).response
    expect(reply.text).toBe('Done.')
    expect(log).toEqual(['a > c1', 'a < c1'])
  })

  it('do not run for invalid arguments', async () => {
    const log: string[] = []
    const parameters = { type: 'object', required: ['city'] }
    const { ai } = stack(
      [['c1', 'look', {}]],
      tools({ look: { parameters, execute: () => 'seen' } }, { around: noting(log, 'own') }),
    )
    expect(resultsOf((await send(mode, ai)).messages)).toMatchObject([{ is_error: true }])
    expect(log).toEqual([])
  })

  it('of a call do not apply to a call made by its tool', async () => {
    const log: string[] = []
    const provider = scripted([
      call([['c1', 'ask']]),
      call([['n1', 'look']]),
      say('Nested.'),
      say('Done.'),
    ])
    const outer = tools({
      ask: { execute: async (_, { ctx }) => (await ctx.client.generate(request)).text },
    })
    const loop = tools(look)
    // a second loop, which the order check would reject by its name
    const inner: Middleware = (ctx, next) => loop(ctx, next)
    const use = [adds('a', noting(log, 'a')), outer, inner]
    const reply = await send(mode, createClient({ providers: [provider], use }))
    expect(reply.text).toBe('Done.')
    expect(resultsOf(reply.messages)).toMatchObject([{ content: 'Nested.' }])
    expect(log).toEqual(['a > c1', 'a < c1'])
  })
})

it('a hook that is no function is rejected at construction', () => {
  // an untyped caller may pass it
  const around = 'log' as unknown as AroundTool
  expect(() => tools(look, { around })).toThrow(MisuseError)
})
