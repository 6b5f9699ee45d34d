import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { guard } from '../../middleware/guard.js'
import { retry, standard, tools, trace } from '../../middleware/index.js'
import { limit } from '../../middleware/limit.js'
import { redact } from '../../middleware/redact.js'
import { repair } from '../../middleware/repair.js'
import { telemetry } from '../../middleware/telemetry.js'
import { createClient } from '../../src/client.js'
import {
  layer,
  type Middleware,
  MisuseError,
  type RequestContext,
  requestLayer,
} from '../../src/core/index.js'
import { caller, failure, fakeAdapter, modes, request, run, say } from './support.js'

const root = new URL('../..', import.meta.url).pathname

/** The output of a program that was bundled and minified. */
async function bundled(code: string): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: `${root}test/core`, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    write: false,
  })
  const text = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64')
  return (await import(`data:text/javascript;base64,${text}`)).default
}

describe('the name of a layer', () => {
  it('is unchanged by bundling and minifying: in layers, trace and errors', async () => {
    const source = `
      import { standard, trace } from '../../middleware/index.js'
      import { createClient } from '../../src/client.js'
      import { layer } from '../../src/core/index.js'
      const own = layer('own', async () => {})
      const log = { to: { info: () => {}, error: () => {} } }
      const ai = createClient({ providers: [], use: [...standard({ log, deadline: 9 }), own] })
      const asked = { model: 'x/y', messages: [] }
      const error = await ai.generate(asked, { signal: AbortSignal.timeout(9_000) }).catch((e) => e)
      const found = ai.layers.find(({ name }) => name === 'retry')?.repeats
      export default { names: ai.layers.map(({ name }) => name), trace: trace(ai), found, message: error.message }
    `
    const log = { to: { info: () => {}, error: () => {} } }
    const own = layer('own', async () => {})
    const ai = createClient({ providers: [], use: [...standard({ log, deadline: 9 }), own] })
    const error = await failure(ai.generate({ model: 'x/y', messages: [] }))
    expect(await bundled(source)).toEqual({
      names: ai.layers.map(({ name }) => name),
      trace: trace(ai),
      found: 'attempt',
      message: error.message,
    })
    expect(ai.layers.map(({ name }) => name)).toContain('history')
  })

  it.each(modes)('is in errors, in %s', async (mode) => {
    const ai = caller(
      fakeAdapter(say('hi')),
      layer('verdict', async () => {}),
    )
    const error = await failure(run(ai, mode))
    expect(error).toBeInstanceOf(MisuseError)
    expect(error.message).toContain("'verdict'")
  })

  it('belongs to one layer: a function shared by two layers keeps its own name', () => {
    const shared: Middleware = function shared(_, next) {
      return next()
    }
    const layers = [layer('first', shared, { repeats: 'step' }), layer('second', shared)]
    expect(layers.map(({ name, repeats }) => [name, repeats])).toEqual([
      ['first', 'step'],
      ['second', undefined],
    ])
    expect(shared.name).toBe('shared')
  })

  it('is required, and so is a function', () => {
    expect(() => layer('', (_, next) => next())).toThrow(MisuseError)
    // @ts-expect-error a layer is a function
    expect(() => layer('x', undefined)).toThrow(MisuseError)
  })
})

