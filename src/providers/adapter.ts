/** Makes a `ProviderAdapter` of a provider's pure parts and a transport; only here the two meet. */
import { Gathered, type Push } from '../chat/gather.js'
import {
  type AnswerInput,
  asObjects,
  type Capabilities,
  type ChatRequest,
  type Message,
  type StreamChunk,
  type Warning,
} from '../chat/index.js'
import { fitMessageNames, fitNames, type NamedRequest, type NameForm } from '../chat/tool-names.js'
import type { Call, ProviderAdapter } from '../core/index.js'
import {
  StreamInterruptedError,
  UnexpectedResponseError,
  withMembers,
  withSignal,
} from '../core/index.js'
import type { OnDemand } from '../core/on-demand.js'
import type { Transport, TransportRequest, WireEvent, WireResponse } from '../transport/index.js'
import { shownName } from '../transport/scrub.js'
import { hasSchema } from './nested-tool.js'

export type Warn = (warning: Warning) => void
export type { Push }

export interface WireContext {
  /** As requested, without the provider. */
  readonly model: string
  /** The request this answers. */
  readonly request: ChatRequest
  readonly request_id?: string
  readonly warn: Warn
}

/** Reads one stream: a table of events over a small state. */
export interface StreamReader {
  /** Throws a typed error for an error event. */
  read(event: WireEvent, push: Push): void
  /** Called behind the events of one network read, and before an error of one of them leaves. */
  afterRead?(): void
  /** True once the terminal event was read: reading stops, later connection errors are ignored. */
  isWhole?(): boolean
  /**
   * Called when the body has ended: pushes a `finish` that only the end determines. True if the
   * answer is complete (its terminal event was read).
   */
  end(push: Push): boolean
}

export interface WireOptions {
  readonly streaming: boolean
  readonly warn: Warn
  readonly signal: AbortSignal
}

/** May be asynchronous (downloads before conversion). */
type ToWire = (
  request: ChatRequest,
  options: WireOptions,
) => TransportRequest | Promise<TransportRequest>

/** The pure parts of a provider. */
export interface AdapterParts {
  readonly name: string
  readonly models?: RegExp
  /** The tool names that it accepts; others are renamed, and restored in answers. @default any */
  readonly toolNames?: NameForm
  /** @default all parameters are passed through */
  capabilities?(model: string): Partial<Capabilities> | undefined
  /** @default unchanged */
  convertMessages?(messages: readonly Message[], model: string): unknown
  toWire: ToWire
  /** If absent, `generate` accumulates the stream. */
  fromWire?(response: WireResponse, context: WireContext): AnswerInput
  streamReader(context: WireContext, call: Call): StreamReader
  /** If the provider has an endpoint that counts tokens. */
  count?: { readonly toWire: ToWire; fromWire(body: unknown): number }
}

/** The parts of a provider of this package. */
export interface Dialect extends AdapterParts {
  /** Rewrites JSON Schemas; loaded before `toWire` gets a request with a schema. */
  readonly schemas?: OnDemand<unknown>
}

export function createAdapter(dialect: Dialect, transport: Transport): ProviderAdapter {
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
      async generate(given: ChatRequest, call: Call) {
        const { request, restored } = named(dialect, given, call)
        const wire = await written(dialect, dialect, { request, call })
        const response = await transport.json(wire, call)
        return restored(shown(fromWire(response, context(request, call, response.request_id))))
      },
    }),

    generateStream: (request, call) => readStream(dialect, transport, request, call),

    ...(count && {
      async countTokens(given: ChatRequest, call: Call) {
        const { request } = named(dialect, given, call)
        const wire = await written(dialect, count, { request, call })
        return count.fromWire((await transport.json(wire, call)).body)
      },
    }),
  }
}

interface Writing {
  readonly request: ChatRequest
  readonly call: Call
  readonly streaming?: boolean
}

/** Writes a request once its schema rewriter is loaded. */
function written(
  { schemas }: Dialect,
  writer: Pick<AdapterParts, 'toWire'>,
  { request, call, streaming = false }: Writing,
): ReturnType<ToWire> {
  const { tools, response_format } = request
  const hasSchemas = response_format?.type === 'json_schema' || asObjects(tools).some(hasSchema)
  const write = () => writer.toWire(request, withSignal({ streaming, warn: call.warn }, call))
  const loading = hasSchemas ? schemas?.load(call) : undefined
  return loading ? loading.then(write) : write()
}

/** The request with tool names that the provider accepts, and the functions that restore them. */
function named(dialect: AdapterParts, request: ChatRequest, call: Call): NamedRequest {
  const { name: provider, toolNames } = dialect
  if (!toolNames) return { request, restored: (answer) => answer, restoredChunk: (chunk) => chunk }
  return fitNames(request, toolNames, (warning) => call.warn({ provider, ...warning }))
}

/**
 * Yields the chunks of a stream, one array per network read. Throws `UnexpectedResponseError` if it
 * is empty, `StreamInterruptedError` if it is cut off.
 */
async function* readStream(
  dialect: Dialect,
  transport: Transport,
  given: ChatRequest,
  call: Call,
): AsyncGenerator<readonly StreamChunk[]> {
  const { request, restoredChunk } = named(dialect, given, call)
  const wire = await written(dialect, dialect, { request, call, streaming: true })
  let request_id: string | undefined
  const onResponse: Call['onResponse'] = (info) => {
    request_id = info.request_id
    call.onResponse(info)
  }
  const gathered = new Gathered()
  const push: Push = (chunk) => gathered.push(shownStart(restoredChunk(chunk)))
  let reader: StreamReader | undefined
  let hasChunks = false
  const watched = withMembers(call, { onResponse })
  for await (const events of transport.events(wire, watched, () => hasChunks)) {
    reader ??= dialect.streamReader(context(request, call, request_id), call)
    try {
      for (const event of events) reader.read(event, push)
      reader.afterRead?.()
    } catch (error) {
      reader.afterRead?.()
      // chunks read before the error are still sent
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
  if (isWhole) return
  throw cutOff(dialect.name, context(request, call, request_id), reader !== undefined)
}

const early = { phase: 'stream', retryable: true, maybeBilled: true } as const

/** The error for a stream that ended without its terminal event, or without any. */
function cutOff(provider: string, { model, request_id }: WireContext, hasEvents: boolean) {
  const details = { ...early, provider, model, requestId: request_id }
  const what = `The stream of ${provider}/${model} ended without its terminal event`
  if (hasEvents) return new StreamInterruptedError(what, { ...details, code: 'truncated' })
  const empty = `${provider} answered ${model} with a stream without an event`
  return new UnexpectedResponseError(empty, { ...details, code: 'empty' })
}

/** Logs show the id and model of a body: keys are scrubbed, long names cut. */
const shown = <T extends { readonly id: string; readonly model: string }>(answer: T): T => ({
  ...answer,
  id: shownName(answer.id),
  model: shownName(answer.model),
})

const shownStart = (chunk: StreamChunk) => (chunk.type === 'start' ? shown(chunk) : chunk)

const context = (request: ChatRequest, call: Call, id: string | undefined): WireContext => ({
  model: request.model,
  request,
  ...(id !== undefined && { request_id: id }),
  warn: call.warn,
})
