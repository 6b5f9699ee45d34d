/** `checkMiddleware` passes for a correct layer, and fails by name for each defect. */
import { expect, it } from 'vitest'
import type { StreamChunk } from '../../src/chat/index.js'
import { layer, type Middleware, MisuseError, mapText } from '../../src/core/index.js'
import { checkMiddleware } from '../../src/testing/index.js'

const timing: Middleware = async (_ctx, next) => {
  const started = performance.now()
  try {
    return await next()
  } finally {
    performance.measure('call', { start: started })
  }
}

it('passes for a correct layer, alone and as one of several', async () => {
  expect(await checkMiddleware(() => timing)).toEqual([])
  expect(await checkMiddleware(() => [timing, timing])).toEqual([])
})

it('requires a factory, and says so when given a layer', async () => {
  for (const made of [timing, layer('timing', timing), [timing], undefined])
    await expect(checkMiddleware(made as never)).rejects.toThrow(
      new MisuseError(
        'Pass a function that makes one for each check: checkMiddleware(() => timing())',
      ),
    )
})

it('passes for a layer that buffers sentences, and for one that reads the state', async () => {
  const bySentence = (): Middleware => (ctx, next) => {
    let held = ''
    ctx.transform(async (chunk, emit) => {
      if (chunk.type === 'text-delta') held += chunk.text
      const isDue = chunk.type === 'finish' || /[.]/.test(held)
      if (isDue && held !== '') {
        await emit({ type: 'text-delta', text: held })
        held = ''
      }
      if (chunk.type !== 'text-delta') await emit(chunk)
    })
    return next()
  }
  expect(await checkMiddleware(bySentence, { holds: 'sentence' })).toEqual([])
  const seen = new Set<string>()
  const forUser = (): Middleware<{ userId: string }> => (ctx, next) => {
    seen.add(ctx.state.userId.trim())
    return next()
  }
  expect(await checkMiddleware(forUser, { state: { userId: 'ada' } })).toEqual([])
  expect([...seen]).toEqual(['ada'])
})

/** Chunks of all calls in one list, the result of state in the factory. */
const shared: StreamChunk[] = []

const broken: Readonly<Record<string, () => Middleware>> = {
  'gives the same answer in both modes': () => (ctx, next) => {
    if (ctx.streaming) ctx.transform(mapText((text) => text.toUpperCase(), { holdBack: 0 }))
    return next()
  },
  'passes chunks on while the provider is still sending': () => (ctx, next) => {
    const held: StreamChunk[] = []
    ctx.transform(async (chunk, emit) => {
      held.push(chunk)
      if (chunk.type === 'finish') for (const one of held) await emit(one)
    })
    return next()
  },
  'lets an error before any content through, with no trace in the stream':
    () => async (ctx, next) => {
      try {
        return await next()
      } catch (error) {
        if (ctx.committed) throw error
        throw new Error('it went wrong')
      }
    },
  'lets an error after content through, once, with the partial answer': () => async (ctx, next) => {
    try {
      return await next()
    } catch (error) {
      if (ctx.committed) throw new Error('it broke')
      throw error
    }
  },
  'ends a generate with the abort of the caller': () => (ctx, next) => {
    ctx.options.signal?.addEventListener('abort', () => {})
    return next()
  },
  'keeps two calls at once apart': () => (ctx, next) => {
    ctx.transform((chunk, emit) => {
      if (chunk.type === 'text-delta') shared.push(chunk)
      const last = chunk.type === 'text-delta' ? shared.at(-2) : undefined
      return emit(last ?? chunk)
    })
    return next()
  },
  'gives the provider the messages it was given': () => (ctx, next) => {
    ctx.request = { ...ctx.request, messages: ctx.request.messages.slice(1) }
    return next()
  },
  'unwinds once when a call is aborted': () => async (_ctx, next) => {
    try {
      return await next()
    } catch {
      return new Promise(() => {})
    }
  },
}

it.each(Object.entries(broken))(
  'fails by name if a layer breaks a rule: %s',
  async (promise, make) => {
    const failures = await checkMiddleware(make, { patienceMs: 300 })
    expect(failures.map(({ name }) => name)).toContain(promise)
  },
)

it('gives up on a check that never ends, and continues', async () => {
  const hanging = (): Middleware => async (_ctx, next) => {
    const answer = await next()
    await new Promise(() => {})
    return answer
  }
  const failures = await checkMiddleware(hanging, { patienceMs: 50 })
  expect(failures.map(({ message }) => message)).toContain('it had not ended after 50 ms')
  expect(failures.map(({ name }) => name)).not.toContain(
    'calls no provider once the signal has fired',
  )
})
