/**
 * Marked keys, calls of every outcome, and a search of everything that could show a key: errors,
 * responses, contexts, log lines, spans, prints.
 */
import { inspect } from 'node:util'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import OpenAI from 'openai'
import { expect, it, onTestFinished } from 'vitest'
import { redact } from '../../middleware/redact.js'
import { standard } from '../../middleware/standard.js'
import { telemetry } from '../../middleware/telemetry.js'
import { trace } from '../../middleware/trace.js'
import { type Client, createClient } from '../../src/client.js'
import { isTetradError, type Middleware, type ProviderAdapter } from '../../src/core/index.js'
import { handler } from '../../src/http/web.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { callTool, fail, html, type Reply, raw } from '../../src/testing/index.js'
import { basePaths } from '../../src/testing/routes.js'
import { watchProcess } from '../faults/probe.js'
import { eventsFor, whole } from '../faults/rows/replies.js'
import { type Answer, type Exchange, type FaultServer, faultServer } from '../faults/server.js'
import { fakeClock } from '../middleware/fake-clock.js'
import { adaptersAt, type Name, names, requestFor } from '../wire/support.js'

/**
 * Without the shape of a real key, so that only the known value can be masked. An official client
 * does not expose its key: there keys have the real shape.
 */
const shapedKey = 'sk-canary71b2f0c4d6e8a3b5'
const secrets = {
  option: 'canary.option.71b2f0c4d6',
  call: 'canary.call.0d9a3e55b8',
  header: 'canary.header.5c1e8f2a90',
  callHeader: 'canary.callheader.b37d6610fe',
}
const marks = [...Object.values(secrets), shapedKey]
const prompt = 'canary prompt 4f0b7d'

/** The key of a request, echoed by a careless server. */
const keyOf = ({ request: { headers } }: Exchange): string =>
  String(
    headers['x-api-key'] ??
      headers['x-goog-api-key'] ??
      headers.authorization?.replace('Bearer ', ''),
  )

/** Refuses, and quotes the key in words, code, id and headers. */
const echoing =
  (status: number): Answer =>
  (exchange) => {
    const key = keyOf(exchange)
    const error = { message: `Bad key ${key}, again ${key}`, type: key, code: key, status: key }
    exchange.response.writeHead(status, {
      'content-type': 'application/json',
      'x-request-id': key,
      'request-id': `req_${key}`,
      'x-echo': key,
      'set-cookie': `session=${key}`,
      location: `https://elsewhere.test/?key=${key}`,
    })
    exchange.response.end(JSON.stringify({ error, request_id: key }))
  }

/** A whole answer, or its first events, under headers that quote the key. */
const quoting =
  (reply: (key: string) => Reply): Answer =>
  (exchange) => {
    const key = keyOf(exchange)
    return exchange.send(
      reply(key).headers({ 'x-request-id': key, 'request-id': key, 'x-echo': key }),
    )
  }

const lost: Answer = ({ socket }) => void socket.resetAndDestroy()

const scenarios = (name: Name): Readonly<Record<string, readonly Answer[]>> => ({
  'an answer': [quoting(() => whole)],
  'a loop of tools': [quoting(() => callTool('lookup', { city: 'Rome' })), whole],
  'a tool that does not parse': [callTool('lookup', '{"city":'), whole],
  ...Object.fromEntries(
    [307, 401, 404, 422, 429, 503].map((status) => [
      `a refusal with ${status} that quotes the key`,
      [echoing(status)],
    ]),
  ),
  'a refusal and then an answer': [echoing(503), whole],
  'a page with the key': [quoting((key) => html({ status: 502, body: `<html>${key}</html>` }))],
  'a page with status 200': [quoting((key) => html({ body: `<html>${key}</html>` }))],
  'JSON that is none': [quoting((key) => raw(`{"error":"${key}"`))],
  'an error in a 200': [echoing(200)],
  'an error in the stream': [
    quoting((key) => whole.failAfter(eventsFor(name, 3), 'overloaded', { message: `Key ${key}` })),
  ],
  'a quota': [quoting((key) => fail('quota', { message: `No money for ${key}`, code: key }))],
  'a cut': [quoting(() => whole.cut(eventsFor(name, 3), 'reset'))],
  'an end that is none': [quoting(() => whole.cut(eventsFor(name, 3), 'end'))],
  'an event that is no JSON': [
    quoting((key) => whole.editEvents((list) => [...list.slice(0, 4), { data: `{"${key}` }])),
  ],
  'a connection that is lost': [lost],
})

