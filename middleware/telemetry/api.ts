/**
 * The used part of OpenTelemetry's API, by shape, and access to the SDK registered in the process.
 */

export type AttributeValue = string | number | boolean | string[]
export type Attributes = Record<string, AttributeValue>

export interface TelemetrySpan {
  setAttributes(attributes: Attributes): unknown
  addEvent(name: string, attributes: Attributes, time: Date): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

export interface SpanOptions {
  readonly kind: number
  readonly attributes: Attributes
}

/** `trace.getTracer('chat')` of @opentelemetry/api. */
export interface Tracer {
  startActiveSpan<T>(name: string, options: SpanOptions, fn: (span: TelemetrySpan) => T): T
}

interface InstrumentOptions {
  description: string
  unit: string
  advice?: { explicitBucketBoundaries?: number[] }
}

/** `metrics.getMeter('chat')` of @opentelemetry/api. */
export interface Meter {
  createCounter(
    name: string,
    options: InstrumentOptions,
  ): { add(value: number, attributes: Attributes): void }
  createHistogram(
    name: string,
    options: InstrumentOptions,
  ): { record(value: number, attributes: Attributes): void }
}

/** SpanKind. */
export const kinds = { internal: 0, client: 2 } as const

/** SpanStatusCode. */
export const failedStatus = 2

/** Where each copy of @opentelemetry/api 1 finds the registered SDK; needs no import of it. */
const registry = Symbol.for('opentelemetry.js.api.1')

interface Registered {
  readonly trace?: { getTracer(name: string): Tracer }
  readonly metrics?: { getMeter(name: string): Meter }
}

const registered = (): Registered | undefined =>
  // the API writes nothing else there
  (globalThis as { readonly [registry]?: Registered })[registry]

/** Of the SDK registered by now, if any. */
export const globalTracer = (): Tracer | undefined => registered()?.trace?.getTracer('tetrad')
export const globalMeter = (): Meter | undefined => registered()?.metrics?.getMeter('tetrad')

const noSpan: TelemetrySpan = {
  setAttributes() {},
  addEvent() {},
  setStatus() {},
  end() {},
}

/** Runs `work` in an active span that ends with it; without a tracer in a no-op span. */
export function inSpan<T>(
  tracer: Tracer | undefined,
  { name, ...options }: SpanOptions & { readonly name: string },
  work: (span: TelemetrySpan) => Promise<T>,
): Promise<T> {
  if (!tracer) return work(noSpan)
  return tracer.startActiveSpan(name, options, (span) => work(span).finally(() => span.end()))
}
