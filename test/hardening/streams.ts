/** Streams: grammar, splits, ends. */
import { expect } from 'vitest'
import type { StreamChunk } from '../../src/chat/index.js'
import {
  accumulate,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
} from '../../src/core/index.js'
import { asOpenAIStream, type ChatCompletionChunk } from '../../src/openai/index.js'
import { callTool, type Reply, say, think } from '../../src/testing/index.js'
import { drain, listenersOf, models, names, textOf } from '../wire/support.js'
import { type HardeningCase, ofType, onServer, streamed } from './case.js'

const sonnet = models.anthropic
const usage = { prompt_tokens: 10, completion_tokens: 4 }
/** More events than the frame of any wire has. */
const long = say('a b c d e f g h i j k l m n o p').splitEvents()
const messages = [{ role: 'user', content: 'Hi' }] as const

const rich = () =>
  think('Hm.').say('So be it – 日本 🙂.').callTool('f', { a: 1 }, { id: 'c1' }).usage(usage)

/** The content of a stream, without splits and generated ids. */
const contentOf = (chunks: readonly StreamChunk[]) => {
  const { text, message, finish_reason } = accumulate(chunks) ?? {}
  const tool_calls = message?.tool_calls?.map((call) => 'function' in call && call.function)
  return { text, finish_reason, reasoning: message?.reasoning_content, tool_calls }
}

const framings: readonly [string, (reply: Reply) => Reply][] = [
  ['byte by byte', (reply) => reply.splitBytes(1)],
  ['with carriage returns', (reply) => reply.splitBytes(3).framing({ lineEnd: '\r\n' })],
  [
    'with comments and a byte order mark',
    (reply) => reply.splitBytes(7).framing({ noise: true, bom: true }),
  ],
  ['at random places', (reply) => reply.splitBytes({ seed: 7, max: 5 })],
]

const grammar: readonly HardeningCase[] = names.map((name) => ({
  id: 118,
  title: `a stream has one start with its id and time, and one finish; as Chat Completions one role, id and time: ${name}`,
  run: async () => {
    const { chunks, error } = await streamed(models[name], [rich()])
    expect(error).toBeUndefined()
    expect(ofType(chunks, 'start')).toHaveLength(1)
    expect(ofType(chunks, 'finish')).toHaveLength(1)
    expect(chunks[0]).toMatchObject({
      type: 'start',
      id: expect.stringMatching(/./),
      created: expect.any(Number),
      model: expect.stringMatching(/./),
      provider: name,
    })
    expect(chunks.at(-1)?.type).toBe('finish')
    const objects: ChatCompletionChunk[] = []
    for await (const object of asOpenAIStream(streamOf(chunks))) objects.push(object)
    const roles = objects.map(({ choices: [choice] }) => choice?.delta.role)
    expect(roles).toEqual(roles.map((_, at) => (at === 0 ? 'assistant' : undefined)))
    expect(new Set(objects.map(({ id }) => id)).size).toBe(1)
    expect(new Set(objects.map(({ created }) => created)).size).toBe(1)
  },
}))

const indices: readonly HardeningCase[] = names.map((name) => ({
  id: 119,
  title: `the indices of calls begin at 0 and leave none out: ${name}`,
  run: async () => {
    const reply = think('Hm.').say('So.').callTool('f', { a: 1 }).callTool('g', { b: 2 })
    const { chunks } = await streamed(models[name], [reply])
    expect(ofType(chunks, 'tool-call-start').map(({ index }) => index)).toEqual([0, 1])
    const written = (at: number) =>
      ofType(chunks, 'tool-call-delta')
        .filter(({ index }) => index === at)
        .map((chunk) => chunk.arguments)
        .join('')
    expect([written(0), written(1)]).toEqual(['{"a":1}', '{"b":2}'])
  },
}))

