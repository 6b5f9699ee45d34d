import { describe, expect, it } from 'vitest'
import { timeout } from '../../middleware/timeout.js'
import type { Timeouts } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import type { Middleware } from '../../src/core/index.js'
import { say, scripted } from '../contract/scripted.js'

const request = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] } as const

interface Setting {
  readonly given?: Timeouts
  readonly call?: Timeouts
  readonly known?: Timeouts
  readonly outside?: Timeouts
}

async function armed(mode: 'generate' | 'stream', { given, call, known, outside }: Setting) {
  const provider = scripted([say('Hello')], { capabilities: known ? { timeouts: known } : {} })
  const around: Middleware = (ctx, next) => {
    if (outside) ctx.timeouts = outside
    return next()
  }
  const ai = createClient({ providers: [provider], use: [around, timeout(given)] })
  const options = { timeouts: call }
  if (mode === 'generate') await ai.generate(request, options)
  else await ai.stream(request, options).response
  return provider.calls[0]?.call.timeouts
}

describe('timeout', () => {
  it('has defaults for a stream', async () => {
    expect(await armed('stream', {})).toEqual({
      headersMs: 60_000,
      idleBytesMs: 60_000,
      idleEventsMs: 300_000,
    })
  })

  it('gives generate ten minutes, and its bytes as long as those of a stream', async () => {
    const idle = { idleBytesMs: 60_000, idleEventsMs: 300_000 }
    expect(await armed('generate', {})).toEqual({ headersMs: 600_000, ...idle })
    const known = { headersMs: 300_000, idleBytesMs: 1 }
    expect(await armed('generate', { known })).toEqual({
      ...idle,
      headersMs: 600_000,
      idleBytesMs: 1,
    })
  })

  it('knows the needs of a model', async () => {
    const known = { headersMs: 900_000, idleBytesMs: 900_000 }
    expect(await armed('stream', { known })).toEqual({ ...known, idleEventsMs: 300_000 })
    expect(await armed('generate', { known })).toEqual({ ...known, idleEventsMs: 300_000 })
  })

  it.each(['generate', 'stream'] as const)('accepts options in a %s', async (mode) => {
    const given = { headersMs: 1, idleBytesMs: 2, idleEventsMs: 3 }
    expect(await armed(mode, { given, known: { headersMs: 9 } })).toEqual(given)
  })

  it('a call overrides each value separately', async () => {
    const setting = { given: { headersMs: 1, idleBytesMs: 2 }, call: { idleBytesMs: 7 } }
    expect(await armed('generate', setting)).toEqual({
      headersMs: 1,
      idleBytesMs: 7,
      idleEventsMs: 300_000,
    })
  })

  it('an undefined value overrides nothing', async () => {
    const setting = { given: { headersMs: undefined }, call: { headersMs: undefined } }
    expect(await armed('generate', setting)).toMatchObject({ headersMs: 600_000 })
  })

  it('keeps what an outer layer set, unless it sets the same value itself', async () => {
    const outside = { headersMs: 5, idleBytesMs: 6 }
    expect(await armed('generate', { outside, given: { headersMs: 1 } })).toEqual({
      headersMs: 1,
      idleBytesMs: 6,
      idleEventsMs: 300_000,
    })
  })
})