describe('createClient', () => {
  const providers = [fakeAdapter(say('hi'))]
  const pass = (name: string) => layer(name, (_, next) => next())

  it('accepts the layers of a policy as an array, in createClient and in use', () => {
    const policy = [pass('a'), pass('b')]
    const ai = createClient({ providers, use: [policy, pass('c')] }).use(pass('d'), policy)
    expect(ai.layers.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'a', 'b'])
  })

  it.each(['retry', 'tools', 'params', 'history', 'usage'] as const)(
    'rejects two layers of %s',
    (name) => {
      const use = standard()
      const again = use.filter((one) => one.name === name)
      expect(() => createClient({ providers, use: [...use, again] })).toThrow(MisuseError)
      const ai = createClient({ providers, use })
      expect(() => ai.use(again)).toThrow(`Two layers '${name}'`)
      expect(ai.layers).toHaveLength(use.length)
    },
  )

  it('rejects known layers in an order that cannot work, and shows the right one', () => {
    const backwards = [...standard()].reverse()
    expect(() => createClient({ providers, use: backwards })).toThrow(MisuseError)
    expect(() => createClient({ providers, use: [retry(), tools({})] })).toThrow(
      /'retry' is outside 'tools'.*outermost first: tools → retry/,
    )
    const ai = createClient({ providers, use: [retry()] })
    expect(() => ai.use(tools({}))).toThrow(MisuseError)
    expect(() => createClient({ providers, use: [retry(), pass('fallback')] })).toThrow(
      /fallback → retry/,
    )
  })

  it.each([
    ['conversation', 'conversation', /Two layers 'conversation'/],
    ['tools', 'conversation', /'tools' is outside 'conversation'.*conversation → tools/],
    ['repair', 'conversation', /'repair' is outside 'conversation'/],
    ['history', 'conversation', /'history' is outside 'conversation'/],
    ['redact', 'tools', /'redact' is outside 'tools'.*unmasked.*tools → redact/],
  ])('refuses %s outside %s', (outer, inner, reason) => {
    const use = [pass(outer), pass(inner)]
    expect(() => createClient({ providers, use })).toThrow(reason)
  })

  it.each([
    ['tools', 'redact-results', /'tools' is outside 'redact-results'.*client unmasked/],
    ['telemetry-inference', 'redact', /it would record what redact\(\) masks/],
  ])('refuses %s outside %s, and shows how policies are placed', (outer, inner, reason) => {
    const create = () => createClient({ providers, use: [pass(outer), pass(inner)] })
    expect(create).toThrow(reason)
    expect(create).toThrow('standard({ with: [...] })')
  })

  it('takes policies at other places than their own where the order can work', () => {
    const policies = [guard({ input: () => true }), limit({ concurrency: 1 }), repair()].flat()
    const use = [...standard(), ...policies, ...[redact({ restore: true })].flat(), telemetry()]
    expect(createClient({ providers, use }).layers).toHaveLength(use.flat().length)
  })

  it('treats a function of the app as unknown, whatever its name', () => {
    async function usage(_: unknown, next: () => Promise<unknown>) {
      await next()
    }
    const use = [...standard(), usage, usage]
    expect(createClient({ providers, use }).layers).toHaveLength(use.length)
  })

  it.each(['generate', 'stream'] as const)(
    'a running call and its nested calls keep their layers when use() adds one: %s',
    async (mode) => {
      const seen: string[] = []
      const noting = (name: string) =>
        layer(name, (_, next) => {
          seen.push(name)
          return next()
        })
      const adding = layer('adding', async (ctx, next) => {
        ai.use(noting('late'))
        await ctx.client.generate(request)
        return next()
      })
      const ai = createClient({ providers, use: [adding, noting('inner')] })
      const other = createClient({ providers, use: ai.layers })
      const ask = () =>
        mode === 'generate' ? ai.generate(request) : Promise.resolve(ai.stream(request).response)
      await ask()
      expect(seen.splice(0)).toEqual(['inner', 'inner'])
      await ask()
      expect(seen.splice(0)).toEqual(['inner', 'late', 'inner', 'late'])
      // a client made from the layers of another has a stack of its own
      expect(other.layers.map(({ name }) => name)).toEqual(['adding', 'inner'])
    },
  )

  it('does not check the stack of a nested call', async () => {
    const ask = layer('ask', async (ctx, next) => {
      await ctx.client.generate(request)
      return next()
    })
    const ai = createClient({ providers, use: [...standard(), ask] })
    expect((await ai.generate(request)).text).toBe('hi')
  })
})

describe('ctx.state', () => {
  it.each(modes)('without one in the call is one object for its layers, in %s', async (mode) => {
    const seen: unknown[] = []
    const writes = layer('writes', (ctx, next) => {
      seen.push({ ...ctx.state })
      Object.assign(ctx.state, { user: 'ann' })
      return next()
    })
    const reads = layer('reads', async (ctx, next) => {
      seen.push({ ...ctx.state })
      if (seen.length === 2) await ctx.client.generate(ctx.request)
      return next()
    })
    const inner = layer('inner', (ctx, next) => {
      seen.push({ ...ctx.state })
      return next()
    })
    const ai = caller(fakeAdapter(say('hi')), writes, reads, inner)
    await run(ai, mode)
    expect(seen).toEqual([{}, ...Array(3).fill({ user: 'ann' })])
    await run(ai, mode)
    expect(seen[4]).toEqual({})
  })
})

