/** `checkMiddleware`: the contract of every layer, as a suite for any test runner. */
import { getEventListeners } from 'node:events'
import type { ChatRequest, ChatResponse, StreamChunk } from '../chat/index.js'
import { type Client, createClient } from '../client.js'
import type { CallOptions, ChatStream, Middleware } from '../core/index.js'
import {
  type CheckFailure,
  type Checks,
  checkFactory,
  ensure,
  equal,
  nameOf,
  runChecks,
  within,
} from './check.js'
import { type Reply, say } from './reply.js'
import { scripted } from './scripted.js'

export interface CheckMiddlewareOptions {
  /**
   * How much of the answer the layer holds before it emits text.
   * @default text is emitted as it arrives
   */
  readonly holds?: 'sentence' | 'turn' | undefined
  /** Number of messages that it inserts after the system messages. @default 0 */
  readonly adds?: number | undefined
  /** State of each call. @default none */
  readonly state?: object | undefined
  /** Timeout of each check. Milliseconds. @default 10_000 */
  readonly patienceMs?: number | undefined
}

type Made = Middleware<never> | readonly Middleware<never>[]

/**
 * Runs the contract suite of our own layers on yours, and returns the failed checks: none for a
 * valid layer. `make` is called for each check. The layer must pass an ordinary answer unchanged:
 * one that answers by itself or edits text needs its own tests. Throws `MisuseError` for a layer
 * instead of a factory.
 *
 * @example
 * expect(await checkMiddleware(() => timing())).toEqual([])
 */
export async function checkMiddleware(
  make: () => Made,
  options: CheckMiddlewareOptions = {},
): Promise<readonly CheckFailure[]> {
  checkFactory(make, 'checkMiddleware(() => timing())')
  const { patienceMs = 10_000 } = options
  const timed: Checks<Bench> = Object.fromEntries(
    Object.entries(checks).map(([name, check]) => [
      name,
      (bench: Bench) => within(patienceMs, Promise.resolve(check(bench))),
    ]),
  )
  return runChecks(timed, () => new Bench(make, options))
}

const text = 'Hello wide world'
const words = say(text, {
  chunks: ['Hello ', 'wide ', 'world'],
  usage: { prompt_tokens: 10, completion_tokens: 5 },
})
/** After the start and one text chunk. */
const afterHello = 2

const request: ChatRequest = freeze({
  model: 'scripted/model-1',
  messages: [
    { role: 'system', content: 'Be short.' },
    { role: 'user', content: [{ type: 'text', text: 'Name a river.' }] },
  ],
  temperature: 0.5,
  stop: ['\n'],
  metadata: { topic: 'rivers' },
  provider_options: { scripted: { extra: [1, { deep: true }] } },
} satisfies ChatRequest)

/** How a call can end, and the reply of the provider for it. */
const outcomes = {
  complete: words,
  refused: words.failAfter(1, 'bad_request'),
  interrupted: words.cut(afterHello),
  aborted: words.stall(afterHello),
  left: words.stall(afterHello),
} satisfies Record<string, Reply>

/** The layer between two others that count how often they are entered and left. */
class Bench {
  readonly provider = scripted()
  readonly counts = { entered: 0, left: 0, insideEntered: 0, insideLeft: 0 }
  /**
   * Resolves when the first text has entered the layer; in `generate`, where text arrives at once,
   * before the provider is called.
   */
  readonly arrived: Promise<void>
  #arrive = () => {}
  readonly ai: Pick<Client, 'generate' | 'stream'>

  constructor(
    private readonly make: () => Made,
    readonly options: CheckMiddlewareOptions,
  ) {
    const { counts, provider } = this
    this.arrived = new Promise((resolve) => {
      this.#arrive = resolve
    })
    const outside: Middleware = async (_, next) => {
      counts.entered++
      return next().finally(() => counts.left++)
    }
    const inside: Middleware = async (ctx, next) => {
      counts.insideEntered++
      ctx.transform(async (chunk, emit) => {
        await emit(chunk)
        if (chunk.type === 'text-delta') this.#arrive()
      })
      if (!ctx.streaming) this.#arrive()
      return next().finally(() => counts.insideLeft++)
    }
    const client = createClient({
      providers: [provider],
      // the state it needs is in the options
      use: [outside, ...([make()].flat() as unknown as Middleware[]), inside],
    })
    const { state } = options
    const stated = (more?: CallOptions) => ({ ...more, ...(state && { state }) }) as CallOptions
    this.ai = {
      // the client has the types of a format
      generate: (request, more) => client.generate(request, stated(more)) as never,
      stream: (request, more) => client.stream(request, stated(more)) as never,
    }
  }

  anew(): Bench {
    return new Bench(this.make, this.options)
  }

  /** Sets the reply of the provider for every call. */
  says(reply: Reply): this {
    this.provider.reply(reply)
    return this
  }
}

