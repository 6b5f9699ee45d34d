/** Recorded responses, played over a socket in several splits, compared with a minimal reader. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type ChatResponse,
  isObject,
  parseJson,
  type StreamChunk,
} from '../../../src/chat/index.js'
import { accumulate, isTetradError } from '../../../src/core/index.js'
import { anthropic } from '../../../src/providers/anthropic/index.js'
import { callOf, type Reply, read, serve } from './support.js'

interface Recording {
  readonly model: string
  readonly status: number
  readonly sse?: string
  readonly body?: unknown
  readonly want: {
    readonly status?: number
    readonly error?: { readonly message: string }
    readonly text: string
    readonly reasoning: string
    readonly tools: readonly { readonly name: string; readonly args: string }[]
    readonly finish: string
    readonly usage: Readonly<Record<'prompt' | 'completion' | 'total' | 'cached' | 'write', number>>
  }
}

const folder = new URL('../../fixtures/anthropic/', import.meta.url)
const recordings = readdirSync(folder).map(
  (name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Recording] as const,
)
const withStatus = (isRefused: boolean) =>
  recordings.filter(([, { status }]) => status >= 400 === isRefused)

const splits: Readonly<Record<string, (body: Buffer) => Iterable<Uint8Array>>> = {
  whole: (body) => [body],
  *lines(body) {
    for (let from = 0; from < body.length; ) {
      const to = body.indexOf(10, from) + 1 || body.length
      yield body.subarray(from, to)
      from = to
    }
  },
  *oddly(body) {
    for (let from = 0, size = 1; from < body.length; from += size, size = ((size * 7 + 3) % 61) + 1)
      yield body.subarray(from, from + size)
  },
}

const play = async ({ model, status, sse, body }: Recording, cuts: Reply['cuts']) => {
  const server = await serve({
    status,
    body: sse ?? JSON.stringify(body),
    ...(sse !== undefined && { headers: { 'content-type': 'text/event-stream' } }),
    ...(cuts && { cuts }),
  })
  try {
    const adapter = anthropic({ apiKey: 'key', baseURL: server.baseURL })
    const request = { model, messages: [{ role: 'user' as const, content: 'Hello' }] }
    if (sse === undefined) return await adapter.generate?.(request, callOf().call)
    const chunks: StreamChunk[] = []
    for await (const some of adapter.generateStream(request, callOf().call))
      chunks.push(...[some].flat())
    return accumulate(chunks)
  } finally {
    await server.close()
  }
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}

/** The response in the format of the minimal reader. */
const plainly = ({
  message,
  finish_reason,
  usage,
}: Pick<ChatResponse, 'message' | 'finish_reason' | 'usage'>) => ({
  text: message.content ?? '',
  reasoning: message.reasoning_content?.replace(/\s+/g, '') ?? '',
  tools: (message.tool_calls ?? []).map((call) =>
    call.type === 'function'
      ? {
          name: call.function.name,
          args: JSON.stringify(sorted(parseJson(call.function.arguments))),
        }
      : call,
  ),
  finish: finish_reason,
  usage: {
    prompt: usage.prompt_tokens,
    completion: usage.completion_tokens,
    total: usage.total_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
    write: usage.prompt_tokens_details?.cache_creation_tokens ?? 0,
  },
})

describe('a recorded response', () => {
  describe.each(Object.entries(splits))('split %s', (_, cuts) => {
    it.each(withStatus(false))('%s is read correctly', async (_, recording) => {
      const answer = await play(recording, cuts)
      const { text, reasoning, tools, finish, usage } = recording.want
      expect(answer && plainly(answer)).toEqual({
        text,
        reasoning: reasoning.replace(/\s+/g, ''),
        tools,
        finish,
        usage,
      })
    })
  })

  it.each(recordings.filter(([, { sse }]) => sse !== undefined))(
    '%s is incomplete before its last event',
    (_, { sse = '', model }) => {
      const events = sse
        .split('\n')
        .flatMap((line) => (line.startsWith('data:') ? [JSON.parse(line.slice(5))] : []))
      for (let count = 0; count < events.length; count++)
        expect(read(events.slice(0, count), { model }).isWhole).toBe(false)
      expect(read(events, { model }).isWhole).toBe(true)
    },
  )

  it.each(withStatus(true))(
    "%s is a typed error with the provider's message",
    async (_, recording) => {
      const error = await play(recording, undefined).catch((thrown: unknown) => thrown)
      expect(isTetradError(error) && error.status).toBe(recording.want.status)
      expect(String(error)).toContain(recording.want.error?.message)
    },
  )

  it.each(withStatus(false))('%s is sent back block by block', async (_, recording) => {
    const answer = await play(recording, undefined)
    const message = JSON.parse(JSON.stringify(answer?.message))
    expect(message.native).toMatchObject({ v: 1, provider: 'anthropic' })
    if (!message.native.content) return
    const results = (message.tool_calls ?? []).map(({ id }: { id: string }) => ({
      role: 'tool',
      tool_call_id: id,
      content: 'done',
    }))
    const converted = anthropic().convertMessages?.(
      [{ role: 'user', content: 'a' }, message, ...results, { role: 'user', content: 'b' }],
      recording.model,
    )
    const { messages } = converted as { messages: { content: unknown }[] }
    // an internal marker: it is sent beside the messages
    const isContainer = (block: unknown) => isObject(block) && block.type === 'container'
    const isBlank = (block: unknown) =>
      isObject(block) && block.type === 'text' && String(block.text).trim() === ''
    expect(messages[1]?.content).toEqual(
      message.native.content.filter((one: unknown) => !isBlank(one) && !isContainer(one)),
    )
  })
})
