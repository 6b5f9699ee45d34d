/** `checkAdapter`: the contract of an adapter as a suite for any test runner. */
import { getEventListeners } from 'node:events'
import type { ChatRequest, ChatResponse, StreamChunk } from '../chat/index.js'
import { createClient } from '../client.js'
import { AbortError, type CallOptions, isTetradError, type ProviderAdapter } from '../core/index.js'
import { type CheckFailure, type Checks, ensure, nameOf, runChecks } from './check.js'
import { callTool, fail, type Reply, say } from './reply.js'
import type { FailureKind } from './script.js'
import type { MockServer } from './server.js'

export interface CheckAdapterOptions {
  /** Model name for the checks, without the adapter's name. @default 'check-model' */
  readonly model?: string
  /** Timeout of each wait. Milliseconds. @default 2_000 */
  readonly patienceMs?: number
}

/**
 * Runs the contract suite of the package's own adapters, and returns the failed checks by name: an
 * empty list is a pass. Without a server it makes real calls, two or three for each check; with a
 * `mockServer` of the adapter's wire, texts, usage, calls, refusals, cuts and sockets are checked
 * too. Nothing else may use the server.
 *
 * @example
 * const server = await mockServer()
 * const own = compatible({ name: 'own', ...server.options('compatible') })
 * assert.deepEqual(await checkAdapter(own, server), [])
 */
export async function checkAdapter(
  adapter: ProviderAdapter,
  server?: MockServer,
  options: CheckAdapterOptions = {},
): Promise<readonly CheckFailure[]> {
  const subject = new Subject(adapter, server, options)
  const begin = () => {
    server?.reply(say('Hello wide world').usage({ prompt_tokens: 40, completion_tokens: 7 }))
    return subject
  }
  const failures = await runChecks(shape, begin)
  // without a valid adapter nothing else can be checked
  if (failures.length > 0) return failures
  return runChecks({ ...checks, ...(server && serverChecks) }, begin)
}

type Mode = 'generate' | 'stream'
const modes: readonly Mode[] = ['generate', 'stream']

class Subject {
  /** Number of unfinished generators. */
  open = 0
  readonly signals: AbortSignal[] = []
  readonly model: string
  readonly patienceMs: number

  constructor(
    readonly adapter: ProviderAdapter,
    private readonly given: MockServer | undefined,
    options: CheckAdapterOptions,
  ) {
    this.model = options.model ?? 'check-model'
    this.patienceMs = options.patienceMs ?? 2_000
  }

  /** For the checks that need one. */
  get server(): MockServer {
    if (!this.given) throw new Error('a check of the server ran without one')
    return this.given
  }

  get client() {
    return createClient({ providers: [this.observed()] })
  }

  get timeouts() {
    const { patienceMs } = this
    return { headersMs: patienceMs, idleBytesMs: patienceMs, idleEventsMs: patienceMs }
  }

  request(text = 'Name a river.'): ChatRequest {
    const model = `${this.adapter.name}/${this.model}`
    return { model, messages: [{ role: 'user', content: text }] }
  }

  ask(mode: Mode, options: CallOptions = {}, request = this.request()): Promise<ChatResponse> {
    const { client, timeouts } = this
    const asked = { timeouts, ...options }
    return mode === 'generate'
      ? client.generate(request, asked)
      : client.stream(request, asked).response
  }

  async failing(mode: Mode, reply: Reply, options?: CallOptions): Promise<unknown> {
    this.server.reply(reply)
    try {
      await this.ask(mode, options)
    } catch (error) {
      return error
    }
    throw new Error(`${mode}: it was read as an answer`)
  }

