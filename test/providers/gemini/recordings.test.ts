/** Recorded responses over a socket, split in several ways, compared with a minimal reader. */
import { readdirSync, readFileSync } from 'node:fs'
import { GoogleGenAI } from '@google/genai'
import { describe, expect, it } from 'vitest'
import {
  type ChatResponse,
  isObject,
  parseJson,
  type StreamChunk,
} from '../../../src/chat/index.js'
import { AuthenticationError, accumulate, type ProviderAdapter } from '../../../src/core/index.js'
import { gemini } from '../../../src/providers/gemini/index.js'
import { type Answer, reply, serve } from '../../transport/loopback.js'
import { callOf } from './support.js'

interface Recording {
  readonly model: string
  readonly status: number
  readonly sse?: string
  readonly body?: unknown
  readonly want: {
    readonly text: string
    readonly reasoning: string
    readonly tools: readonly { readonly name: string; readonly args: string }[]
    readonly finish: string
    readonly usage: Readonly<Record<'prompt' | 'completion' | 'cached' | 'reasoning', number>>
  }
}

const folder = new URL('../../fixtures/gemini/', import.meta.url)
const recordings = readdirSync(folder)
  .map(
    (name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Recording] as const,
  )
  .filter(([, { status }]) => status === 200)

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

const transports: Readonly<Record<string, (url: string) => ProviderAdapter>> = {
  fetch: (baseURL) => gemini({ apiKey: 'key', baseURL }),
  'the official client': (baseUrl) =>
    gemini({ client: new GoogleGenAI({ apiKey: 'key', httpOptions: { baseUrl } }) }),
}

const answering = ({ sse, body }: Recording, split: keyof typeof splits): Answer =>
  sse === undefined
    ? reply(200, body)
    : (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const piece of splits[split]?.(Buffer.from(sse)) ?? []) response.write(piece)
        response.end()
      }

async function play(adapter: ProviderAdapter, { model, sse }: Recording): Promise<ChatResponse> {
  const { call } = callOf()
  const request = { model, messages: [{ role: 'user' as const, content: 'Hi' }] }
  const chunks: StreamChunk[] = []
  if (sse !== undefined)
    for await (const some of adapter.generateStream(request, call)) chunks.push(...[some].flat())
  const answer = sse === undefined ? await adapter.generate?.(request, call) : accumulate(chunks)
  if (!answer) throw new Error('no answer')
  // members that only the core adds are not compared
  return answer as ChatResponse
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

function summary({ message, usage, finish_reason }: ChatResponse): Recording['want'] {
  return {
    text: message.content ?? '',
    reasoning: (message.reasoning_content ?? '').replace(/\s+/g, ''),
    tools: (message.tool_calls ?? []).flatMap((call) =>
      call.type === 'function'
        ? {
            name: call.function.name,
            args: JSON.stringify(sorted(parseJson(call.function.arguments))),
          }
        : [],
    ),
    finish: finish_reason,
    usage: {
      prompt: usage.prompt_tokens,
      completion: usage.completion_tokens,
      cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
      reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    },
  }
}

const wanted = ({ text, reasoning, tools, finish, usage }: Recording['want']) => ({
  text,
  reasoning: reasoning.replace(/\s+/g, ''),
  tools,
  finish,
  usage,
})

describe.each(Object.keys(transports))('over %s', (transport) => {
  const adapterAt = transports[transport] as (url: string) => ProviderAdapter

  describe.each(recordings)('the recording %s', (_, recording) => {
    const ways = recording.sse === undefined ? ['whole'] : Object.keys(splits)
    it.each(ways)('has the same content, split %s', async (way) => {
      const server = await serve(answering(recording, way))
      const answer = await play(adapterAt(server.url), recording)
      expect(summary(answer)).toEqual(wanted(recording.want))
    })
  })

  it('an invalid key is a 400 on the wire and an AuthenticationError here', async () => {
    const { body } = JSON.parse(
      readFileSync(new URL('plain-wrong-key.json', folder), 'utf8'),
    ) as Recording
    const server = await serve(reply(400, body))
    const error = await play(adapterAt(server.url), {
      model: 'gemini-2.5-flash',
    } as Recording).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({ status: 400, code: 'API_KEY_INVALID', provider: 'gemini' })
  })
})
