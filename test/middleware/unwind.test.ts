/**
 * Figure 28: whatever the outcome of a call, each layer is left exactly once for each time it was
 * entered, innermost first.
 */
import { expect, it } from 'vitest'
import { deadline } from '../../middleware/deadline.js'
import { log } from '../../middleware/log.js'
import { params } from '../../middleware/params.js'
import { timeout } from '../../middleware/timeout.js'
import type { ChatRequest, StreamChunk } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import {
  type Middleware,
  RateLimitError,
  StreamInterruptedError,
  TimeoutError,
} from '../../src/core/index.js'
import { type Step, say, scripted, start, untilAborted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'

const request: ChatRequest = {
  model: 'scripted/m',
  messages: [{ role: 'user', content: 'Hi' }],
}
const hel: StreamChunk = { type: 'text-delta', text: 'Hel' }
const endless: readonly Step[] = [start(), hel, untilAborted]
const read = async (stream: AsyncIterable<StreamChunk>) => {
  for await (const _ of stream);
}
const generate = (ai: Client) => ai.generate(request)
const stream = (ai: Client) => read(ai.stream(request))

interface Outcome {
  readonly steps: readonly Step[]
  readonly run: (ai: Client) => Promise<unknown>
  /** The layer in the middle. */
  readonly layer?: Middleware
}

const clock = fakeClock()

const outcomes: Readonly<Record<string, Outcome>> = {
  'a whole answer': { steps: say('Hello'), run: generate },
  'a streamed answer': { steps: say('Hello'), run: stream },
  'a refusal': { steps: [new RateLimitError('no')], run: generate },
  'a failure before content': { steps: [start(), new RateLimitError('no')], run: stream },
  'a failure after content': { steps: [start(), hel, new StreamInterruptedError('')], run: stream },
  'no terminal event': { steps: [start(), hel], run: stream },
  'a timer of the transport': {
    steps: [new TimeoutError('', { phase: 'headers' })],
    run: generate,
  },
  'a deadline': {
    steps: [start(), hel, () => clock.advance(60_000), untilAborted],
    run: stream,
  },
  'an abort of the caller': {
    steps: endless,
    run: async (ai) => {
      const controller = new AbortController()
      for await (const chunk of ai.stream(request, { signal: controller.signal }))
        if (chunk.type === 'text-delta') controller.abort()
    },
  },
  'a consumer that leaves': {
    steps: endless,
    run: async (ai) => {
      for await (const chunk of ai.stream(request)) if (chunk.type === 'text-delta') break
    },
  },
  'a transform that throws': {
    steps: say('Hello'),
    run: stream,
    layer: (ctx, next) => {
      ctx.transform(() => {
        throw new RangeError('odd')
      })
      return next()
    },
  },
  'a layer that answers by itself': {
    steps: say('Hello'),
    run: generate,
    layer: async (ctx, next) => {
      const answer = await next()
      ctx.response = { ...answer, text: 'Mine' }
    },
  },
}

it.each(Object.entries(outcomes))('%s', async (_, { steps, run, layer }) => {
  const seen: string[] = []
  const watch =
    (name: string): Middleware =>
    async (_, next) => {
      seen.push(`+${name}`)
      try {
        return await next()
      } finally {
        seen.push(`-${name}`)
      }
    }
  const provider = scripted([steps])
  const use = [
    watch('1'),
    log({ to: { info: () => {}, error: () => {} } }),
    watch('2'),
    deadline(60_000, { clock }),
    watch('3'),
    ...(layer ? [layer] : []),
    watch('4'),
    timeout(),
    params(),
    watch('5'),
  ]
  await run(createClient({ providers: [provider], use })).catch(() => {})
  expect(seen).toEqual(['+1', '+2', '+3', '+4', '+5', '-5', '-4', '-3', '-2', '-1'])
  expect(provider.open()).toBe(0)
  expect(clock.pending()).toBe(0)
})
