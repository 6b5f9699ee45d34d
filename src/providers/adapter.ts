/** Makes a `ProviderAdapter` of a provider's pure parts and a transport: the one place where the two meet. */

import type {
  AnswerInput,
  Capabilities,
  ChatRequest,
  Message,
  StreamChunk,
  Warning,
} from '../chat/index.js'
import { asObjects } from '../chat/index.js'
import type { Call, ProviderAdapter } from '../core/index.js'
import {
  StreamInterruptedError,
  UnexpectedResponseError,
  withMembers,
  withSignal,
} from '../core/index.js'
import type { Transport, TransportRequest, WireEvent, WireResponse } from '../transport/index.js'
import { shownName } from '../transport/scrub.js'
import { Gathered, type Push } from './gather.js'
import type { OnDemand } from './on-demand.js'
import { fitMessageNames, fitToolNames, type NamedRequest, type NameForm } from './tool-names.js'

export type Warn = (warning: Warning) => void
export type { Push }

export interface WireContext {
  /** As it was asked, without the provider. */
  readonly model: string
  /** The request this answers. */
  readonly request: ChatRequest
  readonly request_id?: string
  readonly warn: Warn
}

/** Reads one stream: a small state, and a table of events over it. */
export interface StreamReader {
  /** Throws a typed error for an error event. */
  read(event: WireEvent, push: Push): void
  /** The terminal event was seen: nothing more is waited for, and what becomes of the connection is no news. */
  isWhole?(): boolean
  /** The body has ended: pushes a `finish` that only the end could tell, and says whether the answer is whole (its terminal event was seen). */
  end(push: Push): boolean
}

/** The pure parts of a provider. */
export interface Dialect {
  readonly name: string
  readonly models?: RegExp
  /** The names of tools that it takes: others are spelled so, and answers in the caller's spelling. @default any */
  readonly toolNames?: NameForm
  /** What rewrites JSON Schemas: it is there when `toWire` gets a request that holds one. */
  readonly schemas?: OnDemand<unknown>
  capabilities(model: string): Capabilities
  convertMessages(messages: readonly Message[], model: string): unknown
  /** May be asynchronous (downloads before conversion). */
  toWire(
    request: ChatRequest,
    options: { readonly streaming: boolean; readonly warn: Warn; readonly signal: AbortSignal },
  ): TransportRequest | Promise<TransportRequest>
  fromWire(response: WireResponse, context: WireContext): AnswerInput
  streamReader(context: WireContext, call: Call): StreamReader
  /** Where the provider has an endpoint that counts. */
  count?: {
    toWire(
      request: ChatRequest,
      options: { readonly warn: Warn; readonly signal: AbortSignal },
    ): TransportRequest | Promise<TransportRequest>
    fromWire(body: unknown): number
  }
}

/** What a provider of one's own must have of it. */
export interface AdapterParts
  extends Pick<Dialect, 'name' | 'models' | 'toolNames' | 'toWire' | 'streamReader' | 'count'> {
  /** @default everything is let through */
  capabilities?(model: string): Partial<Capabilities> | undefined
  /** @default as they are */
  convertMessages?(messages: readonly Message[], model: string): unknown
  /** Absent: `generate` accumulates the stream. */
  fromWire?(response: WireResponse, context: WireContext): AnswerInput
}

type Parts = AdapterParts & Pick<Dialect, 'schemas'>

export function createAdapter(dialect: Parts, transport: Transport): ProviderAdapter {
  const { count, capabilities, fromWire, convertMessages = (messages) => messages } = dialect
  const { name, models, toolNames: form } = dialect
  return {
    name,
    ...(models && { models }),
    hasTimers: true,
    ...(capabilities && { capabilities }),
    convertMessages: (messages, model) =>
      convertMessages(form ? fitMessageNames(messages, form) : messages, model),

    ...(fromWire && {
      async generate(asked: ChatRequest, call: Call) {
        const { request, restored } = named(dialect, asked, call)
        const wire = await written(dialect, { request, call }, () =>
          dialect.toWire(request, wireOptions(call, false)),
        )
        const response = await transport.json(wire, call)
        return restored(shown(fromWire(response, context(request, call, response.request_id))))
      },
    }),

    generateStream: (asked, call) => readStream(dialect, transport, asked, call),

    ...(count && {
      async countTokens(asked: ChatRequest, call: Call) {
        const { request } = named(dialect, asked, call)
        const wire = await written(dialect, { request, call }, () =>
          count.toWire(request, wireOptions(call, false)),
        )
        return count.fromWire((await transport.json(wire, call)).body)
      },
    }),
  }
}