const checks: Checks<Bench> = {
  'gives the same answer in both modes': async (bench) => {
    const whole = await bench.says(outcomes.complete).ai.generate(request)
    const stream = bench.anew().says(outcomes.complete).ai.stream(request)
    const { said } = await collect(stream)
    equal(whole.text, text, 'the text')
    equal(said, text, 'the text of the stream')
    equal(comparable(await stream.response), comparable(whole), 'the answer of the stream')
  },

  'passes chunks on while the provider is still sending': async (bench) => {
    const { holds } = bench.options
    const line = say('Hello there.\nYou', { chunks: ['Hello ', 'there.\nYou'] })
    const { ai, arrived } = bench.says(line.stall(holds === 'sentence' ? 3 : afterHello))
    const stream = ai.stream(request)
    if (holds === 'turn') {
      const collected = collect(stream)
      await arrived
      stream.abort()
      return equal((await collected).chunks, [], 'what was shown of an incomplete turn')
    }
    for await (const chunk of stream)
      if (chunk.type === 'text-delta')
        return ensure(chunk.text.startsWith('Hello '), `the first text is '${chunk.text}'`)
  },

  'lets an error before any content through, with no trace in the stream': async (bench) => {
    const { ai } = bench.says(outcomes.refused)
    const { chunks, error } = await collect(ai.stream(request))
    equal(nameOf(error), 'BadRequestError', 'the stream ended with')
    equal(chunks, [], 'what was shown before the error')
    equal(await failureOf(ai.generate(request)), 'BadRequestError', 'generate ended with')
  },

  'lets an error after content through, once, with the partial answer': async (bench) => {
    const { ai, provider, options } = bench.says(outcomes.interrupted)
    const { said, error } = await collect(ai.stream(request))
    equal(nameOf(error), 'StreamInterruptedError', 'it ended with')
    equal(said, options.holds ? '' : 'Hello ', 'what was shown')
    // the class of the error was checked
    const { partial } = error as { readonly partial?: { readonly text: string } }
    equal(partial?.text ?? '', said, 'the partial answer of the error')
    equal(provider.calls.length, 1, 'calls of the provider')
  },

  'ends a generate with the abort of the caller': (bench) =>
    abortBy(bench, (options) => bench.ai.generate(request, options)),

  'ends a stream with the abort of the caller': (bench) =>
    abortBy(bench, async (options) => {
      const { error } = await collect(bench.ai.stream(request, options))
      if (error) throw error
    }),

  'calls no provider once the signal has fired': async (bench) => {
    const { ai, provider } = bench.says(outcomes.complete)
    const call = ai.generate(request, { signal: AbortSignal.abort() })
    equal(await failureOf(call), 'AbortError', 'it ended with')
    equal(provider.calls.length, 0, 'calls of the provider')
  },

  'keeps two calls at once apart': async ({ ai, provider }) => {
    provider.reply(({ user = '' }) => say(user).delay({ eachMs: 0 }))
    const asked = ['one two three', 'four five six', 'seven eight nine'].flatMap((user) => [
      ai.generate({ ...request, user }).then((answer) => [user, answer.text]),
      collect(ai.stream({ ...request, user })).then(({ said }) => [user, said]),
    ])
    for (const [user, answer] of await Promise.all(asked)) equal(answer, user, 'an answer')
  },

  'gives the provider the messages it was given': async (bench) => {
    const { ai, provider, options } = bench.says(outcomes.complete)
    await ai.generate(request)
    const { messages = [], temperature, metadata } = provider.calls[0]?.request ?? {}
    const { adds = 0 } = options
    equal([...messages.slice(0, 1), ...messages.slice(1 + adds)], request.messages, 'messages')
    equal([temperature, metadata], [request.temperature, request.metadata], 'parameters')
  },

  ...Object.fromEntries(
    Object.entries(outcomes).map(([outcome, reply]) => [
      `unwinds once when a call is ${outcome}`,
      (bench: Bench) => unwind(bench.says(reply), outcome),
    ]),
  ),
}

async function abortBy(bench: Bench, call: (options: CallOptions) => Promise<unknown>) {
  const { provider, arrived } = bench.says(outcomes.aborted)
  const controller = new AbortController()
  const { signal } = controller
  const failure = failureOf(call({ signal }))
  await Promise.race([arrived, failure])
  controller.abort(new Error('user left'))
  equal(await failure, 'AbortError', 'it ended with')
  equal([provider.calls.length, provider.open], [1, 0], 'calls of the provider, and open ones')
  equal(getEventListeners(signal, 'abort').length, 0, 'listeners left on the signal')
}

async function unwind({ ai, arrived, counts, provider }: Bench, outcome: string): Promise<void> {
  const stream = ai.stream(request)
  const iterator = stream[Symbol.asyncIterator]()
  const reading = failureOf(readOn(iterator))
  if (outcome === 'aborted' || outcome === 'left') {
    await Promise.race([arrived, reading])
    if (outcome === 'aborted') stream.abort()
    else await iterator.return?.()
  }
  await reading
  await stream.response.catch(() => {})
  const { entered, left, insideEntered, insideLeft } = counts
  equal([entered, left], [1, 1], 'entered and left')
  ensure(insideEntered > 0, 'what is inside was never entered')
  equal(insideLeft, insideEntered, 'how often what is inside was left')
  equal(provider.open, 0, 'open calls of the provider')
}

async function readOn(iterator: AsyncIterator<StreamChunk>): Promise<void> {
  while (!(await iterator.next()).done);
}

async function collect(stream: ChatStream) {
  const chunks: StreamChunk[] = []
  let error: unknown
  try {
    for await (const chunk of stream) chunks.push(chunk)
  } catch (thrown) {
    error = thrown
  }
  const said = chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.text : '')).join('')
  return { chunks, error, said }
}

const failureOf = (call: Promise<unknown>): Promise<string> =>
  call.then(() => nameOf(undefined), nameOf)

/** Drops what may differ between two runs: generated ids and times. */
function comparable({ id: _, created, request_id, attempts, ...rest }: ChatResponse) {
  const facts = attempts.map(({ provider, model, status, usage, warnings }) => {
    return { provider, model, status, usage, warnings }
  })
  return { ...rest, attempts: facts }
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object') freeze(inner)
  return Object.freeze(value)
}
