import { describe, expect, it } from 'vitest'
import { BadRequestError, MisuseError, type ProviderAdapter } from '../../src/core/index.js'
import { createRegistry } from '../../src/providers/index.js'

const adapter = (name: string, models?: RegExp): ProviderAdapter => ({
  name,
  ...(models && { models }),
  capabilities: () => ({ known: false, rules: [] }),
  convertMessages: () => [],
  async *generateStream() {},
})

const registry = createRegistry([
  adapter('openai', /^(gpt-|o\d)/),
  adapter('anthropic', /^claude-/g),
  adapter('local'),
])

const resolve = (model: string) => {
  const found = registry.resolve(model)
  return [found.adapter.name, found.model]
}

describe('createRegistry', () => {
  it.each([
    ['openai/gpt-5', 'openai', 'gpt-5'],
    ['openai/ft:gpt-4o:org::id', 'openai', 'ft:gpt-4o:org::id'],
    ['local/meta-llama/Llama-3/instruct', 'local', 'meta-llama/Llama-3/instruct'],
    ['local/openai/gpt-5', 'local', 'openai/gpt-5'],
    ['gpt-5', 'openai', 'gpt-5'],
    ['o3', 'openai', 'o3'],
    ['claude-sonnet-4-5', 'anthropic', 'claude-sonnet-4-5'],
    ['gpt-oss/20b', 'openai', 'gpt-oss/20b'],
  ])('%s resolves to %s and %s', (asked, name, model) => {
    expect(resolve(asked)).toEqual([name, model])
  })

  it('resolves the same each time, also for a stateful pattern', () => {
    for (let left = 3; left > 0; left--)
      expect(resolve('claude-opus-4')).toEqual(['anthropic', 'claude-opus-4'])
  })

  it.each([
    'mistral/large',
    'unknown',
    'OpenAI/gpt-5',
    '/gpt-5',
    'local/',
    'local',
    '',
    '__proto__',
  ])('finds no provider for %j', (model) => {
    expect(() => registry.resolve(model)).toThrow(BadRequestError)
  })

  it('lists the known providers, and has the code', () => {
    expect(() => registry.resolve('mistral/large')).toThrow(
      expect.objectContaining({
        code: 'unknown_model',
        status: 400,
        message: expect.stringMatching(/mistral\/large.*openai.*anthropic.*local/),
      }),
    )
  })

  it.each(['constructor/x', '__proto__/x', 'toString/x', 'hasOwnProperty'])(
    'ignores prototype names: %s',
    (model) => {
      expect(() => registry.resolve(model)).toThrow(BadRequestError)
    },
  )

  it('treats a model that is no string as unknown', () => {
    // untyped callers
    expect(() => registry.resolve(undefined as never)).toThrow(BadRequestError)
  })

  it('rejects two providers of one name', () => {
    expect(() => createRegistry([adapter('a'), adapter('b'), adapter('a')])).toThrow(MisuseError)
  })

  it.each(['', 'a/b'])('rejects the name %j, which no model could match', (name) => {
    expect(() => createRegistry([adapter(name)])).toThrow(MisuseError)
  })
})
