/**
 * Misuse by untyped callers: no options or an invalid value is a `MisuseError` that names the
 * layer.
 */
import OpenAI from 'openai'
import { expect, it } from 'vitest'
import { budget } from '../../middleware/budget.js'
import { conversation } from '../../middleware/conversation.js'
import { deadline } from '../../middleware/deadline.js'
import { fallback } from '../../middleware/fallback.js'
import { guard } from '../../middleware/guard.js'
import { hear } from '../../middleware/hear.js'
import { limit } from '../../middleware/limit.js'
import { log } from '../../middleware/log.js'
import { telemetry } from '../../middleware/telemetry.js'
import { MisuseError } from '../../src/core/index.js'
import { createInbox } from '../../src/inbox/index.js'
import { openaiClient } from '../../src/openai/index.js'
import { memoryStore } from '../../src/store/index.js'
import { cassette } from '../../src/testing/index.js'

/** Any factory, as an untyped program calls it. */
type Factory = (...options: unknown[]) => unknown
const untyped = (factory: unknown) => factory as Factory

const needy = {
  budget,
  conversation,
  deadline,
  fallback,
  guard,
  hear,
  limit,
  createInbox,
  cassette,
}

it.each(Object.entries(needy))('%s() without options', (name, factory) => {
  for (const options of [[], [{}]])
    expect(() => untyped(factory)(...options)).toThrow(expect.toSatisfy(isMisuseOf(name)))
})

const wrong: readonly (readonly [string, unknown, readonly unknown[]])[] = [
  ['conversation', conversation, [{ store: memoryStore(), id: 'c', media: 'lats' }]],
  ...[0, -1, Number.NaN, 'ten'].map(
    (maxMessages) =>
      ['conversation', conversation, [{ store: memoryStore(), id: 'c', maxMessages }]] as const,
  ),
  ['guard', guard, [{ output: /bomb/ }]],
  ['guard', guard, [{ input: true, output: () => true }]],
  ['log', log, [{ content: true }]],
  ['log', log, [{ to: 'console' }]],
  ['telemetry', telemetry, [{ content: true }]],
  ['openaiClient', openaiClient, [{}]],
  ['openaiClient', openaiClient, [{}, new OpenAI({ apiKey: 'none' })]],
]

it.each(wrong)('%s() with an invalid argument (%#)', (name, factory, options) => {
  expect(() => untyped(factory)(...options)).toThrow(expect.toSatisfy(isMisuseOf(name)))
})

const isMisuseOf = (name: string) => (error: unknown) =>
  error instanceof MisuseError && error.message.includes(`${name}()`)
