/**
 * Equal defects have equal outcomes: defect × adapter × mode, with and without `standard()`, over a
 * real socket.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { standard } from '../../../middleware/standard.js'
import type { ChatRequest } from '../../../src/chat/index.js'
import { BadRequestError, type TetradError } from '../../../src/core/index.js'
import { type MockServer, mockServer, say } from '../../../src/testing/index.js'
import { clientOf, models, type Name, names } from '../../wire/support.js'
import { type Defect, defects, type Outcome } from './defects.js'
import { itemsIn } from './wires.js'

let server: MockServer

beforeAll(async () => {
  server = await mockServer([], { strict: false })
  server.reply(say('Fine.'))
})
afterAll(() => server.close())

const stacks = { bare: [], standard: standard({ retry: { attempts: 1 } }) }
const modes = ['generate', 'stream'] as const

/** The request body that is sent, and the warnings that are reported. */
async function outcome(
  name: Name,
  { messages, request }: Defect,
  mode: (typeof modes)[number],
  stack: keyof typeof stacks,
): Promise<Outcome> {
  const ai = clientOf(server, ...stacks[stack])
  // histories are untyped: they may come from a database
  const asked = {
    model: models[name],
    messages,
    tools: [{ type: 'function', function: { name: 'look' } }],
    ...request,
  } as unknown as ChatRequest
  const before = server.requests.length
  try {
    const reply = mode === 'generate' ? await ai.generate(asked) : await ai.stream(asked).response
    expect(reply.text).toBe('Fine.')
    expect(server.requests).toHaveLength(before + 1)
    return {
      items: itemsIn(name, server.requests.at(-1)?.body),
      warns: reply.warnings.map(({ code, param }) => `${code} ${param}`),
    }
  } catch (error) {
    if (!(error instanceof BadRequestError)) throw error
    expect(server.requests).toHaveLength(before)
    expect(error.status).toBe(400)
    return { error: String((error as TetradError).code) }
  }
}

/** The differences that the table allows. */
function expected(name: Name, { items, warns, error, but }: Defect): Outcome {
  const own: Outcome = but?.[name] ?? {
    ...(items && { items }),
    ...(warns && { warns }),
    ...(error && { error }),
  }
  return own.error ? { error: own.error } : { items: own.items ?? [], warns: own.warns ?? [] }
}

describe.each(Object.keys(stacks) as (keyof typeof stacks)[])('with the stack %s', (stack) => {
  describe.each(names)('%s', (name) => {
    test.each(defects)('$name', async (defect) => {
      const wanted = expected(name, defect)
      for (const mode of modes) {
        const { warns = [], ...got } = await outcome(name, defect, mode, stack)
        const { warns: codes = [], ...rest } = wanted
        expect(got, mode).toEqual(rest)
        expect(new Set(warns), mode).toEqual(new Set(codes))
      }
    })
  })
})

test('the table covers enough defects', () => {
  expect(defects.length).toBeGreaterThan(80)
})