describe('countTokens', () => {
  const counting = () => {
    const counted: unknown[] = []
    const countTokens = async (asked: unknown) => counted.push(asked)
    return { counted, adapter: { ...fakeAdapter(say('hi')), countTokens } }
  }
  const mask = layer('mask', (_, next) => next(), {
    outgoing: async (asked) => ({ ...asked, messages: [{ role: 'user', content: '<NAME>' }] }),
  })
  const masked = [{ role: 'user', content: '<NAME>' }]

  it('counts the request that the layers pass on, aliases of the call included', async () => {
    const { counted, adapter } = counting()
    const use = [standard({ aliases: { fast: 'fake/m-1' } }), mask]
    const ai = createClient({ providers: [adapter], use })
    const { messages } = request
    await ai.countTokens({ model: 'fast', messages })
    await ai.countTokens({ model: 'mine', messages }, { aliases: { mine: 'm-2' } })
    expect(counted).toMatchObject([
      { model: 'm-1', messages: masked },
      { model: 'm-2', messages: masked },
    ])
  })

  it('passes only the layers inside the one that calls it', async () => {
    const { counted, adapter } = counting()
    const count = layer('count', async (ctx, next) => {
      await ctx.client.countTokens(ctx.request)
      return next()
    })
    await caller(adapter, count, mask).generate(request)
    await caller(adapter, mask, count).generate(request)
    expect(counted).toMatchObject([{ messages: masked }, { messages: request.messages }])
  })

  it('rejects with what a layer throws', async () => {
    const refuse = layer('refuse', (_, next) => next(), {
      outgoing: () => {
        throw new MisuseError('no')
      },
    })
    await expect(caller(counting().adapter, refuse).countTokens(request)).rejects.toThrow('no')
  })
})

describe('a layer that only edits the request', () => {
  const seen: string[] = []
  const edit = (name: string, given: (ctx: RequestContext) => void | Promise<void>) =>
    requestLayer(name, given)
  const suffix = (text: string) =>
    edit('suffix', (ctx) => {
      ctx.request = { ...ctx.request, user: `${ctx.request.user ?? ''}${text}` }
      ctx.warn({ code: 'other', message: text })
    })
  const outer: Middleware = async (ctx, next) => {
    await next()
    seen.push(`${ctx.request.user} ${ctx.response?.warnings.map(({ message }) => message)}`)
  }

  it.each(modes)('edits for those inside, alone and within another layer, in %s', async (mode) => {
    seen.length = 0
    const later = edit('later', async (ctx) => {
      await Promise.resolve()
      ctx.request = { ...ctx.request, user: `${ctx.request.user}c` }
    })
    const within: Middleware = (ctx, next) => suffix('d')(ctx, next)
    const adapter = fakeAdapter(say('hi'))
    const ai = caller(adapter, outer, suffix('a'), suffix('b'), later, within, outer)
    await run(ai, mode)
    expect(seen).toEqual(['abcd ', 'undefined a,b,d'])
  })

  it.each(modes)('ends the call by what it throws, at once or later, in %s', async (mode) => {
    for (const fails of [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')),
    ]) {
      const error = await failure(
        run(caller(fakeAdapter(say('hi')), outer, edit('e', fails)), mode),
      )
      expect(error.message).toBe('no')
    }
  })

  it('starts nothing inside once the call was aborted meanwhile', async () => {
    const controller = new AbortController()
    const started: string[] = []
    const slow = edit('slow', async () => {
      controller.abort()
      await Promise.resolve()
    })
    const inner: Middleware = (_, next) => {
      started.push('inner')
      return next()
    }
    const ai = caller(
      fakeAdapter(say('hi')),
      slow,
      edit('next', () => void started.push('edit')),
      inner,
    )
    const error = await failure(ai.generate(request, { signal: controller.signal }))
    expect([error.name, started]).toEqual(['AbortError', []])
  })
})
