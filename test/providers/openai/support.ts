/** The pure functions of the Responses adapter: events in, chunks out; a request in, a body out. */
import { readFileSync } from 'node:fs'
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
import { profile } from '../../../src/providers/openai/openai.js'
import { requestWriter } from '../../../src/providers/openai/request.js'
import { responseReader, streamReader } from '../../../src/providers/openai/stream.js'
import type { Profile } from '../../../src/providers/openai/wire.js'
import { profile as xai } from '../../../src/providers/xai/xai.js'
import { sseDecoder } from '../../../src/sse/index.js'
import type { WireEvent } from '../../../src/transport/index.js'

// as an adapter does before it converts a request with a schema
await profile.schemas.load()
await xai.schemas.load()

export const hello: ChatRequest = {
  model: 'gpt-5-mini',
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

export interface Options {
  readonly request?: ChatRequest
  readonly profile?: Profile
}

const contextOf = (request: ChatRequest, warnings: Warning[]): WireContext => ({
  model: request.model,
  request,
  request_id: 'req_1',
  warn: (warning) => void warnings.push(warning),
})

// -- reading --------------------------------------------------------------------------------------

export interface Reading {
  readonly chunks: readonly StreamChunk[]
  readonly isWhole: boolean
  readonly usages: readonly Usage[]
  readonly warnings: readonly Warning[]
  readonly answer: ChatResponse | undefined
  readonly error: unknown
}

/** The outcome of a stream of these events. */
export function read(
  events: readonly WireEvent[],
  { request = hello, profile: server = profile }: Options = {},
): Reading {
  const usages: Usage[] = []
  const warnings: Warning[] = []
  const onUsage: Partial<Call> = { onUsage: (usage) => void usages.push(usage) }
  // the reader uses no other member of a call
  const reader = streamReader(server)(contextOf(request, warnings), onUsage as Call)
  const chunks: StreamChunk[] = []
  const push = (chunk: StreamChunk) => void chunks.push(chunk)
  let error: unknown
  let isWhole = false
  try {
    for (const event of frozen(events)) reader.read(event, push)
    isWhole = reader.end(push)
  } catch (thrown) {
    error = thrown
  }
  const answer = error || !isWhole ? undefined : accumulate(chunks)
  return { chunks, isWhole, usages, warnings, answer, error }
}

/** The outcome of a whole body. */
export function readWhole(
  body: unknown,
  { request = hello, profile: server = profile }: Options = {},
) {
  const warnings: Warning[] = []
  const answer = responseReader(server)({ body: frozen(body) }, contextOf(request, warnings))
  return { ...answer, warnings }
}

export const texts = (chunks: readonly StreamChunk[], type: 'text-delta' | 'reasoning-delta') =>
  chunks.flatMap((chunk) => (chunk.type === type ? [chunk.text] : []))

// -- writing events -------------------------------------------------------------------------------

export const event = (type: string, more: JsonObject = {}): WireEvent => ({
  event: type,
  data: { type, ...more },
})

export const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 }

export const body = (output: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1_700_000_000,
  model: 'gpt-5-mini-2025-08-07',
  status: 'completed',
  error: null,
  incomplete_details: null,
  output,
  usage,
  ...more,
})

export const created = event('response.created', {
  response: body([], { status: 'in_progress', usage: null }),
})

export const completed = (output: readonly JsonObject[] = [], more: JsonObject = {}) =>
  event('response.completed', { response: body(output, more) })

export const added = (output_index: number, item: JsonObject) =>
  event('response.output_item.added', { output_index, item })

export const done = (output_index: number, item: JsonObject) =>
  event('response.output_item.done', { output_index, item })

export const textDelta = (delta: string, more: JsonObject = {}) =>
  event('response.output_text.delta', { output_index: 0, content_index: 0, delta, ...more })

export const message = (text: string, more: JsonObject = {}): JsonObject => ({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [], logprobs: [], ...more }],
})

export const functionCall = (args: string, more: JsonObject = {}): JsonObject => ({
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: 'weather',
  arguments: args,
  status: 'completed',
  ...more,
})

export const argumentsDelta = (delta: string, output_index = 0) =>
  event('response.function_call_arguments.delta', { output_index, delta })

// -- writing requests -----------------------------------------------------------------------------

export interface Written {
  readonly body: JsonObject
  readonly input: readonly JsonObject[]
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly warnings: readonly Warning[]
}

/** The body of a request, which is deeply frozen. */
export function write(
  request: Partial<ChatRequest> & JsonObject,
  { profile: server = profile, streaming = false }: Options & { streaming?: boolean } = {},
): Written {
  const warnings: Warning[] = []
  const wire = requestWriter(server)(frozen({ ...hello, ...request }), {
    streaming,
    warn: (warning) => void warnings.push(warning),
  })
  const sent: unknown = JSON.parse(JSON.stringify(wire.body))
  if (!isObject(sent) || !Array.isArray(sent.input)) throw new Error('no body')
  return { body: sent, input: sent.input, headers: wire.headers, warnings }
}

export const writeMessages = (messages: readonly Message[], more: Partial<ChatRequest> = {}) =>
  write({ ...more, messages })

export const codes = (warnings: readonly Warning[]) =>
  warnings.map(({ code, param }) => `${code} ${param ?? ''}`.trim())

// -- recordings -----------------------------------------------------------------------------------

export interface Recording {
  readonly status: number
  readonly request: ChatRequest
  readonly body?: JsonObject
  readonly sse?: string
}

export const recording = (provider: 'openai' | 'xai', name: string): Recording =>
  JSON.parse(
    readFileSync(new URL(`../../fixtures/${provider}/${name}.json`, import.meta.url), 'utf8'),
  )

/** The events of a recorded stream. */
export function recorded({ sse = '' }: Recording): readonly WireEvent[] {
  const events: WireEvent[] = []
  const decoder = sseDecoder(({ event: name, data }) => {
    events.push({ ...(name !== undefined && { event: name }), data: JSON.parse(data) })
  })
  decoder.push(new TextEncoder().encode(sse))
  decoder.end()
  return events
}
