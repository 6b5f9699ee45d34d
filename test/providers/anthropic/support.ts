/**
 * Helpers of these tests: a request in, a body out; events in, a response out; a loopback server.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type ChatRequest,
  type ChatResponse,
  isObject,
  type JsonObject,
  type Message,
  type StreamChunk,
  type Usage,
  type Warning,
} from '../../../src/chat/index.js'
import { accumulate, type Call } from '../../../src/core/index.js'
import type { WireContext } from '../../../src/providers/adapter.js'
import { schemas } from '../../../src/providers/anthropic/output-format.js'
import { toWire } from '../../../src/providers/anthropic/request.js'
import { streamReader } from '../../../src/providers/anthropic/stream.js'

// as an adapter does before it converts a request with a schema
await schemas.load()

export const sonnet = 'claude-sonnet-4-5'

export const hello: ChatRequest = {
  model: sonnet,
  messages: [{ role: 'user', content: 'Hello' }],
}

/** The value, deeply frozen. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) frozen(member)
    Object.freeze(value)
  }
  return value
}

// ---- Requests -----------------------------------------------------------------------------------

export interface Written {
  readonly body: JsonObject & {
    readonly messages: readonly { readonly role: string; readonly content: readonly JsonObject[] }[]
  }
  readonly headers: Readonly<Record<string, string>>
  readonly warnings: readonly Warning[]
}

/** The body on the wire for a deeply frozen request. */
export function write(
  request: Partial<ChatRequest> & Readonly<Record<string, unknown>>,
  { streaming = false, version = '2023-06-01' } = {},
): Written {
  const warnings: Warning[] = []
  const wire = toWire(
    frozen({ ...hello, ...request }),
    { streaming, warn: (warning) => void warnings.push(warning) },
    { version },
  )
  return {
    // the tests read it like the provider
    body: JSON.parse(JSON.stringify(wire.body)),
    headers: wire.headers ?? {},
    warnings,
  }
}

export const writeMessages = (messages: readonly unknown[], model = sonnet): Written =>
  // histories of other libraries do not have our type
  write({ model, messages: messages as readonly Message[] })

export const codes = ({ warnings }: Pick<Written, 'warnings'>) => warnings.map(({ code }) => code)

export const tool = (name: string, parameters?: JsonObject) => ({
  type: 'function' as const,
  function: { name, ...(parameters && { parameters }) },
})

export const called = (id: string, name = 'look', args = '{}') => ({
  id,
  type: 'function' as const,
  function: { name, arguments: args },
})

// ---- Responses ----------------------------------------------------------------------------------

export const begin = (message: JsonObject = {}): JsonObject => ({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: `${sonnet}-20250929`,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 1 },
    ...message,
  },
})

export const block = (content_block: JsonObject, index = 0): JsonObject => ({
  type: 'content_block_start',
  index,
  content_block,
})

export const delta = (value: JsonObject, index = 0): JsonObject => ({
  type: 'content_block_delta',
  index,
  delta: value,
})

export const stop = (index = 0): JsonObject => ({ type: 'content_block_stop', index })

export const text = (value: string, index = 0): readonly JsonObject[] => [
  block({ type: 'text', text: '' }, index),
  delta({ type: 'text_delta', text: value }, index),
  stop(index),
]

export const use = (
  pieces: readonly string[],
  { index = 0, id = 'toolu_1', name = 'look', ...more }: JsonObject & { index?: number } = {},
): readonly JsonObject[] => [
  block({ type: 'tool_use', id, name, input: {}, ...more }, index),
  ...pieces.map((partial_json) => delta({ type: 'input_json_delta', partial_json }, index)),
  stop(index),
]

export const end = (
  stop_reason: unknown = 'end_turn',
  more: JsonObject = {},
): readonly JsonObject[] => [
  {
    type: 'message_delta',
    delta: { stop_reason, stop_sequence: null, ...more },
    usage: { output_tokens: 7 },
  },
  { type: 'message_stop' },
]

export interface Reading {
  readonly chunks: readonly StreamChunk[]
  readonly isWhole: boolean
  readonly answer: ChatResponse | undefined
  readonly usages: readonly Usage[]
  readonly warnings: readonly Warning[]
}

/** Throws the error of the reader. */
export function read(events: readonly JsonObject[], request: Partial<ChatRequest> = {}): Reading {
  const chunks: StreamChunk[] = []
  const usages: Usage[] = []
  const warnings: Warning[] = []
  const push = (chunk: StreamChunk) => void chunks.push(chunk)
  const asked = { ...hello, ...request }
  const context: WireContext = {
    model: asked.model,
    request: asked,
    request_id: 'req_1',
    warn: (warning) => void warnings.push(warning),
  }
  const reader = streamReader(context, { onUsage: (usage) => void usages.push(usage) })
  for (const data of events) reader.read({ data }, push)
  const isWhole = reader.end(push)
  return { chunks, isWhole, usages, warnings, answer: accumulate(chunks) }
}

/** The response of a whole stream. */
export function answerOf(
  events: readonly JsonObject[],
  request: Partial<ChatRequest> = {},
): ChatResponse {
  const { answer } = read(events, request)
  if (!answer) throw new Error('the stream was not whole')
  return answer
}

// ---- The wire -----------------------------------------------------------------------------------

export interface Received {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: JsonObject
}

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  /** The bytes of one write each. */
  readonly cuts?: (body: Buffer) => Iterable<Uint8Array>
  /** What the server does after the last byte. @default 'end' */
  readonly ending?: 'end' | 'stall' | 'reset'
}

export const sse = (events: readonly JsonObject[]): Reply => ({
  headers: { 'content-type': 'text/event-stream' },
  body: events.map((data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`).join(''),
})

export const json = (body: unknown, status = 200): Reply => ({ status, body: JSON.stringify(body) })

/** Responds to each request with the reply, and records what it received. */
export async function serve(reply: Reply | (() => Reply)) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(pieces).toString())
      received.push({
        url: request.url ?? '',
        headers: request.headers,
        body: isObject(body) ? body : {},
      })
      const {
        status = 200,
        headers,
        body: sent,
        cuts,
        ending = 'end',
      } = typeof reply === 'function' ? reply() : reply
      response.writeHead(status, {
        'content-type': 'application/json',
        'request-id': 'req_9',
        ...headers,
      })
      const bytes = Buffer.from(sent)
      for (const piece of cuts?.(bytes) ?? [bytes]) response.write(piece)
      if (ending === 'end') response.end()
      // the callback of an empty write runs when all earlier writes were sent
      if (ending === 'reset') response.write('\n', () => response.destroy())
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    baseURL: `http://127.0.0.1:${port}`,
    received,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** The call that the core passes to an adapter, with recorded callbacks. */
export function callOf(overrides: Partial<Call> = {}) {
  const warnings: Warning[] = []
  const usages: Usage[] = []
  const responses: { readonly status: number; readonly request_id?: string }[] = []
  const call: Call = {
    signal: new AbortController().signal,
    warn: (warning) => void warnings.push(warning),
    onUsage: (usage) => void usages.push(usage),
    onResponse: ({ status, request_id }) =>
      void responses.push({ status, ...(request_id !== undefined && { request_id }) }),
    ...overrides,
  }
  return { call, warnings, usages, responses }
}
