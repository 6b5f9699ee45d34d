/** Spans and metrics on the console: a retry, a tool, two calls of a model. `npx tsx examples/telemetry.ts` */
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import { standard, tool } from 'tetrad/middleware'
import { telemetry } from 'tetrad/middleware/telemetry'
import { callTool, fail, say } from 'tetrad/testing'
import { example } from './client.js'

// an SDK as an app sets it up; the exporter of a real one sends to a collector
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const exporter: SpanExporter = {
  export(spans, done) {
    spans.forEach(print)
    done({ code: 0 })
  },
  shutdown: async () => {},
}
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })

function print({ name, attributes, events, parentSpanContext }: ReadableSpan) {
  const tokens = attributes['gen_ai.usage.output_tokens']
  const attempts = events.map((event) => event.attributes?.['tetrad.attempt.status']).join(', ')
  const details = [tokens !== undefined && `${tokens} tokens`, attempts && `(${attempts})`]
  console.log(parentSpanContext ? ' └' : '', name, ...details.filter(Boolean))
}

const weather = tool({ description: 'The weather in Lisbon', execute: () => '24 °C, clear' })
const { ai, close } = await example(
  standard({ tools: { weather }, with: [telemetry({ tracer: provider.getTracer('example') })] }),
  [fail(503), callTool('weather'), say('It is clear, at 24 °C.')],
)
const messages = [{ role: 'user', content: 'How is the weather in Lisbon?' }] as const
const reply = await ai.generate({ model: 'openai/gpt-5-mini', messages })
console.log(reply.text)
await close()
