/**
 * Adapters that each break one rule of the contract: how the core handles them, and what
 * `checkAdapter` reports.
 */
import type { Call, ProviderAdapter } from '../../src/core/index.js'

type Stream = (call: Call) => AsyncGenerator<unknown>

export const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const start = { type: 'start', id: 'a', model: 'm', provider: 'own', created: 1 }
const text = { type: 'text-delta', text: 'Hel' }
const finish = { type: 'finish', finish_reason: 'stop', usage }

/** Broken on purpose, so no type fits. */
const adapterOf = (members: object): ProviderAdapter =>
  ({ name: 'own', convertMessages: (messages: unknown) => messages, ...members }) as never

/** In `generate` the stream is accumulated. */
export const streaming = (stream: Stream, members: object = {}): ProviderAdapter =>
  adapterOf({ generateStream: (_: unknown, call: Call) => stream(call), ...members })

/** Only the `generate` mode is broken. */
const answering = (generate: (call: Call) => unknown): ProviderAdapter =>
  streaming(emits(start, text, finish), { generate: (_: unknown, call: Call) => generate(call) })

const emits = (...chunks: readonly unknown[]): Stream =>
  async function* () {
    for (const chunk of chunks) yield chunk
  }

const throws = (thrown: unknown, ...before: readonly unknown[]): Stream =>
  async function* () {
    yield* before
    throw thrown
  }

const forever = () => new Promise<never>(() => {})

const silentAfter = (...before: readonly unknown[]): Stream =>
  async function* () {
    yield* before
    await forever()
  }

export const good = () => streaming(emits(start, text, finish))

const fetchFailed = (code?: string) =>
  new TypeError('fetch failed', code ? { cause: Object.assign(new Error(code), { code }) } : {})

export interface Broken {
  readonly adapter: () => ProviderAdapter
  readonly error: string
  readonly code?: string
  /** Requests sent with `retry()`. @default 1 */
  readonly tries?: number
  readonly partial?: string
  readonly modes?: readonly ('generate' | 'stream')[]
}

const bad = { error: 'UnexpectedResponseError', code: 'bad_chunk', tries: 2 } as const
const stream = ['stream'] as const
const generate = ['generate'] as const

