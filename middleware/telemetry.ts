/**
 * Spans and metrics of OpenTelemetry's GenAI conventions: the call, each model call, each tool run.
 */
import type { Attempt, StreamChunk } from '../src/chat/index.js'
import {
  type Context,
  layer,
  type Middleware,
  MisuseError,
  type Next,
  reversible,
} from '../src/core/index.js'
import { type AroundTool, aroundTools } from './around-tools.js'
import { maskRecorded } from './mask-recorded.js'
import {
  type Attributes,
  globalMeter,
  globalTracer,
  inSpan,
  kinds,
  type Meter,
  type TelemetrySpan,
  type Tracer,
} from './telemetry/api.js'
import {
  answerAttributes,
  attemptAttributes,
  attributesOf,
  errorType,
  markFailed,
  operationOf,
  providerName,
  requestAttributes,
  usageAttributes,
} from './telemetry/attributes.js'
import { contentAttributes, type Show } from './telemetry/content.js'
import { type Duration, type Instruments, instrumentsOf } from './telemetry/metrics.js'

export type { Meter, Tracer } from './telemetry/api.js'

export interface TelemetryOptions {
  /**
   * `trace.getTracer('chat')`.
   * @default that of the SDK registered with @opentelemetry/api; without one no spans
   */
  readonly tracer?: Tracer | undefined
  /** `metrics.getMeter('chat')`. @default as the tracer */
  readonly meter?: Meter | undefined
  /**
   * Adds the content of messages: each text is passed through this function first. `(text) => text`
   * records all. Of images and files only the type is recorded.
   * @default no content is recorded
   */
  readonly content?: Show | undefined
}

/**
 * Creates an `invoke_agent` span a call, in it a client span for each model call (all its retries
 * and fallbacks, each attempt an event) and an `execute_tool` span for each tool run; records
 * tokens and durations. The spans are active inside: in tools, nested calls and the provider's
 * `fetch`. A call that fails, is aborted or abandoned ends them with the data known by then.
 *
 * Place: two layers. One inside `log`, outside all else; one inside `redact` and `tools`, outside
 * `fallback` and `retry`.
 *
 * Throws `MisuseError` at construction for a `content` that is no function.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [telemetry()] }) })
 */
export function telemetry(options: TelemetryOptions = {}): readonly Middleware[] {
  if (options.content !== undefined && typeof options.content !== 'function')
    throw new MisuseError('`content` of telemetry() must be a function: (text) => text shows all')
  const observer = new Observer(options)
  return [
    layer('telemetry', (ctx, next) => observer.agent(ctx, next), { place: 'inside log' }),
    layer('telemetry-inference', (ctx, next) => observer.inference(ctx, next), {
      place: ['inside redact', 'outside fallback', 'inside tools'],
    }),
  ]
}

interface Observed {
  readonly name: string
  readonly kind: number
  /** Set at the start, as samplers decide by them. */
  readonly attributes: Attributes
  /** Called with the span at every end. */
  readonly report: (span: TelemetrySpan, end: End) => void
}

interface End {
  readonly seconds: number
  readonly failure: { readonly error: unknown } | undefined
}

class Observer {
  private given: Instruments | undefined

  constructor(private readonly options: TelemetryOptions) {}

  /** Read late: an SDK may be registered after construction. */
  private get tracer() {
    return this.options.tracer ?? globalTracer()
  }

  private get instruments(): Instruments | undefined {
    const meter = this.given ? undefined : (this.options.meter ?? globalMeter())
    if (meter) this.given = instrumentsOf(meter)
    return this.given
  }

  agent(ctx: Context, next: Next): Promise<unknown> {
    this.watchTools(ctx)
    return this.observe(
      {
        name: 'invoke_agent',
        kind: kinds.internal,
        attributes: { 'gen_ai.operation.name': 'invoke_agent', ...tagsOf(ctx) },
        report: (span, end) => {
          const { 'gen_ai.response.finish_reasons': reasons = [] } = answerAttributes(ctx.response)
          span.setAttributes({
            'gen_ai.response.finish_reasons': reasons,
            ...usageAttributes(ctx.usage, ctx.attempts),
          })
          this.record('agent', end, {})
        },
      },
      next,
    )
  }