/** The ways in which code and people print a value. */
function shown(value: unknown): readonly string[] {
  const ways = [
    () => inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }),
    () => JSON.stringify(value),
    () => String(value),
    () => JSON.stringify({ ...(value as object) }),
    () => (value as Error).stack ?? '',
  ]
  return ways.map((way) => {
    try {
      return way() ?? ''
    } catch {
      // what cannot be printed in this way shows nothing
      return ''
    }
  })
}

/** Keeps what was printed of values, by where they came from. */
class Captured {
  readonly texts: [source: string, text: string][] = []
  add(source: string, value: unknown): void {
    for (const text of shown(value)) this.texts.push([source, text])
  }
  /** Where one of the words is shown, and what stands around it. */
  showing(words: readonly string[], of = /./): readonly string[] {
    const found = this.texts.flatMap(([source, text]) => {
      const at = of.test(source) ? Math.max(...words.map((word) => text.indexOf(word))) : -1
      return at < 0 ? [] : [`${source}: ${text.slice(Math.max(0, at - 60), at + 30)}`]
    })
    return [...new Set(found)].slice(0, 12)
  }
}

/** What a layer can see, at its start, with each chunk and at its end. */
const watching = (captured: Captured, place: string): Middleware =>
  async function watching(ctx, next) {
    ctx.transform((chunk, emit) => {
      captured.add(`chunk ${place}`, chunk)
      return emit(chunk)
    })
    try {
      return await next()
    } catch (error) {
      captured.add(`error in the stack ${place}`, error)
      throw error
    } finally {
      captured.add(`ctx ${place}`, ctx)
      for (const member of [
        'request',
        'response',
        'partial',
        'attempts',
        'usage',
        'options',
        'state',
        'client',
      ] as const)
        captured.add(`ctx.${member} ${place}`, ctx[member])
    }
  }

const officialClients = (server: FaultServer): readonly ProviderAdapter[] => {
  const apiKey = shapedKey
  return [
    openai({ client: new OpenAI({ apiKey, baseURL: server.baseURL('openai') }) }),
    anthropic({
      client: new Anthropic({ apiKey, authToken: null, baseURL: server.baseURL('anthropic') }),
    }),
    gemini({
      client: new GoogleGenAI({ apiKey, httpOptions: { baseUrl: server.baseURL('gemini') } }),
    }),
  ]
}

const ways = ['node:http', 'fetch', 'client'] as const
type Way = (typeof ways)[number]

const providersAt = (server: FaultServer, name: Name, way: Way): readonly ProviderAdapter[] =>
  way === 'client'
    ? officialClients(server)
    : adaptersAt({
        apiKey: secrets.option,
        baseURL: server.url + basePaths[name],
        headers: { 'x-team': secrets.header },
        ...(way === 'fetch' && { fetch: globalThis.fetch }),
      })

/** An SDK in memory that keeps all spans and figures. */
function telemetrySdk() {
  const spans = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const meters = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  })
  return {
    options: { tracer: provider.getTracer('t'), meter: meters.getMeter('t') },
    async exported() {
      await meters.forceFlush()
      const spanData = spans
        .getFinishedSpans()
        .map(({ name, attributes, events, status }) => ({ name, attributes, events, status }))
      return [spanData, exporter.getMetrics()]
    },
  }
}

interface World {
  readonly server: FaultServer
  readonly captured: Captured
  readonly name: Name
  readonly way: Way
}

function clientOf(
  { server, captured, name, way }: World,
  sdk: ReturnType<typeof telemetrySdk>,
): Client {
  const everything = (text: string) => text
  const keep = (line: unknown) => captured.add('a log line', line)
  return createClient({
    providers: providersAt(server, name, way),
    use: standard({
      log: { to: { info: keep, error: keep }, content: everything },
      retry: {
        clock: fakeClock({ jumps: true }),
        onRetry: (notice) => captured.add('onRetry', notice.error),
      },
      usage: { prices: false, onUsage: (record) => captured.add('a usage record', record) },
      tools: {
        lookup: {
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
          execute: (_, run) => {
            captured.add('a tool run', run)
            return 'found'
          },
        },
      },
      outside: { log: watching(captured, 'outermost') },
      inside: { params: watching(captured, 'innermost') },
      with: [telemetry({ ...sdk.options, content: everything }), redact()],
    }),
  })
}