/** Writes a request, once what rewrites its schemas is there. */
function written(
  { schemas }: Parts,
  { request, call }: { readonly request: ChatRequest; readonly call: Call },
  write: () => ReturnType<Dialect['toWire']>,
): ReturnType<Dialect['toWire']> {
  const { tools, response_format } = request
  const hasSchemas =
    response_format?.type === 'json_schema' ||
    asObjects(tools).some(({ type }) => type === 'function')
  const loading = hasSchemas ? schemas?.load(call) : undefined
  return loading ? loading.then(write) : write()
}

const wireOptions = (call: Call, streaming: boolean) =>
  withSignal({ streaming, warn: call.warn }, call)

/** The request with tools under names that the provider takes, and the way back. */
function named(
  { name: provider, toolNames }: AdapterParts,
  request: ChatRequest,
  call: Call,
): NamedRequest {
  if (!toolNames) return { request, restored: (answer) => answer, restoring: (push) => push }
  return fitToolNames(request, toolNames, (warning) => call.warn({ provider, ...warning }))
}

/** The chunks of a stream, one array a network read. Throws `UnexpectedResponseError` for an empty one, `StreamInterruptedError` for one that is cut. */
async function* readStream(
  dialect: Parts,
  transport: Transport,
  asked: ChatRequest,
  call: Call,
): AsyncGenerator<readonly StreamChunk[]> {
  const { request, restoring } = named(dialect, asked, call)
  const wire = await written(dialect, { request, call }, () =>
    dialect.toWire(request, wireOptions(call, true)),
  )
  let request_id: string | undefined
  const onResponse: Call['onResponse'] = (info) => {
    request_id = info.request_id
    call.onResponse(info)
  }
  const gathered = new Gathered()
  const push = restoring(shownStart(gathered.push))
  let reader: StreamReader | undefined
  let hasChunks = false
  const watched = withMembers(call, { onResponse })
  for await (const events of transport.events(wire, watched, () => hasChunks)) {
    reader ??= dialect.streamReader(context(request, call, request_id), call)
    try {
      for (const event of events) reader.read(event, push)
    } catch (error) {
      // what came before the error in the same read is not lost
      const chunks = gathered.take()
      if (chunks.length > 0) yield chunks
      throw error
    }
    const isOver = reader.isWhole?.() === true && reader.end(push)
    const chunks = gathered.take()
    hasChunks = chunks.length > 0
    if (hasChunks) yield chunks
    if (isOver) return
  }
  const isWhole = reader?.end(push)
  const last = gathered.take()
  if (last.length > 0) yield last
  if (!isWhole) throw cutStream(dialect.name, request.model, request_id, reader !== undefined)
}

function cutStream(
  provider: string,
  model: string,
  requestId: string | undefined,
  hasEvents: boolean,
) {
  const details = {
    provider,
    model,
    requestId,
    phase: 'stream',
    retryable: true,
    maybeBilled: true,
  } as const
  if (!hasEvents)
    return new UnexpectedResponseError(
      `${provider} answered ${model} with a stream that holds no event`,
      { ...details, code: 'empty' },
    )
  return new StreamInterruptedError(
    `The stream of ${provider}/${model} ended without its terminal event`,
    { ...details, code: 'truncated' },
  )
}

/** Id and model of a body are shown in logs: without keys, and no longer than names are. */
const shown = <T extends { readonly id: string; readonly model: string }>(answer: T): T => ({
  ...answer,
  id: shownName(answer.id),
  model: shownName(answer.model),
})

const shownStart =
  (push: Push): Push =>
  (chunk) =>
    push(chunk.type === 'start' ? shown(chunk) : chunk)

const context = (
  request: ChatRequest,
  call: Call,
  request_id: string | undefined,
): WireContext => ({
  model: request.model,
  request,
  ...(request_id !== undefined && { request_id }),
  warn: call.warn,
})
