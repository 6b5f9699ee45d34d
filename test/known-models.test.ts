/** Model names for completion are in the model tables, with a price. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { data } from '../middleware/prices/data.js'
import { createClient } from '../src/default-client.js'

const source = readFileSync(new URL('../src/chat/known-models.ts', import.meta.url), 'utf8')
const names = [...source.matchAll(/\| '([^']+)'/g)].map(([, name = '']) => name)
const ai = createClient()

it('cover all four providers, without duplicates', () => {
  const providers = new Set(names.map((name) => name.split('/')[0]))
  expect([...providers]).toEqual(['openai', 'anthropic', 'gemini', 'xai'])
  expect(new Set(names).size).toBe(names.length)
})

describe.each(names)('%s', (name) => {
  const { provider, model, known } = ai.capabilities(name)
  it('is in the model table of its provider', () => {
    expect(known).toBe(true)
  })

  it('has a price', () => {
    const rows = new Map(Object.entries(data)).get(provider) ?? []
    expect(rows.some(([pattern]) => pattern.test(model))).toBe(true)
  })
})

describe('names of platforms and gateways', () => {
  it.each([
    ['openai/gpt-4o', ['openai/openai/gpt-4o', 'openai/azure/gpt-4o', 'openai/GPT-4o']],
    ['openai/gpt-5.1', ['openai/openai/gpt-5.1', 'openai/us.openai.gpt-5.1']],
    [
      'anthropic/claude-sonnet-4-5',
      [
        'anthropic/anthropic/claude-sonnet-4.5',
        'anthropic/Claude-Sonnet-4-5',
        'anthropic/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
        'anthropic/publishers/anthropic/models/claude-sonnet-4-5',
      ],
    ],
    ['anthropic/claude-3-5-haiku', ['anthropic/anthropic/claude-3.5-haiku']],
    [
      'gemini/gemini-2.5-flash',
      [
        'gemini/google/gemini-2.5-flash',
        'gemini/publishers/google/models/gemini-2.5-flash',
        'gemini/projects/p/locations/l/publishers/google/models/gemini-2.5-flash',
      ],
    ],
    ['xai/grok-4', ['xai/x-ai/grok-4', 'xai/xai.grok-4', 'xai/Grok-4']],
  ])('have the facts of %s', (name, others) => {
    // as JSON: the conditions of rules are functions, made for each name
    const factsOf = (model: string) => JSON.stringify({ ...ai.capabilities(model), model: '' })
    expect(ai.capabilities(name).known).toBe(true)
    for (const other of others) expect(factsOf(other)).toBe(factsOf(name))
  })
})
