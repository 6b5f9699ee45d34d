/**
 * An in-process provider: the same script, no wire. For tests of middleware and apps that need no
 * server.
 */
import {
  type Capabilities,
  type ChatRequest,
  estimateTokens,
  type StreamChunk,
  unknownUsage,
} from '../chat/index.js'
import {
  AbortError,
  type Call,
  type ErrorDetails,
  MisuseError,
  type ProviderAdapter,
  StreamInterruptedError,
  type TetradError,
  UnexpectedResponseError,
} from '../core/index.js'
import { errorOf } from '../transport/index.js'
import { chunksOfReply } from './chunks-of-reply.js'
import { aborted, type Clock, settled, systemClock } from './clock.js'
import { type Queue, queueOf, ScriptEndedError, type Step } from './queue.js'
import { idsOf } from './random.js'
import type { Reply } from './reply.js'
import type { Failure, ReplySpec } from './script.js'
import { openaiFailure } from './wires/openai.js'

/** One step of a scripted provider: a reply, or a function that returns one for the request. */
export type ScriptedStep = Step<ChatRequest>

export interface ScriptedOptions {
  /** @default 'scripted' */
  readonly name?: string
  /** Bare model names that it serves. */
  readonly models?: RegExp
  readonly capabilities?: Partial<Capabilities>
  /** Clock of `delay()` and `created`. @default the system's */
  readonly clock?: Clock
}

export interface ScriptedProvider extends ProviderAdapter {
  /** The calls, in order. */
  readonly calls: readonly { readonly request: ChatRequest; readonly call: Call }[]
  /** Number of unfinished calls. */
  readonly open: number
  /** Number of unused replies. */
  readonly left: number
  /** Adds replies to the end of the script. */
  script(...steps: readonly ScriptedStep[]): void
  /** Sets the reply after the end of the script; without it a call is a `MisuseError`. */
  reply(step: ScriptedStep): void
}

/**
 * A provider that answers from a script. `cut`, `stall`, `hold`, `failAfter` count chunks,
 * including `start`; options of a wire only (splits, framing, edits) are ignored.
 *
 * @example
 * ```ts
 * const provider = scripted([fail(503), say('Hello')])
 * const ai = createClient({ providers: [provider], use: [retry()] })
 * const reply = await ai.generate({ model: 'scripted/any', messages })
 * reply.text              // 'Hello'
 * provider.calls.length   // 2
 * ```
 */
export function scripted(
  script: ScriptedStep | readonly ScriptedStep[] = [],
  options: ScriptedOptions = {},
): ScriptedProvider {
  const { name = 'scripted', models, capabilities, clock = systemClock } = options
  const queue = queueOf(script)
  const calls: { request: ChatRequest; call: Call }[] = []
  let open = 0
  return {
    name,
    ...(models && { models }),
    calls,
    get open() {
      return open
    },
    get left() {
      return queue.left
    },
    capabilities: () => ({ known: true, rules: [], ...capabilities }),
    convertMessages: (messages) => messages,
    countTokens: async ({ messages }) => estimateTokens(JSON.stringify(messages)),
    async *generateStream(request, call) {
      const index = calls.push({ request, call }) - 1
      open++
      try {
        const { spec } = await nextReply(queue, request)
        yield* play(spec, { request, call, name, clock, index })
      } finally {
        open--
      }
    },
    script: (...steps) => queue.add(steps),
    reply: (step) => queue.fallBackTo(step),
  }
}

async function nextReply(queue: Queue<ChatRequest>, request: ChatRequest): Promise<Reply> {
  try {
    return await queue.next(request)
  } catch (error) {
    if (error instanceof ScriptEndedError) throw new MisuseError(error.message, { cause: error })
    throw error
  }
}

interface Playing {
  readonly request: ChatRequest
  readonly call: Call
  readonly name: string
  readonly clock: Clock
  readonly index: number
}

async function* play(spec: ReplySpec, playing: Playing): AsyncGenerator<StreamChunk> {
  const { call, name, clock, index } = playing
  const model = spec.model ?? playing.request.model
  const { delay, stall } = spec.delivery
  if (delay) await clock.wait(delay.firstMs, call.signal)
  if (stall === 'headers') await aborted(call.signal)
  throwIfAborted(call)
  if (spec.failure) throw failureOf(spec.failure, playing)
  if (spec.raw) throw unexpected(spec, playing)
  const id = idsOf(index)
  const created = Math.floor(clock.now() / 1000)
  const text = JSON.stringify(playing.request)
  const chunks = chunksOfReply(spec, { provider: name, model, created, id, text })
  for (const [sent, chunk] of chunks.entries()) {
    await stops({ sent, isLast: false }, spec, playing)
    if (delay) await clock.wait(delay.eachMs, call.signal)
    throwIfAborted(call)
    if (chunk.type === 'finish' && chunk.usage !== unknownUsage) call.onUsage(chunk.usage)
    yield chunk
  }
  await stops({ sent: chunks.length, isLast: true }, spec, playing)
}

/** Applies the script's holds, stall, failure and cut after `sent` chunks. */
async function stops(
  { sent, isLast }: { readonly sent: number; readonly isLast: boolean },
  spec: ReplySpec,
  playing: Playing,
): Promise<void> {
  const { cut, stall, holds } = spec.delivery
  const isHere = (after: number) => Math.floor(after) === sent || (isLast && after > sent)
  for (const { after, until } of holds) {
    if (isHere(after)) await Promise.race([settled(until), aborted(playing.call.signal)])
  }
  if (typeof stall === 'number' && isHere(stall)) await aborted(playing.call.signal)
  throwIfAborted(playing.call)
  if (spec.failAfter && isHere(spec.failAfter.after)) {
    throw failureOf(spec.failAfter.failure, playing)
  }
  if (cut && isHere(cut.after)) throw interrupted(playing)
}

function throwIfAborted({ signal }: Call): void {
  if (signal.aborted) throw new AbortError(undefined, { cause: signal.reason })
}

/** Uses OpenAI's messages. */
function failureOf(failure: Failure, { name, request, index }: Playing): TetradError {
  const id = idsOf(index)
  const context = { provider: 'openai', model: request.model, body: {}, created: 0, id } as const
  const { status, headers, body } = openaiFailure(failure, {
    ...context,
    requestId: id('req_', 32),
  })
  const refusal = { status, headers: new Headers(headers), body, model: request.model }
  return errorOf(refusal, { provider: name })
}

const detailsOf = ({ name, request }: Playing): ErrorDetails => ({
  provider: name,
  model: request.model,
  retryable: true,
  maybeBilled: true,
})

const interrupted = (playing: Playing) =>
  new StreamInterruptedError(`The stream of ${playing.name} was cut by the script`, {
    ...detailsOf(playing),
    phase: 'stream',
    code: 'truncated',
  })

function unexpected({ raw }: ReplySpec, playing: Playing): TetradError {
  const status = raw?.status ?? 200
  if (status >= 400) {
    const refusal = { status, body: undefined, model: playing.request.model }
    return errorOf(refusal, { provider: playing.name })
  }
  return new UnexpectedResponseError(
    `${playing.name} answered with something that is not a response`,
    {
      ...detailsOf(playing),
      status,
    },
  )
}
