/**
 * Chunks a transform has emitted are delivered in order, and nothing after the end: in both modes,
 * sync and async.
 */
import { describe, expect, it } from 'vitest'
import {
  APIConnectionError,
  type Middleware,
  TetradError,
  type Transform,
} from '../../src/core/index.js'
import {
  caller,
  failure,
  fakeAdapter,
  finish,
  type Mode,
  modes,
  request,
  start,
  text,
} from './support.js'

const over = new TetradError('over the cap')
const letters = ['a', 'b', 'c', 'd'].map(text)
const oneRead = fakeAdapter([[start(), ...letters, finish()]])
const manyReads = fakeAdapter([start(), ...letters, finish()])

type End = 'abort' | 'throw' | 'abort, then emit'
const ends: readonly End[] = ['abort', 'throw', 'abort, then emit']

/** Emits two letters and ends the call at the third. */
const cap = (end: End, isAsync: boolean): Middleware =>
  function cap(ctx, next) {
    const stop: Transform = (chunk, emit) => {
      if (chunk.type !== 'text-delta' || chunk.text !== 'c') return emit(chunk)
      if (end === 'throw') throw over
      ctx.abort(over)
      if (end === 'abort, then emit') emit(chunk)
    }
    const later: Transform = async (chunk, emit) => {
      await null
      await stop(chunk, emit)
    }
    ctx.transform(isAsync ? later : stop)
    return next()
  }

const passing = (name: string, isAsync: boolean): Middleware =>
  function pass(ctx, next) {
    ctx.transform(async (chunk, emit) => {
      if (isAsync) for (let turn = 0; turn < 20; turn++) await null
      emit(chunk.type === 'text-delta' ? { ...chunk, text: `${chunk.text}${name}` } : chunk)
    })
    return next()
  }

async function outcome(mode: Mode, adapter: typeof oneRead, ...use: Middleware[]) {
  const ai = caller(adapter, ...use)
  let seen = ''
  const read = async () => {
    if (mode === 'generate') return ai.generate(request)
    for await (const chunk of ai.stream(request))
      if (chunk.type === 'text-delta') seen += chunk.text
  }
  const error = await failure(read())
  // the error contains what the outermost layer emitted
  const { partial } = error as TetradError
  return { error, seen, left: partial?.text }
}

describe.each(modes)('chunks emitted by a transform, in %s', (mode) => {
  for (const end of ends)
    for (const isAsync of [false, true])
      it(`are delivered before its ${end}${isAsync ? ', behind a promise' : ''}, and nothing after it`, async () => {
        // a generate call has its text in one chunk: the limit is reached by the start of another
        // turn
        for (const adapter of mode === 'stream' ? [oneRead, manyReads] : []) {
          const found = await outcome(mode, adapter, cap(end, isAsync))
          expect(found).toMatchObject({ error: over, seen: 'ab', left: 'ab' })
        }
        const split: Middleware = (ctx, next) => {
          ctx.transform((chunk, emit) => {
            if (chunk.type !== 'text-delta') return emit(chunk)
            for (const letter of chunk.text) emit(text(letter))
          })
          return next()
        }
        const found = await outcome(mode, oneRead, cap(end, isAsync), split)
        expect(found).toMatchObject({ error: over, left: 'ab' })
        const outside = await outcome(mode, oneRead, passing('.', true), cap(end, isAsync), split)
        expect(outside).toMatchObject({ error: over, left: 'a.b.' })
      })

  it('pass the other transforms of their layer before delivery', async () => {
    const both: Middleware = (ctx, next) => {
      ctx.transform((chunk, emit) =>
        emit(chunk.type === 'text-delta' ? { ...chunk, text: chunk.text.toUpperCase() } : chunk),
      )
      ctx.transform((chunk, emit) => {
        if (chunk.type !== 'text-delta') return emit(chunk)
        emit(text(chunk.text[0] ?? ''))
        ctx.abort(over)
      })
      return next()
    }
    expect(await outcome(mode, oneRead, both)).toMatchObject({ error: over, left: 'A' })
  })
})

describe('error.partial', () => {
  const cut = () => fakeAdapter([start(), text('secret'), new APIConnectionError('cut')])
  const mask: Middleware = (ctx, next) => {
    ctx.transform((chunk, emit) =>
      emit(chunk.type === 'text-delta' ? { ...chunk, text: '***' } : chunk),
    )
    return next()
  }
  const hold: Middleware = (ctx, next) => {
    let held = ''
    ctx.transform((chunk, emit) => {
      if (chunk.type === 'text-delta') held += chunk.text
      else if (chunk.type === 'finish') emit(text(held))
      else emit(chunk)
    })
    return next()
  }

  it.each(modes)('of a failing adapter is what left the stack, in %s', async (mode) => {
    expect((await outcome(mode, cut())).left).toBe('secret')
    expect((await outcome(mode, cut(), mask)).left).toBe('***')
    expect((await outcome(mode, cut(), hold)).left ?? '').toBe('')
    expect((await outcome(mode, cut(), hold, mask)).left ?? '').toBe('')
  })

  it.each(modes)(
    'of an answer that a transform rejects does not include that answer, in %s',
    async (mode) => {
      const refuse: Middleware = (ctx, next) => {
        ctx.transform((chunk, emit) => {
          if (chunk.type === 'text-delta') throw over
          emit(chunk)
        })
        return next()
      }
      expect((await outcome(mode, oneRead, refuse)).left ?? '').toBe('')
      expect((await outcome(mode, manyReads, refuse)).left ?? '').toBe('')
    },
  )
})
