/** What every middleware keeps, whatever else it does. Run with `middlewareContract('retry', () => retry())`. */
import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { ChatRequest, ChatResponse, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  BadRequestError,
  type ChatStream,
  type Middleware,
  StreamInterruptedError,
} from '../../src/core/index.js'
import {
  deepFreeze,
  type Scripted,
  type Step,
  say,
  scripted,
  start,
  untilAborted,
} from './scripted.js'

const request: ChatRequest = deepFreeze({
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

const refusal = () => new BadRequestError('scripted: no', { status: 400 })
const interruption = () =>
  new StreamInterruptedError('scripted: cut', { maybeBilled: true, retryable: true })

const hello = (): StreamChunk => ({ type: 'text-delta', text: 'Hello ' })

type Outcome = 'complete' | 'refused' | 'interrupted' | 'aborted' | 'left'

/** How a call can end, and what the provider does on the way. */
const outcomes: Readonly<Record<Outcome, readonly Step[]>> = {
  complete: say('Hello wide world'),
  refused: [refusal()],
  interrupted: [start(), hello(), interruption()],
  aborted: [start(), hello(), untilAborted],
  left: [start(), hello(), untilAborted],
}

export interface ContractOptions {
  /** The words `Hello ` do not leave by themselves: the layer waits for the sentence, or for the whole turn. */
  readonly holds?: 'sentence' | 'turn'
  /** Messages that the layer puts behind those of the system. */
  readonly adds?: number
}

/**
 * The suite for one middleware. `factory` makes a new one for each test; it must let an ordinary answer through: a layer
 * that answers by itself, or edits text, gets tests of its own.
 */
export function middlewareContract(
  name: string,
  factory: () => Middleware,
  { holds, adds = 0 }: ContractOptions = {},
): void {
  /** The layer between two that count how often they are entered and left. */
  const stackOn = (provider: Scripted) => {
    const counts = { entered: 0, left: 0, insideEntered: 0, insideLeft: 0 }
    const outside: Middleware = async (_, next) => {
      counts.entered++
      try {
        return await next()
      } finally {
        counts.left++
      }
    }
    const inside: Middleware = async (_, next) => {
      counts.insideEntered++
      try {
        return await next()
      } finally {
        counts.insideLeft++
      }
    }
    const ai = createClient({ providers: [provider], use: [outside, factory(), inside] })
    return { ai, counts }
  }

  const collect = async (stream: AsyncIterable<StreamChunk>) => {
    const chunks: StreamChunk[] = []
    const error = await (async () => {
      for await (const chunk of stream) chunks.push(chunk)
    })().catch((thrown: unknown) => thrown)
    return { chunks, error, text: textOf(chunks) }
  }

  /** A layer that waits for the whole turn: not one chunk of it leaves before. */
  const showsNothing = async () => {
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const { ai } = stackOn(scripted([[start(), hello(), arrive, untilAborted]]))
    const stream = ai.stream(request)
    const collected = collect(stream)
    await arrived
    stream.abort()
    expect((await collected).chunks).toEqual([])
  }

  describe(`middleware contract: ${name}`, () => {
    it('gives the same answer in both modes', async () => {
      const whole = await stackOn(scripted([say('Hello wide world')])).ai.generate(request)
      const stream = stackOn(scripted([say('Hello wide world')])).ai.stream(request)
      const { text } = await collect(stream)
      const streamed = await stream.response
      expect(comparable(streamed)).toEqual(comparable(whole))
      expect(whole.text).toBe('Hello wide world')
      expect(text).toBe(whole.text)
    })

    it('hands chunks on while the provider still talks', async () => {
      if (holds === 'turn') return showsNothing()
      const more: StreamChunk = { type: 'text-delta', text: 'there.\nYou' }
      const { ai } = stackOn(scripted([[start(), hello(), ...(holds ? [more] : []), untilAborted]]))
      for await (const chunk of ai.stream(request))
        if (chunk.type === 'text-delta') {
          expect(chunk.text).toMatch(/^Hello /)
          break
        }
    })

    it('lets an error before any content through, with no trace in the stream', async () => {
      const { ai } = stackOn(scripted([[start(), refusal()]]))
      const { chunks, error } = await collect(ai.stream(request))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(chunks).toEqual([])
      await expect(ai.generate(request)).rejects.toBeInstanceOf(BadRequestError)
    })

    it('lets an error after content through, once, with all that was said', async () => {
      const provider = scripted([outcomes.interrupted])
      const { text, error } = await collect(stackOn(provider).ai.stream(request))
      expect(error).toBeInstanceOf(StreamInterruptedError)
      expect(text).toBe(holds ? '' : 'Hello ')
      if (holds) expect(error).not.toHaveProperty('partial.text', 'Hello ')
      else expect(error).toMatchObject({ partial: { text: 'Hello ', finish_reason: null } })
      expect(provider.calls).toHaveLength(1)
    })

    it.each(['generate', 'stream'] as const)('ends a %s with the caller’s abort', async (mode) => {
      const controller = new AbortController()
      const provider = scripted([
        [start(), hello(), () => controller.abort(new Error('user left')), untilAborted],
      ])
      const { ai } = stackOn(provider)
      const options = { signal: controller.signal }
      const call =
        mode === 'generate'
          ? ai.generate(request, options)
          : collect(ai.stream(request, options)).then(({ error }) => Promise.reject(error))
      await expect(call).rejects.toBeInstanceOf(AbortError)
      expect(provider.calls).toHaveLength(1)
      expect(provider.open()).toBe(0)
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    })

    it('asks nobody once the signal has fired', async () => {
      const provider = scripted([say('Hello')])
      const { ai } = stackOn(provider)
      const call = ai.generate(request, { signal: AbortSignal.abort() })
      await expect(call).rejects.toBeInstanceOf(AbortError)
      expect(provider.calls).toHaveLength(0)
    })

    it('keeps two calls at once apart', async () => {
      const answers = ['one two three', 'four five six', 'seven eight nine']
      const provider = scripted(({ user = '' }) => say(user).flatMap((chunk) => [tick, chunk]))
      const { ai } = stackOn(provider)
      const asked = answers.flatMap((user) => [
        ai.generate({ ...request, user }).then(({ text }) => text),
        collect(ai.stream({ ...request, user })).then(({ text }) => text),
      ])
      expect(await Promise.all(asked)).toEqual(answers.flatMap((answer) => [answer, answer]))
    })

    it('gives the provider the messages it was given', async () => {
      const provider = scripted([say('Hello')])
      await stackOn(provider).ai.generate(request)
      const asked = provider.calls[0]?.request
      expect(asked?.messages.toSpliced(1, adds)).toEqual(request.messages)
      expect(asked).toMatchObject({ temperature: 0.5, metadata: { topic: 'rivers' } })
    })

    it.each(Object.keys(outcomes) as Outcome[])(
      'unwinds once when a call is %s',
      async (outcome) => {
        let arrive = () => {}
        const arrived = new Promise<void>((resolve) => {
          arrive = resolve
        })
        const steps = outcomes[outcome].flatMap((step) =>
          step === untilAborted ? [arrive, step] : [step],
        )
        const provider = scripted([steps])
        const { ai, counts } = stackOn(provider)
        if (holds) await endUnseen(ai.stream(request), outcome, arrived)
        else await end(ai.stream(request), outcome)
        expect(counts).toMatchObject({ entered: 1, left: 1 })
        expect(counts.insideEntered).toBeGreaterThan(0)
        expect(counts.insideLeft).toBe(counts.insideEntered)
        expect(provider.open()).toBe(0)
      },
    )
  })
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

const textOf = (chunks: readonly StreamChunk[]): string =>
  chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.text : '')).join('')

/** What two runs of one call may differ in is left out: names and times that are made anew. */
function comparable({ id, created, request_id, attempts, ...rest }: ChatResponse) {
  return {
    ...rest,
    attempts: attempts.map(({ provider, model, status, usage, warnings }) => {
      return { provider, model, status, usage, warnings }
    }),
  }
}

/** Resolves when the stack has unwound. */
async function end(stream: ChatStream, outcome: Outcome): Promise<void> {
  try {
    for await (const chunk of stream) {
      if (chunk.type !== 'text-delta') continue
      if (outcome === 'left') return
      if (outcome === 'aborted') stream.abort()
    }
  } catch {
    // which error it is, the other tests ask
    await stream.response.catch(() => {})
  }
}

/** The same where nothing has been shown yet: the consumer waits for its first chunk. */
async function endUnseen(stream: ChatStream, outcome: Outcome, arrived: Promise<void>) {
  if (outcome !== 'aborted' && outcome !== 'left') return end(stream, outcome)
  const iterator = stream[Symbol.asyncIterator]()
  const reading = iterator.next().catch(() => {})
  await arrived
  if (outcome === 'aborted') stream.abort()
  else await iterator.return?.()
  await reading
}
