/**
 * A row of the hardening checklist: one call and its expected outcome, or a small program of its
 * own.
 */
import { expect } from 'vitest'
import { type StandardOptions, standard } from '../../middleware/standard.js'
import type { ChatRequest, StreamChunk, Warning } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import type { CallOptions, Middleware, TetradError } from '../../src/core/index.js'
import { type MockServer, mockServer, type Step, say } from '../../src/testing/index.js'
import { fakeClock } from '../middleware/fake-clock.js'
import { adapters, drain, type Outcome } from '../wire/support.js'

export type HardeningCase = CallCase | OwnCase

interface Row {
  /**
   * The number in the checklist. Several rows may share one: one per provider, or both sides of a
   * choice.
   */
  readonly id: number
  /** The behaviour a user may rely on. */
  readonly title: string
}

export type Mode = 'generate' | 'stream'
export const modes: readonly Mode[] = ['generate', 'stream']

/** One call, made in both modes. */
export interface CallCase extends Row {
  readonly model: string
  /** `user: Hi` by default. Untyped: it may come from a database. */
  readonly messages?: readonly unknown[]
  readonly request?: Readonly<Record<string, unknown>>
  readonly options?: CallOptions
  /**
   * Options of the standard stack, or a stack. @default standard() with a clock that needs no
   * waiting
   */
  readonly stack?: StandardOptions | readonly Middleware[]
  /** @default one text response */
  readonly script?: readonly Step[]
  readonly modes?: readonly Mode[]
  /** False: the server does not validate like the provider. */
  readonly strict?: false
  readonly expects: Expectation
}

export interface Expectation {
  /** Of the last request, as the server received it: it has these members. */
  readonly body?: object
  /** Of the last request: these paths are absent, such as `tools.0.strict`. */
  readonly lacks?: readonly string[]
  readonly path?: RegExp
  /** All warnings, each as its code and parameter: `dropped seed`. @default none */
  readonly warns?: readonly string[]
  readonly error?: abstract new (...args: never[]) => TetradError
  /** Words of the message that name the remedy. */
  readonly names?: readonly string[]
  /** Members of the response, or of the error. */
  readonly answer?: object
  /** Of the response: these paths are absent. */
  readonly without?: readonly string[]
  /** Requests sent to the provider. @default one, none if an error is expected */
  readonly requests?: number
  /** Milliseconds waited before each retry. */
  readonly waits?: readonly number[]
}

/** A program that is no single call. */
export interface OwnCase extends Row {
  readonly run: () => Promise<void> | void
}

export interface Setting {
  readonly script?: readonly Step[] | undefined
  readonly stack?: CallCase['stack'] | undefined
  readonly strict?: boolean | undefined
}

export interface Scene {
  readonly ai: Client
  readonly server: MockServer
  /** Milliseconds of each wait for a retry. */
  readonly waits: readonly number[]
}

/**
 * Jitter is fixed at its middle: a back-off is half its span, and every wait is a twentieth longer.
 */
const random = () => 0.5

/** A client of all providers in front of a server of its own. */
export async function onServer<T>(
  { script = [say('Fine.')], stack = {}, strict = true }: Setting,
  act: (scene: Scene) => Promise<T>,
): Promise<T> {
  await using server = await mockServer(script, { strict })
  const clock = fakeClock({ jumps: true })
  const use = Array.isArray(stack)
    ? (stack as readonly Middleware[])
    : standard({ retry: { clock, random }, ...(stack as StandardOptions) })
  const ai = createClient({ providers: adapters(server), use })
  return await act({ ai, server, waits: clock.waits })
}

/** Reads one stream to its end. */
export const streamed = (
  model: string,
  script: readonly Step[],
  more: Partial<ChatRequest> = {},
): Promise<Outcome> =>
  onServer({ script }, ({ ai }) =>
    drain(ai.stream({ model, messages: [{ role: 'user', content: 'Hi' }], ...more })),
  )

/** The error that a promise rejects with. */
export const failure = (pending: Promise<unknown>): Promise<TetradError> =>
  pending.then(
    (value) => expect.fail(`no error, but ${JSON.stringify(value)}`),
    // a client throws only errors of the package
    (error: unknown) => error as TetradError,
  )

export const ofType = <T extends StreamChunk['type']>(chunks: readonly StreamChunk[], type: T) =>
  chunks.filter((chunk): chunk is Extract<StreamChunk, { type: T }> => chunk.type === type)

export const shortOf = ({ code, param }: Warning): string =>
  param === undefined ? code : `${code} ${param}`

export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}

// -- histories ------------------------------------------------------------------------------------

export const user = (content: unknown = 'Hi') => ({ role: 'user', content })
export const system = (content: unknown) => ({ role: 'system', content })
export const assistant = (content: unknown, more: object = {}) => ({
  role: 'assistant',
  content,
  ...more,
})
export const call = (id: string, name = 'look', args = '{}') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
export const calls = (...tool_calls: readonly object[]) => assistant(null, { tool_calls })
export const result = (tool_call_id: string, content: unknown = 'ok', more: object = {}) => ({
  role: 'tool',
  tool_call_id,
  content,
  ...more,
})
export const tool = (name = 'look', more: object = {}) => ({
  type: 'function',
  function: {
    name,
    parameters: { type: 'object', properties: { q: { type: 'string' } } },
    ...more,
  },
})
export const image = (url: string) => ({ type: 'image_url', image_url: { url } })