const whole: readonly HardeningCase[] = [
  {
    id: 120,
    title: 'a call of Claude without input has an empty object, once',
    run: async () => {
      const { chunks } = await streamed(sonnet, [callTool('f', {}).editEvents(noDeltas)])
      expect(
        ofType(chunks, 'tool-call-delta')
          .map((chunk) => chunk.arguments)
          .join(''),
      ).toBe('{}')
    },
  },
  {
    id: 120,
    title: 'an input that came with the start is the input',
    run: async () => {
      const reply = callTool('f', { a: 1 }).editEvents((events) =>
        noDeltas(events).map((event) =>
          event.event === 'content_block_start'
            ? {
                ...event,
                data: {
                  ...(event.data as object),
                  content_block: { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
                },
              }
            : event,
        ),
      )
      const { chunks } = await streamed(sonnet, [reply])
      expect(accumulate(chunks)?.message.tool_calls).toMatchObject([
        { function: { name: 'f', arguments: '{"a":1}' } },
      ])
    },
  },
]

function noDeltas<Event extends { readonly event?: string; readonly data: unknown }>(
  events: readonly Event[],
): readonly Event[] {
  return events.filter(({ event }) => event !== 'content_block_delta')
}

const cuts: readonly HardeningCase[] = names.flatMap((name) =>
  framings.map(([how, framed]) => ({
    id: 121,
    title: `a stream cut ${how} says the same: ${name}`,
    run: async () => {
      const plain = await streamed(models[name], [rich()])
      const other = await streamed(models[name], [framed(rich())])
      expect(other.error).toBeUndefined()
      expect(contentOf(other.chunks)).toEqual(contentOf(plain.chunks))
    },
  })),
)

const ends: readonly HardeningCase[] = [
  {
    id: 122,
    title: 'an overload of Claude amid the text is told, with the text',
    run: async () => {
      const reply = say('One two three four').failAfter(5, 'overloaded')
      const { chunks, error } = await streamed(sonnet, [reply])
      expect(error).toBeInstanceOf(ServiceUnavailableError)
      expect(textOf(chunks)).not.toBe('')
      expect(error?.partial).toMatchObject({ finish_reason: null, text: textOf(chunks) })
    },
  },
  {
    id: 122,
    title: 'an error in place of an event of Gemini is what it says',
    run: async () => {
      const reply = say('One two three four').failAfter(2, 'rate_limit')
      const { error } = await streamed(models.gemini, [reply])
      expect(error).toBeInstanceOf(RateLimitError)
    },
  },
  ...names.flatMap((name) =>
    (['destroy', 'end', 'reset'] as const).map(
      (how): HardeningCase => ({
        id: 123,
        title: `a stream that breaks off is an error, never a stop: ${name}, ${how}`,
        run: async () => {
          const { chunks, error } = await streamed(models[name], [long.cut(8, how)])
          expect(error).toBeInstanceOf(StreamInterruptedError)
          expect(ofType(chunks, 'finish')).toEqual([])
        },
      }),
    ),
  ),
  ...names.map(
    (name): HardeningCase => ({
      id: 126,
      title: `who leaves closes the socket, and leaves nothing behind: ${name}`,
      run: () =>
        onServer({ script: [long.stall(8), long.stall(8)] }, async ({ ai, server }) => {
          for await (const chunk of ai.stream({ model: models[name], messages }))
            if (chunk.type === 'text-delta') break
          expect(await server.requests[0]?.closed).toBe(true)
          const caller = new AbortController()
          const { error } = await drain(
            ai.stream({ model: models[name], messages }, { signal: caller.signal }),
            (chunk) => chunk.type === 'text-delta' && caller.abort(),
          )
          expect(error?.name).toBe('AbortError')
          expect(await server.requests[1]?.closed).toBe(true)
          expect(listenersOf(caller.signal)).toBe(0)
        }),
    }),
  ),
]

async function* streamOf(chunks: readonly StreamChunk[]) {
  yield* chunks
}

async function usagesOf(includeUsage: boolean) {
  const reported = {
    ...usage,
    prompt_tokens_details: { cached_tokens: 6, cache_creation_tokens: 2 },
  }
  const { chunks } = await streamed(sonnet, [say('Hi').usage(reported)])
  const usages: unknown[] = []
  for await (const object of asOpenAIStream(streamOf(chunks), { includeUsage } as never))
    if (object.usage) usages.push(object.usage)
  return { usages, whole: accumulate(chunks)?.usage }
}

const accumulation: readonly HardeningCase[] = [
  {
    id: 124,
    title: 'as Chat Completions, usage is one last chunk where it is asked for',
    run: async () => {
      const { usages } = await usagesOf(true)
      expect(usages).toMatchObject([
        { prompt_tokens: 10, total_tokens: 14, prompt_tokens_details: { cached_tokens: 6 } },
      ])
    },
  },
  {
    id: 124,
    title: 'else it is on no chunk, and still in the answer',
    run: async () => {
      const { usages, whole: accumulated } = await usagesOf(false)
      expect(usages).toEqual([])
      expect(accumulated).toMatchObject({ prompt_tokens: 10, total_tokens: 14 })
    },
  },
  ...names.map(
    (name): HardeningCase => ({
      id: 127,
      title: `the chunks of a stream fold to the answer that is not streamed: ${name}`,
      run: async () => {
        const { chunks } = await streamed(models[name], [rich()])
        const plain = await onServer({ script: [rich()] }, ({ ai }) =>
          ai.generate({ model: models[name], messages }),
        )
        const { text, finish_reason, message } = plain
        expect(contentOf(chunks)).toEqual({
          text,
          finish_reason,
          reasoning: message.reasoning_content,
          tool_calls: message.tool_calls?.map((call) => 'function' in call && call.function),
        })
        expect(accumulate(chunks)?.usage).toEqual(plain.usage)
      },
    }),
  ),
  {
    id: 127,
    title:
      'thoughts, texts and calls that alternate keep their order for the provider, each signature whole',
    run: async () => {
      const reply = think('A', { signature: 's1' })
        .say('B')
        .think('C', { signature: 's2' })
        .callTool('f')
      const { chunks } = await streamed(sonnet, [reply])
      expect(accumulate(chunks)?.message.native?.content).toMatchObject([
        { type: 'thinking', thinking: 'A', signature: 's1' },
        { type: 'text', text: 'B' },
        { type: 'thinking', thinking: 'C', signature: 's2' },
        { type: 'tool_use', name: 'f' },
      ])
    },
  },
  {
    id: 128,
    title: 'no chunks are no answer',
    run: () => {
      expect(accumulate([])).toBeUndefined()
    },
  },
]

export const streams: readonly HardeningCase[] = [
  ...grammar,
  ...indices,
  ...whole,
  ...cuts,
  ...ends,
  ...accumulation,
]
