/**
 * What a call reads from its provider while nobody reads the stream: 256 chunks or 1 MiB, whichever
 * is first, for every kind of chunk.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import type { ChatStream, Middleware } from '../../src/core/index.js'
import { type MockServer, mockServer, say } from '../../src/testing/index.js'
import { caller, fakeAdapter, finish, request, type Step, start, text } from '../core/support.js'
import { adapters, names, requestFor } from './support.js'

const mebibyte = 1_048_576
const large = 'x'.repeat(100_000)

/** Starts to read, stops, and resolves when the count no longer grows. */
async function stall(stream: ChatStream, count: () => number): Promise<AsyncIterator<StreamChunk>> {
  const reader = stream[Symbol.asyncIterator]()
  await reader.next()
  let before = -1
  while (count() !== before) {
    before = count()
    await sleep(100)
  }
  return reader
}

async function rest(reader: AsyncIterator<StreamChunk>): Promise<StreamChunk[]> {
  const chunks: StreamChunk[] = []
  for (let next = await reader.next(); !next.done; next = await reader.next())
    chunks.push(next.value)
  return chunks
}

describe('read from the socket of a provider', () => {
  let server: MockServer
  let sockets: Socket[] = []
  const note = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
  const pulled = () => sockets.reduce((bytes, socket) => bytes + socket.bytesRead, 0)

  beforeEach(async () => {
    sockets = []
    server = await mockServer()
    subscribe('net.client.socket', note)
  })
  afterEach(async () => {
    unsubscribe('net.client.socket', note)
    await server.close()
  })

  const given: typeof fetch = (...args) => fetch(...args)
  const ways = { 'node:http': {}, fetch: { fetch: given } }
  const cases = names.flatMap((name) =>
    Object.entries(ways).map(([way, more]) => ({ name, way, more })),
  )

  it.each(cases)('of $name over $way', async ({ name, more }) => {
    const pieces = Array.from({ length: 60 }, () => large)
    server.script(say(pieces.join(''), { chunks: pieces }))
    const ai = createClient({ providers: adapters(server, more) })
    const reader = await stall(ai.stream(requestFor(name)), pulled)
    expect(pulled()).toBeGreaterThan(large.length)
    expect(pulled()).toBeLessThan(2 * mebibyte)
    await reader.return?.()
  })
})

describe('read from adapters and layers', () => {
  const call = { type: 'tool-call-start', index: 0, id: 'c1', name: 'draw' } as const
  const endOfCall = { type: 'tool-call-end', index: 0 } as const
  const kinds: Record<string, StreamChunk> = {
    text: text(large),
    reasoning: { type: 'reasoning-delta', text: large },
    refusal: { type: 'refusal-delta', text: large },
    arguments: { type: 'tool-call-delta', index: 0, arguments: large },
    file: { type: 'file', media_type: 'image/png', data: large },
    logprobs: {
      type: 'logprobs',
      content: Array.from({ length: 1_000 }, () => ({
        token: 'x'.repeat(20),
        logprob: -1,
        top_logprobs: [{ token: 'y'.repeat(50), logprob: -2 }],
      })),
    },
    data: { type: 'data', name: 'deep', data: { list: [{ text: large }] } },
    bytes: { type: 'data', name: 'bytes', data: new Uint8Array(200_000) },
    warning: { type: 'warning', warning: { code: 'other', message: large } },
    result: { type: 'tool-result', tool_call_id: 'c0', name: 'draw', content: large },
  }
  const around = (kind: string, steps: Step[]): Step[] => {
    if (kind === 'arguments') return [start(), call, ...steps, endOfCall, finish('tool_calls')]
    return kind === 'warning'
      ? [start(), text('a'), ...steps, finish()]
      : [start(), ...steps, finish()]
  }

  it.each(Object.keys(kinds))('%s, one by one and in batches', async (kind) => {
    const chunk = kinds[kind] as StreamChunk
    const singly = Array.from({ length: 100 }, () => chunk)
    const batches = Array.from({ length: 50 }, () => [chunk, chunk])
    for (const steps of [singly, batches]) {
      const adapter = fakeAdapter(around(kind, steps))
      const reader = await stall(caller(adapter).stream(request), () => adapter.log.produced)
      // 100,000 letters are at most 200,000 bytes, and logprobs add some more
      expect(adapter.log.produced).toBeLessThanOrEqual(12)
      const chunks = await rest(reader)
      expect(chunks.filter(({ type }) => type === chunk.type)).toHaveLength(100)
    }
  })

  it.each(['data', 'bytes', 'result'])('%s emitted by a layer', async (kind) => {
    let emitted = 0
    const layer: Middleware = async (ctx, next) => {
      for (; emitted < 100; emitted++) await ctx.emit(kinds[kind] as StreamChunk)
      return next()
    }
    const stream = caller(fakeAdapter([start(), text('a'), finish()]), layer).stream(request)
    const reader = await stall(stream, () => emitted)
    expect(emitted).toBeLessThanOrEqual(8)
    await rest(reader)
    expect(emitted).toBe(100)
  })

  it('a cyclic object ends the size estimate', async () => {
    const data: Record<string, unknown> = {}
    data.self = data
    const chunk: StreamChunk = { type: 'data', name: 'loop', data }
    const adapter = fakeAdapter([start(), chunk, chunk, finish()])
    expect(await rest(caller(adapter).stream(request)[Symbol.asyncIterator]())).toHaveLength(4)
  })

  it('small chunks are bounded by their number', async () => {
    const adapter = fakeAdapter([
      start(),
      ...Array.from({ length: 2_000 }, () => text('x')),
      finish(),
    ])
    const reader = await stall(caller(adapter).stream(request), () => adapter.log.produced)
    expect(adapter.log.produced).toBeGreaterThan(256)
    expect(adapter.log.produced).toBeLessThan(260)
    await rest(reader)
  })
})
