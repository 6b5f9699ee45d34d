import { describe, expect, it } from 'vitest'
import { type Aliases, alias } from '../../middleware/alias.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { BadRequestError, MisuseError } from '../../src/core/index.js'
import { say, scripted } from '../contract/scripted.js'

const messages = [{ role: 'user', content: 'Hi' }] as const

async function requestOf(
  table: Aliases,
  request: Omit<ChatRequest, 'messages'>,
  aliases?: Record<string, string>,
) {
  const provider = scripted([say('Hello')])
  const ai = createClient({ providers: [provider], use: [alias(table)] })
  await ai.generate({ messages, ...request }, { aliases })
  const { messages: _, ...rest } = provider.calls[0]?.request ?? {}
  return rest
}

describe('alias', () => {
  it('replaces a short name with the full one', async () => {
    expect(await requestOf({ fast: 'scripted/small' }, { model: 'fast' })).toEqual({
      model: 'small',
    })
  })

  it('leaves other names alone', async () => {
    expect(await requestOf({ fast: 'scripted/small' }, { model: 'scripted/big' })).toEqual({
      model: 'big',
    })
  })

  it('follows a chain', async () => {
    const table = { default: 'fast', fast: 'small', small: 'scripted/small-2' }
    expect(await requestOf(table, { model: 'default' })).toEqual({ model: 'small-2' })
  })

  it.each([
    [{ a: 'a' }],
    [{ a: 'b', b: 'a' }],
    [{ x: 'a', a: 'b', b: { model: 'c' }, c: 'a' }],
  ] as readonly [Aliases][])('rejects the cycle in %j at construction', (table) => {
    expect(() => alias(table)).toThrow(MisuseError)
  })

  it('rejects a cycle created by the table of a call, before any request', async () => {
    const provider = scripted([say('Hello')])
    const ai = createClient({ providers: [provider], use: [alias({ a: 'b' })] })
    const call = ai.generate({ model: 'a', messages }, { aliases: { b: 'a' } })
    await expect(call).rejects.toBeInstanceOf(BadRequestError)
    expect(provider.calls).toHaveLength(0)
  })

  it('the table of a call takes precedence for that call', async () => {
    const table = { fast: 'scripted/small', other: 'scripted/other' }
    const own = { fast: 'scripted/tiny' }
    expect(await requestOf(table, { model: 'fast' }, own)).toEqual({ model: 'tiny' })
    expect(await requestOf(table, { model: 'other' }, own)).toEqual({ model: 'other' })
    expect(await requestOf(table, { model: 'fast' })).toEqual({ model: 'small' })
  })

  it('adds default parameters; those of the request take precedence, then those nearest to the name', async () => {
    const table: Aliases = {
      smart: { model: 'big', temperature: 0, top_p: 0.5 },
      big: { model: 'scripted/big', temperature: 1, seed: 7, user: 'app' },
    }
    expect(await requestOf(table, { model: 'smart', user: 'ann' })).toEqual({
      model: 'big',
      temperature: 0,
      top_p: 0.5,
      seed: 7,
      user: 'ann',
    })
  })

  it('treats an undefined parameter as missing', async () => {
    const table: Aliases = { smart: { model: 'scripted/big', temperature: 0 } }
    expect(await requestOf(table, { model: 'smart', temperature: undefined })).toEqual({
      model: 'big',
      temperature: 0,
    })
  })

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'treats %s as a name only where it is an own key',
    async (name) => {
      const provider = scripted([say('Hello')])
      const ai = createClient({ providers: [provider], use: [alias({ fast: 'scripted/small' })] })
      const call = ai.generate({ model: name, messages }, { aliases: { other: 'fast' } })
      await expect(call).rejects.toBeInstanceOf(BadRequestError)
      expect(await requestOf({ [name]: 'scripted/small' }, { model: name })).toEqual({
        model: 'small',
      })
    },
  )

  it('is named in the error for an unknown model, wherever the table comes from', async () => {
    const providers = [scripted([say('Hello')])]
    const ai = createClient({ providers, use: [alias({ fast: 'scripted/small', smart: 'fast' })] })
    const request = { model: 'fsat', messages }
    const known = {
      code: 'unknown_model',
      message: expect.stringMatching(/"fsat".*scripted, or an alias: fast, smart$/),
    }
    await expect(ai.generate(request)).rejects.toMatchObject(known)
    await expect(ai.stream(request).response).rejects.toMatchObject(known)
    await expect(ai.countTokens(request)).rejects.toMatchObject(known)
    expect(() => ai.capabilities('fsat')).toThrow(expect.objectContaining(known))
  })
})
