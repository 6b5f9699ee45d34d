/** The pure functions of the adapter: events in, chunks out; a request in, a body out. */
import {
  type ChatRequest,
  type ChatResponse,
  isObject,
  type JsonObject,
  type StreamChunk,
  type Usage,
  type Warning,
} from '../../../src/chat/index.js'
import { accumulate, type Call } from '../../../src/core/index.js'
import type { WireContext } from '../../../src/providers/adapter.js'
import { type CompatibleOptions, dialectOf } from '../../../src/providers/compatible/compatible.js'
import type { WireEvent } from '../../../src/transport/index.js'

export const local: CompatibleOptions = { name: 'local', baseURL: 'http://localhost:1/v1' }
export const at = (host: string): CompatibleOptions => ({
  name: 'local',
  baseURL: `https://${host}/v1`,
})

export const hello: ChatRequest = {
  model: 'm-1',
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

/** One chat.completion.chunk with this delta. */
export const delta = (content: JsonObject, more: JsonObject = {}): WireEvent => ({
  data: {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'm-1-large',
    choices: [{ index: 0, delta: content, finish_reason: null, ...more }],
  },
})

export const call = (wire: JsonObject | readonly JsonObject[]): WireEvent =>
  delta({ tool_calls: Array.isArray(wire) ? wire : [wire] })

export const stop = (reason: string | null = 'stop', more: JsonObject = {}): WireEvent =>
  delta({}, { finish_reason: reason, ...more })

export const done: WireEvent = { data: undefined, done: true }

export interface Reading {
  readonly chunks: readonly StreamChunk[]
  readonly isWhole: boolean
  readonly usages: readonly Usage[]
  readonly answer: ChatResponse | undefined
  readonly error: unknown
}

const context = (request: ChatRequest): WireContext => ({
  model: request.model,
  request,
  request_id: 'req_1',
  warn: () => {},
})

/** The outcome of a stream of these events. */
export function read(
  events: readonly WireEvent[],
  options: Partial<CompatibleOptions> & { readonly request?: ChatRequest } = {},
): Reading {
  const { request = hello, ...rest } = options
  const usages: Usage[] = []
  const onUsage: Partial<Call> = { onUsage: (usage) => void usages.push(usage) }
  // the reader uses no other member of a call
  const reader = dialectOf({ ...local, ...rest }).streamReader(context(request), onUsage as Call)
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
  return {
    chunks,
    isWhole,
    usages,
    answer: error || !isWhole ? undefined : accumulate(chunks),
    error,
  }
}

/** The outcome of a whole body, as the core completes it. */
export function readWhole(
  body: unknown,
  { request = hello, ...options }: Partial<CompatibleOptions> & { request?: ChatRequest } = {},
) {
  return dialectOf({ ...local, ...options }).fromWire({ body: frozen(body) }, context(request))
}

export const completion = (message: JsonObject, more: JsonObject = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'm-1-large',
  choices: [
    { index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop', ...more },
  ],
})

export interface Written {
  readonly body: JsonObject
  readonly messages: readonly JsonObject[]
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly warnings: readonly Warning[]
}

/** The body of a request, which is deeply frozen. */
export async function write(
  request: Partial<ChatRequest> & JsonObject,
  { streaming = false, ...options }: Partial<CompatibleOptions> & { streaming?: boolean } = {},
): Promise<Written> {
  const warnings: Warning[] = []
  const dialect = dialectOf({ ...local, ...options })
  // as an adapter does before it converts a request with a schema
  await dialect.schemas?.load()
  const wire = await dialect.toWire(frozen({ ...hello, ...request }), {
    streaming,
    warn: (warning) => void warnings.push(warning),
    signal: new AbortController().signal,
  })
  const body: unknown = JSON.parse(JSON.stringify(wire.body))
  if (!isObject(body) || !Array.isArray(body.messages)) throw new Error('no body')
  return { body, messages: body.messages, headers: wire.headers, warnings }
}
