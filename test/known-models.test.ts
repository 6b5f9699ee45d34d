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