  inference(ctx: Context, next: Next): Promise<unknown> {
    // a nested call starts without hooks
    this.watchTools(ctx)
    const { request, streaming } = ctx
    const started = Date.now()
    const attributes = requestOf(ctx)
    const { 'gen_ai.operation.name': operation, 'gen_ai.request.model': model } = attributes
    if (streaming) this.watchChunks(ctx, attributes)
    return this.observe(
      {
        name: `${operation} ${model}`,
        kind: kinds.client,
        attributes: { ...attributes, ...requestAttributes(request, streaming) },
        report: (span, end) => {
          const answer = ctx.response ?? ctx.partial
          const { content } = this.options
          const mask = ctx.get(maskRecorded) ?? ((text: string) => text)
          const answered = attributesOf({
            'gen_ai.provider.name': ctx.response && providerName(ctx.response.provider),
          })
          const firstChunk = streaming ? firstChunkOf(ctx.attempts, started) : undefined
          span.setAttributes({
            ...answered,
            ...answerAttributes(answer),
            ...usageAttributes(ctx.usage, ctx.attempts),
            ...attributesOf({ 'gen_ai.response.time_to_first_chunk': firstChunk }),
            ...(content && contentAttributes({ request, answer }, content, mask)),
          })
          addAttempts(span, ctx.attempts)
          const { 'gen_ai.response.model': by } = answerAttributes(answer)
          const common = {
            ...attributes,
            ...answered,
            ...attributesOf({ 'gen_ai.response.model': by }),
          }
          this.record('inference', end, common)
          if (firstChunk !== undefined) this.instruments?.duration('firstChunk', firstChunk, common)
          this.instruments?.usage(ctx.usage, common)
        },
      },
      next,
    )
  }

  private readonly tool: AroundTool = (call, run) => {
    const attributes = { 'gen_ai.tool.name': call.function.name, 'gen_ai.tool.type': 'function' }
    return this.observe(
      {
        name: `execute_tool ${call.function.name}`,
        kind: kinds.internal,
        attributes: {
          'gen_ai.operation.name': 'execute_tool',
          ...attributes,
          'gen_ai.tool.call.id': call.id,
        },
        report: (_, end) => this.record('tool', end, attributes),
      },
      run,
    )
  }

  /** Records the time between two output chunks of the model. */
  private watchChunks(ctx: Context, attributes: Attributes): void {
    const { instruments } = this
    if (!instruments) return
    let last: number | undefined
    const record = () => {
      const now = performance.now()
      if (last !== undefined) instruments.duration('chunk', (now - last) / 1000, attributes)
      last = now
    }
    ctx.transform(
      reversible((chunk, emit) => {
        if (!notOutput.has(chunk.type)) quietly(record)
        emit(chunk)
      }),
    )
  }

  private watchTools(ctx: Context): void {
    const hooks = ctx.get(aroundTools) ?? []
    if (!hooks.includes(this.tool)) ctx.set(aroundTools, [...hooks, this.tool])
  }

  private observe<T>(observed: Observed, work: () => Promise<T>): Promise<T> {
    const { report, ...options } = observed
    return inSpan(this.tracer, options, async (span) => {
      const started = performance.now()
      let failure: End['failure']
      try {
        return await work()
      } catch (error) {
        failure = { error }
        markFailed(span, error)
        throw error
      } finally {
        const seconds = (performance.now() - started) / 1000
        quietly(() => report(span, { seconds, failure }))
      }
    })
  }

  private record(of: Duration, { seconds, failure }: End, attributes: Attributes): void {
    const failed = failure && { 'error.type': errorType(failure.error) }
    this.instruments?.duration(of, seconds, { ...attributes, ...failed })
  }
}

/** Chunks that are not model output. */
const notOutput: ReadonlySet<StreamChunk['type']> = new Set(['start', 'warning', 'finish'])

/** A failure of telemetry does not fail the call. */
function quietly(report: () => void): void {
  try {
    report()
  } catch {
    // errors of the app's exporter are ignored
  }
}

/** The requested model; its given name if no provider knows it. */
function requestOf({ request, client }: Context): Attributes {
  const found = (() => {
    try {
      return client.capabilities(request.model)
    } catch {
      // the call itself fails and reports it
      return undefined
    }
  })()
  return attributesOf({
    'gen_ai.operation.name': operationOf(found?.provider),
    'gen_ai.provider.name': found && providerName(found.provider),
    'gen_ai.request.model': found?.model ?? request.model,
  })
}

/** The tags of the call, and its id, which the log line has too. */
const tagsOf = ({ id, options: { tags = {} } }: Context): Attributes => ({
  'tetrad.call.id': id,
  ...Object.fromEntries(Object.entries(tags).map(([name, tag]) => [`tetrad.tag.${name}`, tag])),
})

/** Seconds from the start to the first chunk received. */
function firstChunkOf(attempts: readonly Attempt[], started: number): number | undefined {
  const first = attempts.find(({ first_chunk_ms }) => first_chunk_ms !== undefined)
  if (first?.first_chunk_ms === undefined) return undefined
  return Math.max(0, first.started - started + first.first_chunk_ms) / 1000
}

function addAttempts(span: TelemetrySpan, attempts: readonly Attempt[]): void {
  for (const attempt of attempts)
    span.addEvent('tetrad.attempt', attemptAttributes(attempt), new Date(attempt.started))
}