  /** True once the condition holds; false after `patienceMs`. */
  async eventually(isSo: () => boolean): Promise<boolean> {
    for (const until = performance.now() + this.patienceMs; performance.now() < until; ) {
      if (isSo()) return true
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return isSo()
  }

  private observed(): ProviderAdapter {
    const subject = this
    const { adapter } = this
    return {
      ...adapter,
      ...(adapter.capabilities && { capabilities: (model) => adapter.capabilities?.(model) }),
      ...(adapter.generate && {
        generate: (request, call) => {
          subject.signals.push(call.signal)
          return adapter.generate?.(request, call) as never
        },
      }),
      async *generateStream(request, call) {
        subject.open++
        subject.signals.push(call.signal)
        try {
          yield* adapter.generateStream(request, call)
        } finally {
          subject.open--
        }
      },
    }
  }
}

const shape: Checks<Subject> = {
  'has the shape of an adapter': ({ adapter }) => void createClient({ providers: [adapter] }),
}

const checks: Checks<Subject> = {
  'capabilities are data': ({ client, adapter, model }) => {
    for (const name of [model, 'a-model-that-nobody-has', 'constructor']) {
      const ask = () => JSON.stringify(client.capabilities(`${adapter.name}/${name}`))
      const first = ask()
      ensure(first === ask(), `capabilities of ${name} differ from one time to the next`)
    }
  },

  'convertMessages is pure': ({ adapter, model }) => {
    const messages = [{ role: 'user', content: 'Hi' }] as const
    const before = JSON.stringify(messages)
    adapter.convertMessages?.(messages, model)
    ensure(JSON.stringify(messages) === before, 'convertMessages changed what it was given')
  },

  'streams a whole answer': async (subject) => {
    const chunks: StreamChunk[] = []
    const { timeouts } = subject
    for await (const chunk of subject.client.stream(subject.request(), { timeouts }))
      chunks.push(chunk)
    ensure(chunks[0]?.type === 'start', 'the first chunk is not a start')
    ensure(chunks.at(-1)?.type === 'finish', 'the last chunk is not a finish')
  },

  'answers a plain call': async (subject) => {
    const answer = await subject.ask('generate')
    ensure(answer.message.role === 'assistant', 'the message is not that of an assistant')
  },

  'leaves the request as it was': async (subject) => {
    for (const mode of modes) {
      const request = subject.request()
      const before = JSON.stringify(request)
      await subject.ask(mode, {}, request)
      ensure(JSON.stringify(request) === before, `${mode}: the request was changed`)
    }
  },

  'counts with whole numbers': async (subject) => {
    for (const mode of modes) {
      const { usage } = await subject.ask(mode)
      ensure(usage.total_tokens > 0, `${mode}: no usage`)
      ensure(
        !usage.estimated,
        `${mode}: it reported no usage, or a count that is not a whole number from 0`,
      )
    }
  },

  'ends when it is aborted': async (subject) => {
    const { timeouts } = subject
    const stream = subject.client.stream(subject.request(), { timeouts })
    const error = await (async () => {
      for await (const _ of stream) stream.abort(new Error('left'))
    })().catch((thrown: unknown) => thrown)
    ensure(error === undefined || error instanceof AbortError, `it ended with ${nameOf(error)}`)
    const isOver = await subject.eventually(() => subject.open === 0)
    subject.open = 0
    ensure(isOver, 'its generator went on after the abort')
  },

  'leaves no listener on the signal': async (subject) => {
    for (const mode of modes) {
      await subject.ask(mode)
      const signal = subject.signals.at(-1)
      const count = signal ? getEventListeners(signal, 'abort').length : 0
      ensure(count === 0, `${mode}: ${count} listeners are left`)
    }
  },
}

const classes: Partial<Record<FailureKind, string>> = {
  bad_request: 'BadRequestError',
  auth: 'AuthenticationError',
  permission: 'PermissionDeniedError',
  not_found: 'NotFoundError',
  rate_limit: 'RateLimitError',
  server_error: 'InternalServerError',
  overloaded: 'ServiceUnavailableError',
}

const serverChecks: Checks<Subject> = {
  'gives the text of the server in both modes': async (subject) => {
    for (const mode of modes) {
      const { text, finish_reason } = await subject.ask(mode)
      ensure(text === 'Hello wide world', `${mode}: ${JSON.stringify(text)}`)
      ensure(finish_reason === 'stop', `${mode}: finish_reason is ${finish_reason}`)
    }
  },

  'gives the usage of the server': async (subject) => {
    for (const mode of modes) {
      const { prompt_tokens, completion_tokens } = (await subject.ask(mode)).usage
      const isRight = prompt_tokens === 40 && completion_tokens === 7
      ensure(isRight, `${mode}: ${prompt_tokens} and ${completion_tokens}, not 40 and 7`)
    }
  },

  'gives tool calls': async (subject) => {
    subject.server.reply(callTool('get_weather', { city: 'Rome' }))
    for (const mode of modes) {
      const { message, finish_reason } = await subject.ask(mode)
      const [call] = message.tool_calls ?? []
      ensure(finish_reason === 'tool_calls', `${mode}: finish_reason is ${finish_reason}`)
      ensure(
        call?.type === 'function' && JSON.parse(call.function.arguments).city === 'Rome',
        `${mode}: the call was lost`,
      )
    }
  },

  'sends the request once': async (subject) => {
    for (const mode of modes) {
      const before = subject.server.requests.length
      await subject.ask(mode)
      const sent = subject.server.requests.slice(before)
      ensure(sent.length === 1, `${mode}: ${sent.length} requests`)
      ensure(
        JSON.stringify(sent[0]?.body).includes('Name a river.'),
        `${mode}: the message is lost`,
      )
    }
  },

  'keeps calls apart': async (subject) => {
    subject.server.reply(({ body }) => say(/number-\d/.exec(JSON.stringify(body))?.[0] ?? ''))
    const asked = Array.from({ length: 10 }, (_, i) => `number-${i}`)
    const answers = await Promise.all(
      asked.map((text, i) => subject.ask(modes[i % 2] ?? 'stream', {}, subject.request(text))),
    )
    ensure(
      answers.every(({ text }, i) => text === asked[i]),
      'an answer went to another call',
    )
  },

  'maps an error status to its class, and leaves retries to retry()': async (subject) => {
    for (const [kind, expected] of Object.entries(classes))
      for (const mode of modes) {
        const before = subject.server.requests.length
        const error = await subject.failing(mode, fail(kind as FailureKind))
        const count = subject.server.requests.length - before
        ensure(
          nameOf(error) === expected,
          `${mode}: ${kind} became ${nameOf(error)}, not ${expected}`,
        )
        const { provider } = isTetradError(error) ? error : {}
        ensure(provider === subject.adapter.name, `${mode}: ${kind} does not name the adapter`)
        ensure(count === 1, `${mode}: it sent ${count} requests`)
      }
  },

  'reports how long to wait': async (subject) => {
    for (const mode of modes) {
      const error = await subject.failing(mode, fail(429, { retryAfter: 2 }))
      const { retryAfterMs } = isTetradError(error) ? error : {}
      ensure(retryAfterMs === 2_000, `${mode}: retryAfterMs is ${retryAfterMs}, not 2000`)
    }
  },

  'reports a cut stream as an error': async (subject) => {
    for (const how of ['end', 'destroy'] as const) {
      const error = await subject.failing('stream', say('one two three four').cut(3, how))
      ensure(nameOf(error) === 'StreamInterruptedError', `${how}: it became ${nameOf(error)}`)
    }
  },

  'closes the socket when it is aborted': async (subject) => {
    subject.server.reply(say('one two three').stall(2))
    const before = subject.server.requests.length
    const leaving = new AbortController()
    const asked = subject.ask('stream', { signal: leaving.signal }).catch(() => {})
    const request = await subject.server.request(before)
    leaving.abort()
    await asked
    let isClosed = false
    void request.closed.then(() => {
      isClosed = true
    })
    ensure(await subject.eventually(() => isClosed), 'its connection stayed open')
  },

  'reports the response': async (subject) => {
    const { attempts } = await subject.ask('stream')
    ensure(attempts[0]?.headers !== undefined, 'it never called call.onResponse')
  },
}
