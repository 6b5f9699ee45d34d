import { describe, expect, it } from 'vitest'
import { standard, tool, tools, trace } from '../../middleware/index.js'
import type { FunctionTool } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  type LayerPlace,
  layer,
  type Middleware,
  MisuseError,
  ServiceUnavailableError,
} from '../../src/core/index.js'
import { deepFreeze, scripted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'
import { call, say } from './script.js'

const request = deepFreeze({
  model: 'fast',
  messages: [{ role: 'user', content: 'Hi' }],
} as const)

const names = (layers: readonly Middleware[]) => layers.map(({ name }) => name)
const silent = { info: () => {}, error: () => {} }
const everything = { log: { to: silent }, deadline: 60_000 }

describe('standard', () => {
  it('has its layers in the correct order', () => {
    expect(names(standard(everything))).toEqual([
      'log',
      'usage',
      'deadline',
      'alias',
      'history',
      'tools',
      'retry',
      'timeout',
      'params',
    ])
  })

  it('writes no log and sets no deadline by default', () => {
    expect(names(standard())).not.toContain('log')
    expect(names(standard())).not.toContain('deadline')
  })

  it.each(['usage', 'aliases', 'history', 'tools', 'retry', 'timeout', 'params'] as const)(
    'can omit %s',
    (part) => {
      const all = names(standard())
      const rest = names(standard({ [part]: false }))
      expect(rest).toEqual(all.filter((name) => name !== part.replace('aliases', 'alias')))
    },
  )

  it('replaces a part with a layer of the app', () => {
    const own: Middleware = async function own(_, next) {
      return next()
    }
    expect(names(standard({ retry: own })).at(-3)).toBe('own')
  })

  it('treats undefined options as missing', () => {
    const undefinedOptions = Object.fromEntries(
      ['log', 'usage', 'deadline', 'aliases', 'history', 'tools', 'toolLoop'].map(
        (part) => [part, undefined] as const,
      ),
    )
    expect(names(standard(undefinedOptions))).toEqual(names(standard()))
  })

  it('calls a function for the tools of each call, and passes its options to the loop', async () => {
    interface Who {
      readonly user: string
    }
    const provider = scripted(({ tools: given = [] }) =>
      call([['c1', (given[0] as FunctionTool | undefined)?.function.name ?? '']]),
    )
    const use = standard<Who>({
      tools: async ({ state }) => ({ [`of_${state.user}`]: tool({ execute: () => 'done' }) }),
      toolLoop: { maxSteps: 2, approvalScope: ({ state }) => state.user },
    })
    const ai = createClient<Who>({ providers: [provider], use })
    const asked = { ...request, model: 'scripted/m' }
    for (const user of ['ann', 'bob']) {
      const reply = await ai.generate(asked, { state: { user } })
      expect(reply.messages).toMatchObject([
        { tool_calls: [{ function: { name: `of_${user}` } }] },
        { role: 'tool', name: `of_${user}`, content: 'done' },
        { role: 'assistant' },
        { role: 'tool' },
      ])
    }
    expect(provider.calls).toHaveLength(4)
  })

  it('replaces its tool loop with one of the app', () => {
    const own: Middleware = async function own(_, next) {
      return next()
    }
    const whole = names(standard())
    const at = whole.indexOf('tools')
    expect(names(standard({ toolLoop: own }))).toEqual(whole.with(at, 'own'))
    expect(names(standard({ toolLoop: false }))).toEqual(whole.toSpliced(at, 1))
    expect(() => standard({ toolLoop: own, tools: {} })).toThrow(MisuseError)
  })

  it('handles a call from its alias to its cost', async () => {
    const lines: unknown[] = []
    const down = new ServiceUnavailableError('down', { status: 503, retryable: true })
    const provider = scripted([[down], call([['c1', 'now', '{"a": 1,}']]), say('Noon.')])
    const ai = createClient({
      providers: [provider],
      use: standard({
        log: { to: { info: (line) => lines.push(line), error: () => {} } },
        aliases: { fast: 'scripted/m' },
        tools: { now: { execute: () => '12:00' } },
        retry: { clock: fakeClock({ jumps: true }) },
        usage: { prices: { m: { input_mtok: 1, output_mtok: 1 } } },
      }),
    })
    const reply = await ai.generate(request)
    expect(reply.text).toBe('Noon.')
    expect(reply.usage.cost).toBe(0.00003)
    expect(provider.calls).toHaveLength(3)
    expect(lines).toMatchObject([{ status: 'ok', model: 'fast', cost: 0.00003 }])
  })
})

describe('standard places', () => {
  const pass = (name: string, place?: LayerPlace | readonly LayerPlace[]) =>
    layer(name, (_, next) => next(), { place })
  const around = (all: readonly string[], name: string) =>
    all.slice(Math.max(0, all.indexOf(name) - 2), all.indexOf(name) + 3)

  it('layers of the app directly beside a part, one or several', () => {
    const all = names(
      standard({
        outside: { retry: pass('a') },
        inside: { tools: [pass('b'), pass('c')], params: pass('d') },
      }),
    )
    expect(all.slice(all.indexOf('tools'))).toEqual([
      'tools',
      'b',
      'c',
      'a',
      'retry',
      'timeout',
      'params',
      'd',
    ])
  })

  it('them also where the part is off or replaced', () => {
    const all = names(standard({ tools: false, retry: false, inside: { tools: pass('a') } }))
    expect(around(all, 'a')).toEqual(['alias', 'history', 'a', 'timeout', 'params'])
    expect(names(standard({ retry: pass('own'), outside: { retry: pass('a') } }))).toContain('own')
  })

  it('policies by their declared place, in whatever order they are given', () => {
    const policies = [
      [pass('results', 'outside tools'), pass('redact', 'inside tools')],
      pass('cache', ['inside redact', 'inside tools']),
      pass('fallback', 'outside retry'),
      pass('budget', 'inside retry'),
      pass('guard', 'outside history'),
      pass('conversation', ['outside guard', 'outside history']),
      pass('agent', 'inside log'),
    ]
    const wanted = [
      'agent',
      'usage',
      'alias',
      'conversation',
      'guard',
      'history',
      'results',
      'tools',
      'redact',
      'cache',
      'fallback',
      'retry',
      'budget',
      'timeout',
      'params',
    ]
    expect(names(standard({ with: policies }))).toEqual(wanted)
    expect(names(standard({ with: policies.toReversed() }))).toEqual(wanted)
  })

  it('a policy beside its second choice if the first is absent', () => {
    const all = names(standard({ with: [pass('cache', ['inside redact', 'inside tools'])] }))
    expect(all[all.indexOf('tools') + 1]).toBe('cache')
  })

  it('nothing with no place, an unknown one, or a cycle', () => {
    for (const given of [
      [pass('a')],
      [pass('a', 'inside nothing')],
      [pass('a', 'inside b'), pass('b', 'inside a')],
      [pass('a', 'inside a')],
    ])
      expect(() => standard({ with: given })).toThrow(MisuseError)
    // @ts-expect-error no option has this name
    expect(() => standard({ retries: 3 })).toThrow(/no option 'retries', only .*retry/)
    // @ts-expect-error the option of `alias` is `aliases`
    expect(() => standard({ alias: { fast: 'a/b' } })).toThrow(MisuseError)
    // @ts-expect-error no part has this name
    expect(() => standard({ outside: { retries: pass('a') } })).toThrow(/no part 'retries'/)
  })

  it('passes State through its types', () => {
    interface Who {
      readonly user: string
    }
    const own = layer<Who>('own', (ctx, next) => {
      ctx.state.user satisfies string
      return next()
    })
    const ai = createClient<Who>({
      providers: [],
      use: [standard<Who>({ inside: { tools: own } })],
    })
    expect(ai.layers.map(({ name }) => name)).toContain('own')
  })
})

describe('trace', () => {
  const client = (...use: Middleware[]) => createClient({ providers: [scripted([])], use })

  it('shows the model once per call, step, attempt', () => {
    expect(trace(client(...standard(everything)))).toMatchInlineSnapshot(`
      "┌ once a call
      │ log
      │ usage
      │ deadline
      │ alias
      │ history
      │ tools
      │ ┌ once a step of tools
      │ │ retry
      │ │ ┌ once an attempt of retry
      │ │ │ timeout
      │ │ │ params
      │ │ │ provider
      │ │ └
      │ └
      └"
    `)
  })

  it('shows layers of the app, also anonymous ones and those with nested calls', () => {
    const twice = Object.assign(
      async function twice(_: unknown, next: () => Promise<unknown>) {
        await next()
        return next()
      },
      { repeats: 'attempt' as const },
    )
    expect(trace(client((_, next) => next(), twice, tools({})))).toMatchInlineSnapshot(`
      "┌ once a call
      │ layer 1
      │ twice
      │ ┌ once an attempt of twice
      │ │ tools
      │ │ ┌ once a step of tools
      │ │ │ provider
      │ │ └
      │ └
      └"
    `)
  })

  it('shows an empty stack', () => {
    expect(trace(client())).toMatchInlineSnapshot(`
      "┌ once a call
      │ provider
      └"
    `)
  })
})