/** One call, and what its caller holds of it. */
async function capture(world: World, ai: Client, mode: 'generate' | 'stream', ownKey: boolean) {
  const { captured, name } = world
  const request = requestFor(name, { messages: [{ role: 'user', content: prompt }] })
  const options = {
    ...(ownKey && { apiKeys: { [name]: secrets.call } }),
    headers: { 'x-user': secrets.callHeader },
  }
  captured.add('call options', ai)
  try {
    const stream = mode === 'stream' ? ai.stream(request, options) : undefined
    captured.add('a stream', stream)
    captured.add('a response', await (stream?.response ?? ai.generate(request, options)))
  } catch (error) {
    captured.add('an error', error)
    for (let cause = error; isCause(cause); cause = cause.cause) captured.add('a cause', cause)
    if (isTetradError(error)) {
      captured.add('error.partial', error.partial)
      captured.add('error.attempts', error.attempts)
    }
  }
}

const isCause = (value: unknown): value is { readonly cause?: unknown } =>
  typeof value === 'object' && value !== null

const takesClient: readonly Name[] = ['openai', 'anthropic', 'gemini']
const worlds = names.flatMap((name) =>
  ways
    .filter((way) => way !== 'client' || takesClient.includes(name))
    .map((way) => [name, way] as const),
)

it.each(worlds)('no key in anything exposed by a run over %s, %s', async (name, way) => {
  const captured = new Captured()
  const noise = watchProcess()
  onTestFinished(() => noise.stop())
  const sdk = telemetrySdk()
  for (const answers of Object.values(scenarios(name))) {
    for (const mode of ['generate', 'stream'] as const) {
      const server = await faultServer(answers)
      const world = { server, captured, name, way }
      const ai = clientOf(world, sdk)
      captured.add('the client', ai)
      captured.add('the trace', trace(ai))
      for (const layer of ai.layers) captured.add('a layer', layer)
      for (const provider of providersAt(server, name, way)) captured.add('a provider', provider)
      await capture(world, ai, mode, way !== 'client' && mode === 'stream')
      captured.add('addresses', server.addresses)
      await server.close()
    }
  }
  captured.add('spans and metrics', await sdk.exported())
  captured.add('the console', noise.printed)
  expect(captured.texts.length).toBeGreaterThan(500)
  expect(captured.showing(marks)).toEqual([])
  // the prompt is in the request, in lines and spans that enable it, and in no error
  expect(captured.showing([prompt], /^(an error|a cause|error|onRetry)/)).toEqual([])
  expect(noise.unhandled).toEqual([])
})

it.each(names)('no key of %s in anything a route sends or reports', async (name) => {
  const captured = new Captured()
  for (const answers of Object.values(scenarios(name))) {
    const server = await faultServer(answers)
    const ai = createClient({ providers: providersAt(server, name, 'node:http') })
    for (const format of ['chunks', 'ui', 'openai'] as const) {
      const chat = handler(ai, {
        public: true,
        format,
        models: { any: requestFor(name).model },
        onError: (error) => captured.add('onError', error),
      })
      const messages =
        format === 'ui'
          ? [{ id: 'u', role: 'user', parts: [{ type: 'text', text: prompt }] }]
          : [{ role: 'user', content: prompt }]
      const request = new Request('http://app.test/', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: 'chat', model: 'any', stream: true, messages }),
      })
      const response = await chat(request)
      captured.add('headers', [...response.headers])
      captured.add('a body', await response.text())
    }
    await server.close()
  }
  expect(captured.showing(marks)).toEqual([])
})

it('an abort exposes no key either, wherever the call was', async () => {
  const captured = new Captured()
  const sdk = telemetrySdk()
  for (const name of names) {
    const server = await faultServer([whole.stall(eventsFor(name, 3))])
    const ai = clientOf({ server, captured, name, way: 'node:http' }, sdk)
    const controller = new AbortController()
    const stream = ai.stream(requestFor(name), {
      signal: controller.signal,
      apiKeys: { [name]: secrets.call },
    })
    try {
      for await (const chunk of stream) if (chunk.type === 'text-delta') controller.abort()
    } catch (error) {
      captured.add('an error', error)
    }
    await server.close()
  }
  expect(captured.texts.some(([source]) => source === 'an error')).toBe(true)
  expect(captured.showing(marks)).toEqual([])
})
