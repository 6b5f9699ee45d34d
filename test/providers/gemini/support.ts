/**
 * Helpers of these tests: a request in, a body out; chunks in, a response out; the call of the
 * core.
 */
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
import { toWire } from '../../../src/providers/gemini/request.js'
import { fromWire, streamReader } from '../../../src/providers/gemini/stream.js'
import { schemas } from '../../../src/providers/gemini/tools.js'
import type { Content, GenerateContentBody, Part } from '../../../src/providers/gemini/wire.js'
import type { ReaderLimits } from '../../../src/providers/turn-writer.js'

// as an adapter does before it converts a request with a schema
await schemas.load()

export const flash25 = 'gemini-2.5-flash'
export const flash3 = 'gemini-3-flash-preview'

/** The placeholder signature for calls of other models. */
export const foreign = 'skip_thought_signature_validator'

export const hello: ChatRequest = {
  model: flash3,
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

// -- requests -------------------------------------------------------------------------------------

export interface Written {
  readonly path: string
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly body: GenerateContentBody & JsonObject
  readonly warnings: readonly Warning[]
}

/** The body on the wire for a deeply frozen request. */
export function write(
  request: Partial<ChatRequest> & JsonObject = {},
  { streaming = false } = {},
): Written {
  const warnings: Warning[] = []
  const { path, headers, body } = toWire(frozen({ ...hello, ...request }), {
    streaming,
    warn: (warning) => void warnings.push(warning),
  })
  // the tests read it like the provider
  return { path, headers, body: JSON.parse(JSON.stringify(body)), warnings }
}

export interface WrittenMessages extends Written {
  readonly contents: readonly Content[]
  readonly system: readonly Part[] | undefined
}

/** Histories of other libraries do not have our type. */
export function writeMessages(
  messages: readonly unknown[],
  request: Partial<ChatRequest> & JsonObject = {},
): WrittenMessages {
  const written = write({ ...request, messages: messages as readonly Message[] })
  const { contents, systemInstruction } = written.body
  return { ...written, contents, system: systemInstruction?.parts }
}

/** The first part of a user message that contains only this part. */
export const writePart = (part: unknown, request: Partial<ChatRequest> & JsonObject = {}) => {
  const written = writeMessages([{ role: 'user', content: [part] }], request)
  return { ...written, part: written.contents[0]?.parts?.[0] }
}

export const codes = ({ warnings }: Pick<Written, 'warnings'>) => warnings.map(({ code }) => code)
export const params = ({ warnings }: Pick<Written, 'warnings'>) =>
  warnings.map(({ param }) => param)

export const user = (content: unknown) => ({ role: 'user', content })
export const system = (content: string) => ({ role: 'system', content })
export const assistant = (content: string | null, more: JsonObject = {}) => ({
  role: 'assistant',
  content,
  ...more,
})
export const calling = (...tool_calls: readonly JsonObject[]) => assistant(null, { tool_calls })
export const called = (id: string, name = 'look', args = '{}', more: JsonObject = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
  ...more,
})
export const result = (tool_call_id: string, content: unknown = 'ok', more: JsonObject = {}) => ({
  role: 'tool',
  tool_call_id,
  content,
  ...more,
})

export const tool = (name: string, parameters?: JsonObject, more: JsonObject = {}) => ({
  type: 'function' as const,
  function: { name, ...(parameters && { parameters }), ...more },
})

// -- responses ------------------------------------------------------------------------------------

export const chunk = (parts: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  candidates: [{ content: { role: 'model', parts }, index: 0, ...more }],
  modelVersion: flash3,
  responseId: 'resp-1',
})

export const stop = (parts: readonly JsonObject[] = [], more: JsonObject = {}) =>
  chunk(parts, { finishReason: 'STOP', ...more })

export interface Reading {
  readonly chunks: readonly StreamChunk[]
  readonly isWhole: boolean
  readonly answer: ChatResponse | undefined
  readonly usages: readonly Usage[]
  readonly warnings: readonly Warning[]
}

interface ReadOptions extends ReaderLimits {
  readonly request?: Partial<ChatRequest>
}

const contextOf = (request: Partial<ChatRequest> | undefined, warnings: Warning[]): WireContext => {
  const asked = { ...hello, ...request }
  return {
    model: asked.model,
    request: asked,
    request_id: 'req-1',
    warn: (warning) => void warnings.push(warning),
  }
}

/** Throws the error of the reader. */
export function read(
  events: readonly unknown[],
  { request, ...limits }: ReadOptions = {},
): Reading {
  const chunks: StreamChunk[] = []
  const usages: Usage[] = []
  const warnings: Warning[] = []
  const push = (one: StreamChunk) => void chunks.push(one)
  const onUsage = (usage: Usage) => void usages.push(usage)
  const reader = streamReader(contextOf(request, warnings), { onUsage }, limits)
  for (const data of frozen(events)) {
    reader.read({ data }, push)
    reader.afterRead?.()
  }
  const isWhole = reader.end(push)
  return { chunks, isWhole, usages, warnings, answer: isWhole ? accumulate(chunks) : undefined }
}

/** The response of a whole stream. */
export function answerOf(events: readonly unknown[], options: ReadOptions = {}): ChatResponse {
  const { answer } = read(events, options)
  if (!answer) throw new Error('the stream was not whole')
  return answer
}

/** The response in one body. */
export function readWhole(body: unknown, request?: Partial<ChatRequest>) {
  return fromWire({ body: frozen(body) }, contextOf(request, []))
}

// -- calls ----------------------------------------------------------------------------------------

/** The call that the core passes to an adapter, with recorded callbacks. */
export function callOf(overrides: Partial<Call> = {}) {
  const warnings: Warning[] = []
  const usages: Usage[] = []
  const statuses: number[] = []
  const call: Call = {
    signal: new AbortController().signal,
    warn: (warning) => void warnings.push(warning),
    onUsage: (usage) => void usages.push(usage),
    onResponse: ({ status }) => void statuses.push(status),
    ...overrides,
  }
  return { call, warnings, usages, statuses }
}

export const bodyOf = (text: string): JsonObject => {
  const body: unknown = JSON.parse(text)
  if (!isObject(body)) throw new Error('the body is no object')
  return body
}