export const broken: Readonly<Record<string, Broken>> = {
  'a stream without finish': {
    adapter: () => streaming(emits(start, text)),
    error: 'StreamInterruptedError',
    code: 'truncated',
    partial: 'Hel',
  },
  'a stream of nothing': {
    adapter: () => streaming(emits()),
    error: 'StreamInterruptedError',
    tries: 2,
  },
  'no generator': {
    adapter: () => adapterOf({ generateStream: () => undefined }),
    error: 'UnexpectedResponseError',
    code: 'adapter_failed',
  },
  'a chunk of an unknown type': {
    adapter: () => streaming(emits(start, text, { type: 'delta' }, finish)),
    ...bad,
    partial: 'Hel',
  },
  'a chunk that is text': { adapter: () => streaming(emits(start, 'Hello', finish)), ...bad },
  'a chunk that is nothing': { adapter: () => streaming(emits(start, undefined, finish)), ...bad },
  'text that is a list': {
    adapter: () => streaming(emits(start, { type: 'text-delta', text: ['x'] }, finish)),
    ...bad,
  },
  'a delta of a call that nobody started': {
    adapter: () =>
      streaming(emits(start, { type: 'tool-call-delta', index: 0, arguments: '{}' }, finish)),
    ...bad,
  },
  'a call that starts twice': {
    adapter: () => {
      const call = { type: 'tool-call-start', index: 0, id: 'c', name: 'f' }
      return streaming(emits(start, call, call, finish))
    },
    ...bad,
    partial: '',
  },
  'a call without an end': {
    adapter: () =>
      streaming(emits(start, { type: 'tool-call-start', index: 0, id: 'c', name: 'f' }, finish)),
    ...bad,
    partial: '',
  },
  'arguments that are an object': {
    adapter: () =>
      streaming(
        emits(
          start,
          { type: 'tool-call-start', index: 0, id: 'c', name: 'f' },
          { type: 'tool-call-delta', index: 0, arguments: {} },
          finish,
        ),
      ),
    ...bad,
    partial: '',
  },
  'content before start': { adapter: () => streaming(emits(text, finish)), ...bad },
  'content behind finish': {
    adapter: () => streaming(emits(start, text, finish, text)),
    ...bad,
    partial: 'Hel',
  },
  'an unknown reason to finish': {
    adapter: () => streaming(emits(start, text, { ...finish, finish_reason: 'end' })),
    ...bad,
    partial: 'Hel',
  },
  'an answer that is nothing': {
    adapter: () => answering(async () => undefined),
    error: 'UnexpectedResponseError',
    code: 'bad_answer',
    tries: 2,
    modes: generate,
  },
  'an answer without members': {
    adapter: () => answering(async () => ({})),
    error: 'UnexpectedResponseError',
    code: 'bad_answer',
    tries: 2,
    modes: generate,
  },
  'an answer whose content is a list': {
    adapter: () =>
      answering(async () => ({ message: { role: 'assistant', content: [{ type: 'text' }] } })),
    error: 'UnexpectedResponseError',
    code: 'bad_answer',
    tries: 2,
    modes: generate,
  },
  'an answer with half a call': {
    adapter: () =>
      answering(async () => ({
        message: { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function' }] },
      })),
    error: 'UnexpectedResponseError',
    code: 'bad_answer',
    tries: 2,
    modes: generate,
  },
  'a generate that throws at once': {
    adapter: () =>
      answering(() => {
        throw new Error('no')
      }),
    error: 'UnexpectedResponseError',
    code: 'adapter_failed',
    modes: generate,
  },
  'a generate that rejects with nothing': {
    adapter: () => answering(() => Promise.reject(undefined)),
    error: 'UnexpectedResponseError',
    code: 'adapter_failed',
    modes: generate,
  },
  'a thrown string': {
    adapter: () => streaming(throws('no')),
    error: 'UnexpectedResponseError',
    code: 'adapter_failed',
  },
  'a plain error in the middle': {
    adapter: () => streaming(throws(new Error('no'), start, text)),
    error: 'StreamInterruptedError',
    partial: 'Hel',
  },
  'fetch failed': {
    adapter: () => streaming(throws(fetchFailed())),
    error: 'APIConnectionError',
    tries: 3,
  },
  'fetch failed, with its cause': {
    adapter: () => streaming(throws(fetchFailed('ECONNREFUSED'))),
    error: 'APIConnectionError',
    code: 'ECONNREFUSED',
    tries: 3,
  },
  'a certificate': {
    adapter: () => streaming(throws(fetchFailed('CERT_HAS_EXPIRED'))),
    error: 'APIConnectionError',
    code: 'CERT_HAS_EXPIRED',
  },
  'a timer of its own': {
    adapter: () => streaming(throws(new DOMException('late', 'TimeoutError'))),
    error: 'TimeoutError',
    tries: 3,
  },
  'an SDK error with a status': {
    adapter: () => streaming(throws(Object.assign(new Error('slow'), { status: 429 }))),
    error: 'RateLimitError',
    tries: 3,
  },
  'a refused key': {
    adapter: () => streaming(throws(Object.assign(new Error('key'), { status: 401 }))),
    error: 'AuthenticationError',
  },
  'a body that is not JSON': {
    adapter: () => answering(async () => JSON.parse('<html>')),
    error: 'UnexpectedResponseError',
    code: 'bad_json',
    tries: 2,
    modes: generate,
  },
  'silence that ignores the signal': {
    adapter: () => streaming(silentAfter()),
    error: 'TimeoutError',
    tries: 3,
  },
  'silence after the first words': {
    adapter: () => streaming(silentAfter(start, text)),
    error: 'TimeoutError',
    partial: 'Hel',
  },
  'a generate that never settles': {
    adapter: () => answering(forever),
    error: 'TimeoutError',
    tries: 3,
    modes: generate,
  },
  'a cleanup that never ends': {
    adapter: () =>
      streaming(async function* () {
        try {
          yield start
          yield { type: 'nonsense' }
        } finally {
          await forever()
        }
      }),
    ...bad,
    tries: 2,
    modes: stream,
  },
}
