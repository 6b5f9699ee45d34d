import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fallback } from '../../middleware/fallback.js'
import { log } from '../../middleware/log.js'
import { redact } from '../../middleware/redact.js'
import { type StandardOptions, standard } from '../../middleware/standard.js'
import { type TelemetryOptions, telemetry } from '../../middleware/telemetry.js'
import { tool } from '../../middleware/tools.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import { AbortError, BadRequestError, type Layers, layer } from '../../src/core/index.js'
import { openai } from '../../src/providers/openai/index.js'
import {
  callTool,
  fail,
  type MockServer,
  mockServer,
  type Reply,
  type Step,
  say,
  think,
} from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { scripted, say as words } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'
import { call, collect, thrown } from './script.js'
import { adapters } from './wires.js'

const contexts = new AsyncLocalStorageContextManager()
beforeAll(() => void context.setGlobalContextManager(contexts.enable()))
afterAll(() => context.disable())

/** An SDK in memory and its exports, by name. */
function sdk() {
  const spans = new InMemorySpanExporter()
  const ids: string[] = []
  const order: SpanProcessor = {
    onStart: (span) => void ids.push(span.spanContext().spanId),
    onEnd: () => {},
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const spanProcessors = [order, new SimpleSpanProcessor(spans)]
  const provider = new BasicTracerProvider({ spanProcessors })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({ readers: [reader] })
  return {
    provider,
    meters,
    options: { tracer: provider.getTracer('test'), meter: meters.getMeter('test') },
    /** In order of their start. */
    spans: () =>
      spans.getFinishedSpans().toSorted((a, b) => {
        return ids.indexOf(a.spanContext().spanId) - ids.indexOf(b.spanContext().spanId)
      }),
    async metrics() {
      await meters.forceFlush()
      const all = exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics)
      await meters.shutdown()
      return new Map((all ?? []).map((metric) => [metric.descriptor.name, metric]))
    },
  }
}

type Sdk = ReturnType<typeof sdk>

const named = (spans: readonly ReadableSpan[], name: string) =>
  spans.find((span) => span.name === name) ?? expect.fail(`no span '${name}'`)

/** Name and parent of each span. */
function tree(spans: readonly ReadableSpan[]): readonly string[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]))
  return spans.map(({ name, parentSpanContext }) => {
    const parent = names.get(parentSpanContext?.spanId ?? '')
    return parent === undefined ? name : `${name} < ${parent}`
  })
}

const modes = ['generate', 'stream'] as const
type Mode = (typeof modes)[number]

const runCall = (ai: Client, mode: Mode, request: ChatRequest) =>
  mode === 'generate' ? ai.generate(request) : ai.stream(request).response

const model = 'openai/gpt-5-mini'
const question: ChatRequest = { model, messages: [{ role: 'user', content: 'Hi' }] }
const usage = {
  prompt_tokens: 100,
  completion_tokens: 20,
  prompt_tokens_details: { cached_tokens: 64 },
  completion_tokens_details: { reasoning_tokens: 5 },
}

async function onServer(
  script: readonly Step[],
  run: (ai: Client, sdk: Sdk, server: MockServer) => Promise<void>,
  { more = [], prices, content, ...options }: Given = {},
): Promise<void> {
  await using server = await mockServer(script)
  const observed = sdk()
  const use = standard({
    retry: { attempts: 2, clock: fakeClock({ jumps: true }) },
    with: [...more, telemetry({ ...observed.options, content })],
    ...options,
  })
  await run(createClient({ providers: adapters(server), use, prices }), observed, server)
}

interface Given extends StandardOptions {
  readonly more?: readonly Layers[]
  readonly content?: TelemetryOptions['content']
  readonly prices?: Parameters<typeof createClient>[0] extends infer Options
    ? Options extends { prices?: infer Prices }
      ? Prices
      : never
    : never
}

const inMemory = () => telemetry(sdk().options)
middlewareContract('telemetry', () => inMemory()[0] ?? expect.fail('no layer'))
middlewareContract('telemetry: inference', () => inMemory()[1] ?? expect.fail('no layer'))
middlewareContract('telemetry without an SDK', () => telemetry()[1] ?? expect.fail('no layer'))

describe.each(modes)('%s', (mode) => {
  it('a call is an agent span that contains a span of the model that responded', async () => {
    const request: ChatRequest = {
      ...question,
      max_completion_tokens: 50,
      reasoning_effort: 'low',
      response_format: { type: 'json_object' },
    }
    await onServer([say('{"a":1}').usage(usage)], async (ai, { spans }) => {
      const options = { tags: { tenant: 'acme' } }
      const reply =
        mode === 'generate'
          ? await ai.generate(request, options)
          : await ai.stream(request, options).response
      expect(tree(spans())).toEqual(['invoke_agent', 'chat gpt-5-mini < invoke_agent'])
      const agent = named(spans(), 'invoke_agent')
      expect(agent.kind).toBe(SpanKind.INTERNAL)
      expect(agent.attributes).toMatchObject({
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.input_tokens': 100,
        'gen_ai.usage.output_tokens': 20,
        'tetrad.tag.tenant': 'acme',
      })
      const inference = named(spans(), 'chat gpt-5-mini')
      expect(inference.kind).toBe(SpanKind.CLIENT)
      expect(inference.status.code).toBe(SpanStatusCode.UNSET)
      const { 'gen_ai.response.time_to_first_chunk': firstChunk, ...attributes } =
        inference.attributes
      expect(attributes).toEqual({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-5-mini',
        'gen_ai.request.max_tokens': 50,
        'gen_ai.request.reasoning.level': 'low',
        'gen_ai.output.type': 'json',
        ...(mode === 'stream' && { 'gen_ai.request.stream': true }),
        'gen_ai.response.id': reply.id,
        'gen_ai.response.model': reply.model,
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.input_tokens': 100,
        'gen_ai.usage.output_tokens': 20,
        'gen_ai.usage.cache_read.input_tokens': 64,
        'gen_ai.usage.reasoning.output_tokens': 5,
        'gen_ai.usage.cost.amount': reply.usage.cost,
        'gen_ai.usage.cost.currency': 'USD',
        'gen_ai.usage.cost.source': 'local',
      })
      expect(typeof firstChunk).toBe(mode === 'stream' ? 'number' : 'undefined')
    })
  })

  it.each([
    ['gemini/gemini-2.5-flash', 'generate_content gemini-2.5-flash', 'gcp.gemini'],
    ['anthropic/claude-sonnet-4-5', 'chat claude-sonnet-4-5', 'anthropic'],
    ['xai/grok-4.3', 'chat grok-4.3', 'x_ai'],
    ['local/model', 'chat model', 'local'],
  ])('%s is named by the conventions', async (asked, name, provider) => {
    await onServer([say('Hello')], async (ai, { spans }) => {
      await runCall(ai, mode, { ...question, model: asked, temperature: 0.5 })
      expect(named(spans(), name).attributes).toMatchObject({
        'gen_ai.provider.name': provider,
        'gen_ai.operation.name': name.split(' ')[0],
        'gen_ai.request.temperature': 0.5,
      })
    })
  })

  it('tools run in spans of their own, and a nested call in that of its tool', async () => {
    const seen: unknown[] = []
    const look = tool({
      description: 'Looks',
      execute: async (_, { ctx, tool_call_id }) => {
        await Promise.resolve()
        seen.push(tool_call_id)
        await ctx.client.generate(question)
        seen.push(trace.getActiveSpan()?.spanContext().spanId)
        return 'seen'
      },
    })
    const script = [callTool('look'), say('A nested answer.'), say('Done.')]
    await onServer(
      script,
      async (ai, { spans }) => {
        await runCall(ai, mode, question)
        expect(tree(spans())).toEqual([
          'invoke_agent',
          'chat gpt-5-mini < invoke_agent',
          'execute_tool look < invoke_agent',
          'chat gpt-5-mini < execute_tool look',
          'chat gpt-5-mini < invoke_agent',
        ])
        const run = named(spans(), 'execute_tool look')
        expect(run.kind).toBe(SpanKind.INTERNAL)
        expect(run.attributes).toEqual({
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'look',
          'gen_ai.tool.type': 'function',
          'gen_ai.tool.call.id': seen[0],
        })
        expect(seen[1]).toBe(run.spanContext().spanId)
        const first = named(spans(), 'chat gpt-5-mini')
        expect(first.attributes['gen_ai.response.finish_reasons']).toEqual(['tool_call'])
      },
      { tools: { look } },
    )
  })

  it('the tools of a nested call of an outer layer have spans too', async () => {
    const judge = layer('judge', async ({ client }, next) => {
      await client.generate(question)
      return next()
    })
    const look = tool({ description: 'Looks', execute: () => 'seen' })
    await onServer(
      [callTool('look'), say('Judged.'), say('Done.')],
      async (ai, { spans }) => {
        await runCall(ai, mode, question)
        expect(tree(spans())).toEqual([
          'invoke_agent',
          'chat gpt-5-mini < invoke_agent',
          'execute_tool look < invoke_agent',
          'chat gpt-5-mini < invoke_agent',
          'chat gpt-5-mini < invoke_agent',
        ])
      },
      { tools: { look }, outside: { history: judge } },
    )
  })

  it('a tool that fails marks only its own span', async () => {
    const broken = tool({
      description: 'Breaks',
      execute: () => {
        throw new RangeError('the canary died')
      },
    })
    await onServer(
      [callTool('broken'), say('It is broken.')],
      async (ai, { spans }) => {
        await runCall(ai, mode, question)
        const run = named(spans(), 'execute_tool broken')
        expect(run.status).toEqual({ code: SpanStatusCode.ERROR, message: 'RangeError' })
        expect(run.attributes['error.type']).toBe('RangeError')
        expect(named(spans(), 'invoke_agent').status.code).toBe(SpanStatusCode.UNSET)
        expect(JSON.stringify(spans().map(shown))).not.toContain('canary')
      },
      { tools: { broken } },
    )
  })

  it('a call that waits for approval has no tool span before it', async () => {
    const send = tool({ description: 'Sends', needsApproval: true, execute: () => 'sent' })
    await onServer(
      [callTool('send'), say('Sent.')],
      async (ai, { spans }) => {
        const asked = await runCall(ai, mode, question)
        expect(tree(spans())).toEqual(['invoke_agent', 'chat gpt-5-mini < invoke_agent'])
        const yes = (asked.approvals ?? []).map(({ id, tool_call_id }) => {
          return { role: 'tool' as const, tool_call_id, approval: { id, approved: true } }
        })
        const messages = [...question.messages, ...asked.messages, ...yes]
        await runCall(ai, mode, { ...question, messages })
        expect(tree(spans()).slice(2)).toEqual([
          'invoke_agent',
          'execute_tool send < invoke_agent',
          'chat gpt-5-mini < invoke_agent',
        ])
      },
      { tools: { send } },
    )
  })

  it('retries are one span, and each attempt is an event of it', async () => {
    await onServer([fail(503), say('Hello').usage(usage)], async (ai, { spans }) => {
      await runCall(ai, mode, question)
      expect(tree(spans())).toEqual(['invoke_agent', 'chat gpt-5-mini < invoke_agent'])
      const { events, status, attributes } = named(spans(), 'chat gpt-5-mini')
      expect(events.map(({ name }) => name)).toEqual(['tetrad.attempt', 'tetrad.attempt'])
      expect(events.map((event) => event.attributes)).toMatchObject([
        {
          'gen_ai.provider.name': 'openai',
          'gen_ai.request.model': 'gpt-5-mini',
          'tetrad.attempt.status': 'failed',
          'error.type': 'ServiceUnavailableError',
          'http.response.status_code': 503,
        },
        { 'tetrad.attempt.status': 'ok', 'gen_ai.usage.input_tokens': 100 },
      ])
      expect(status.code).toBe(SpanStatusCode.UNSET)
      expect(attributes['gen_ai.usage.input_tokens']).toBe(100)
    })
  })

  it('a fallback is in the same span, which names the model that responded', async () => {
    await onServer(
      [fail(503), fail(503), say('Hello')],
      async (ai, { spans }) => {
        await runCall(ai, mode, question)
        const { events, attributes } = named(spans(), 'chat gpt-5-mini')
        expect(events.map((event) => event.attributes?.['gen_ai.provider.name'])).toEqual([
          'openai',
          'openai',
          'anthropic',
        ])
        expect(attributes).toMatchObject({
          'gen_ai.request.model': 'gpt-5-mini',
          'gen_ai.provider.name': 'anthropic',
          'gen_ai.response.finish_reasons': ['stop'],
        })
      },
      { more: [fallback('anthropic/claude-sonnet-4-5')] },
    )
  })

  it('a failure closes both spans with its type, and without its message', async () => {
    await onServer([fail(400, { message: 'the canary died' })], async (ai, observed) => {
      expect(await thrown(runCall(ai, mode, question))).toBeInstanceOf(BadRequestError)
      for (const span of observed.spans()) {
        expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'BadRequestError' })
        expect(span.attributes).toMatchObject({
          'error.type': 'BadRequestError',
          'gen_ai.response.finish_reasons': ['error'],
        })
      }
      expect(observed.spans()).toHaveLength(2)
      expect(JSON.stringify(observed.spans().map(shown))).not.toContain('canary')
      const metric = (await observed.metrics()).get('gen_ai.client.inference.duration')
      expect(metric?.dataPoints[0]?.attributes).toMatchObject({ 'error.type': 'BadRequestError' })
    })
  })

  it('an unknown model is a failure like any other', async () => {
    await onServer([], async (ai, { spans }) => {
      await thrown(runCall(ai, mode, { ...question, model: 'nobody/knows' }))
      expect(named(spans(), 'chat nobody/knows').attributes['error.type']).toBe('BadRequestError')
    })
  })

  it('an abort closes the spans with the known values, and is no failure', async () => {
    await onServer([say('One two three').stall(0)], async (ai, { spans }, server) => {
      const controller = new AbortController()
      const options = { signal: controller.signal }
      const answer =
        mode === 'generate' ? ai.generate(question, options) : ai.stream(question, options).response
      await expect.poll(() => server.requests.length).toBe(1)
      controller.abort()
      expect(await thrown(answer)).toBeInstanceOf(AbortError)
      expect(spans().map(({ status }) => status.code)).toEqual([
        SpanStatusCode.UNSET,
        SpanStatusCode.UNSET,
      ])
      const { attributes, events } = named(spans(), 'chat gpt-5-mini')
      expect(attributes).toMatchObject({
        'error.type': 'AbortError',
        'gen_ai.response.finish_reasons': ['error'],
        'tetrad.usage.estimated': true,
      })
      expect(attributes['gen_ai.usage.input_tokens']).toBeGreaterThan(0)
      expect(events[0]?.attributes).toMatchObject({ 'tetrad.attempt.status': 'aborted' })
    })
  })

  it('costs are recorded, with the source of the prices', async () => {
    const prices = { 'openai/gpt-5-mini': { input_mtok: 1, output_mtok: 2 } }
    await onServer(
      [say('Hello').usage({ prompt_tokens: 1_000_000, completion_tokens: 500_000 })],
      async (ai, { spans }) => {
        await runCall(ai, mode, question)
        for (const span of spans())
          expect(span.attributes).toMatchObject({
            'gen_ai.usage.cost.amount': 2,
            'gen_ai.usage.cost.currency': 'USD',
            'gen_ai.usage.cost.source': 'local',
          })
      },
      { prices },
    )
  })

  it('tokens and durations are recorded under the names of the conventions', async () => {
    const look = tool({ description: 'Looks', execute: () => 'seen' })
    await onServer(
      [callTool('look'), say('Hello').usage(usage)],
      async (ai, observed) => {
        await runCall(ai, mode, question)
        const metrics = await observed.metrics()
        const duration = metrics.get('gen_ai.client.inference.duration')
        expect(duration?.descriptor.unit).toBe('s')
        expect(duration?.dataPoints[0]).toMatchObject({
          attributes: {
            'gen_ai.operation.name': 'chat',
            'gen_ai.provider.name': 'openai',
            'gen_ai.request.model': 'gpt-5-mini',
          },
          value: { count: 2, buckets: { boundaries: expect.arrayContaining([0.01, 81.92]) } },
        })
        const sum = (name: string) =>
          metrics
            .get(`gen_ai.client.inference.usage.${name}`)
            ?.dataPoints.reduce((total, { value }) => total + Number(value), 0)
        expect(sum('input_tokens')).toBeGreaterThan(100)
        expect(sum('cache_read.input_tokens')).toBe(64)
        expect(sum('reasoning.output_tokens')).toBe(5)
        expect(metrics.has('gen_ai.client.inference.time_to_first_chunk')).toBe(mode === 'stream')
        expect(metrics.get('gen_ai.invoke_agent.duration')?.dataPoints[0]?.value).toMatchObject({
          count: 1,
        })
        expect(metrics.get('gen_ai.execute_tool.duration')?.dataPoints[0]).toMatchObject({
          attributes: { 'gen_ai.tool.name': 'look' },
          value: { count: 1 },
        })
      },
      { tools: { look } },
    )
  })

  it('the span of the model is active in the provider’s fetch', async () => {
    await using server = await mockServer([say('Hello')])
    const { options, spans } = sdk()
    let active: string | undefined
    const watched: typeof fetch = (input, init) => {
      active = trace.getActiveSpan()?.spanContext().spanId
      return fetch(input, init)
    }
    const providers = [openai({ ...server.options('openai'), fetch: watched })]
    const ai = createClient({ providers, use: standard({ with: [telemetry(options)] }) })
    await runCall(ai, mode, question)
    expect(active).toBe(named(spans(), 'chat gpt-5-mini').spanContext().spanId)
  })
})

describe('a stream', () => {
  it('records the times between chunks, including those of thoughts and calls', async () => {
    const reply = think('Let me see.').say('One two three', { chunks: 3 }).callTool('look')
    await onServer([reply, say('Seen')], async (ai, observed) => {
      const { chunks } = await collect(ai.stream(question))
      const made = chunks.filter(({ type }) => !['start', 'warning', 'finish'].includes(type))
      expect(made.length).toBeGreaterThan(4)
      const metric = (await observed.metrics()).get('gen_ai.client.inference.time_per_output_chunk')
      expect(metric?.descriptor.unit).toBe('s')
      expect(metric?.dataPoints).toMatchObject([
        {
          attributes: { 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-5-mini' },
          value: { count: made.length - 1 },
        },
      ])
    })
  })

  it('whose reader stops closes its spans with the values so far', async () => {
    await onServer([say('One two three').stall(6)], async (ai, { spans }) => {
      for await (const chunk of ai.stream(question)) if (chunk.type === 'text-delta') break
      const { attributes } = named(spans(), 'chat gpt-5-mini')
      expect(attributes['error.type']).toBe('AbortError')
      expect(attributes['gen_ai.usage.output_tokens']).toBeGreaterThan(0)
      expect(attributes['gen_ai.response.id']).toEqual(expect.any(String))
      expect(spans()).toHaveLength(2)
    })
  })

  it('that is interrupted records the usage so far', async () => {
    await onServer([say('One two three').cut(6)], async (ai, { spans }) => {
      await collect(ai.stream(question))
      const { attributes } = named(spans(), 'chat gpt-5-mini')
      expect(attributes['error.type']).toBe('StreamInterruptedError')
      expect(attributes['gen_ai.usage.output_tokens']).toBeGreaterThan(0)
    })
  })

  it('belongs to the span in which it was created, and its reader keeps its own', async () => {
    await onServer([say('One two three')], async (ai, { options, spans }) => {
      const { tracer } = options
      const stream = tracer.startActiveSpan('made', (span) => {
        span.end()
        return ai.stream(question)
      })
      await tracer.startActiveSpan('read', async (span) => {
        for await (const _ of stream) expect(trace.getActiveSpan()).toBe(span)
        span.end()
      })
      expect(tree(spans())).toContain('invoke_agent < made')
    })
  })
})

/** Everything of a span that is exported. */
const shown = ({ name, attributes, events, status }: ReadableSpan) => {
  return { name, attributes, events, status }
}

describe('content', () => {
  const canary = 'Write to ada@example.com'
  const asked: ChatRequest = { ...question, messages: [{ role: 'user', content: canary }] }
  const mail = tool({
    description: 'Sends',
    execute: () => 'ada@example.com has it, and so has bob@example.com',
  })
  const script = () => [
    callTool('mail', { to: 'ada@example.com' }),
    say('I wrote to ada@example.com'),
  ]

  it.each(modes)('is in no span and no metric by default, in %s', async (mode) => {
    await onServer(
      script(),
      async (ai, observed) => {
        await runCall(ai, mode, asked)
        expect(JSON.stringify(observed.spans().map(shown))).not.toMatch(/ada|bob|Write/)
        expect(JSON.stringify([...(await observed.metrics())])).not.toMatch(/ada@|bob|Write/)
      },
      { tools: { mail } },
    )
  })

  it.each(modes)('is on the spans of the model if enabled, in %s', async (mode) => {
    await onServer(
      script(),
      async (ai, { spans }) => {
        await runCall(ai, mode, asked)
        const last = spans()
          .filter(({ name }) => name === 'chat gpt-5-mini')
          .at(-1)
        const read = (name: string) => JSON.parse(String(last?.attributes[name]))
        expect(read('gen_ai.input.messages')).toMatchObject([
          { role: 'user', parts: [{ type: 'text', content: canary }] },
          {
            role: 'assistant',
            parts: [{ type: 'tool_call', name: 'mail', arguments: expect.stringContaining('ada') }],
          },
          {
            role: 'tool',
            parts: [{ type: 'tool_call_response', response: expect.stringContaining('bob') }],
          },
        ])
        expect(read('gen_ai.output.messages')).toEqual([
          {
            role: 'assistant',
            parts: [{ type: 'text', content: 'I wrote to ada@example.com' }],
            finish_reason: 'stop',
          },
        ])
        const others = spans().filter(({ name }) => !name.startsWith('chat'))
        expect(JSON.stringify(others.map(shown))).not.toContain('ada@')
      },
      { tools: { mail }, content: (text) => text },
    )
  })

  /** The model repeats the placeholder that it was sent. */
  const echo = (reply: (name: string) => Reply) => (request: { readonly text: string }) =>
    reply(/<EMAIL_(?!1>)\w+>/.exec(request.text)?.[0] ?? expect.fail('no placeholder'))

  it.each(modes)('restored by redact() is in no span, in %s', async (mode) => {
    await onServer(
      [
        echo((name) => callTool('mail', { to: name })),
        echo((name) => say(`I wrote to ${name}`)),
        fail(400, { message: 'no mail to ada@example.com' }),
      ],
      async (ai, { spans }) => {
        expect((await runCall(ai, mode, asked)).text).toBe('I wrote to ada@example.com')
        await thrown(runCall(ai, mode, asked))
        const all = JSON.stringify(spans().map(shown))
        expect(all).not.toMatch(/ada@|bob@/)
        expect(all).toMatch(/I wrote to <EMAIL_/)
      },
      { tools: { mail }, content: (text) => text, more: [redact({ restore: true })] },
    )
  })

  it.each(modes)('masked by redact() is in no span, in %s', async (mode) => {
    await onServer(
      [...script(), fail(400, { message: 'no mail to ada@example.com' })],
      async (ai, { spans }) => {
        expect((await runCall(ai, mode, asked)).text).toBe('I wrote to <EMAIL>')
        await thrown(runCall(ai, mode, asked))
        const all = JSON.stringify(spans().map(shown))
        expect(all).not.toMatch(/ada@|bob@/)
        expect(all).toContain('I wrote to <EMAIL>')
      },
      { tools: { mail }, content: (text) => text, more: [redact()] },
    )
  })

  it.each(modes)('found by a service of redact() is in no span, in %s', async (mode) => {
    const detect = (text: string) => {
      const start = text.indexOf('Ada')
      return start === -1 ? [] : [{ name: 'NAME', start, end: start + 3 }]
    }
    await onServer(
      [say('Ada Lovelace wrote it.')],
      async (ai, { spans }) => {
        await runCall(ai, mode, {
          ...question,
          messages: [{ role: 'user', content: 'Who is Ada?' }],
        })
        const { attributes } = named(spans(), 'chat gpt-5-mini')
        expect(attributes['gen_ai.input.messages']).toContain('Who is <NAME>?')
        expect(JSON.stringify(spans().map(shown))).not.toContain('Ada')
      },
      { content: (text) => text, more: [redact({ detect })] },
    )
  })

  it('with an address that a model writes with escapes is masked too', async () => {
    const spelled = '{"to":"ada\\u0040example.com"}'
    const provider = scripted([call([['c1', 'mail', spelled]]), words('Sent.')])
    const { options, spans } = sdk()
    const policies = [telemetry({ ...options, content: (text) => text }), redact()]
    const use = standard({ tools: { mail }, with: policies })
    const ai = createClient({ providers: [provider], use })
    await ai.generate({ ...asked, model: 'scripted/model-1' })
    expect(JSON.stringify(spans().map(shown))).not.toMatch(/ada@|ada\\/)
  })

  it('shows images and files only by their kind', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } } as const
    await onServer(
      [say('A cat.')],
      async (ai, { spans }) => {
        await ai.generate({ ...question, messages: [{ role: 'user', content: [image] }] })
        const { attributes } = named(spans(), 'chat gpt-5-mini')
        expect(attributes['gen_ai.input.messages']).toBe(
          '[{"role":"user","parts":[{"type":"image_url"}]}]',
        )
      },
      { content: (text) => text },
    )
  })

  it('is omitted if its function fails, and the call continues', async () => {
    const content = () => {
      throw new Error('no masking today')
    }
    await onServer(
      [say('Hello')],
      async (ai, { spans }) => {
        expect((await ai.generate(asked)).text).toBe('Hello')
        const { attributes } = named(spans(), 'chat gpt-5-mini')
        expect(attributes).not.toHaveProperty(['gen_ai.input.messages'])
        expect(attributes['gen_ai.usage.input_tokens']).toBeGreaterThan(0)
      },
      { content },
    )
  })
})

describe('without a tracer', () => {
  afterEach(() => {
    trace.disable()
    metrics.disable()
  })

  it('it uses the registered SDK, even one registered later, and none before', async () => {
    const { provider, meters, spans, metrics: read } = sdk()
    const ai = createClient({ providers: [scripted([words('Hello')])], use: telemetry() })
    const asked = { ...question, model: 'scripted/model-1' }
    expect((await ai.generate(asked)).text).toBe('Hello')
    trace.setGlobalTracerProvider(provider)
    metrics.setGlobalMeterProvider(meters)
    await ai.generate(asked)
    expect(tree(spans())).toEqual(['invoke_agent', 'chat model-1 < invoke_agent'])
    const durations = (await read()).get('gen_ai.client.inference.duration')
    expect(durations?.dataPoints[0]?.value).toMatchObject({ count: 1 })
  })

  it('nothing of OpenTelemetry is imported', async () => {
    const entry = new URL('../../middleware/telemetry.ts', import.meta.url).pathname
    const options = { bundle: true, format: 'esm', write: false, metafile: true } as const
    const { metafile } = await build({ entryPoints: [entry], platform: 'neutral', ...options })
    const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports)
    expect(imported.length).toBeGreaterThan(0)
    expect(imported.filter(({ path }) => /opentelemetry/.test(path))).toEqual([])
  })
})

it('a meter of the app that fails costs no response', async () => {
  const meter = {
    createCounter: () => ({ add: () => expect.fail('down') }),
    createHistogram: () => ({ record: () => expect.fail('down') }),
  }
  const use = telemetry({ meter })
  const ai = createClient({ providers: [scripted([words('Hello')])], use })
  expect((await ai.generate({ ...question, model: 'scripted/model-1' })).text).toBe('Hello')
})

/** Every outcome: one model span per call, and only attributes that the conventions define. */
it.each([
  ['ok', say('Hello').usage(usage)],
  ['empty', say('')],
  ['429', fail(429)],
  ['500', fail(500)],
  ['cut', say('One two').cut(2)],
  ['failed late', say('One two').failAfter(2, 'overloaded')],
  ['refused', fail(400)],
] as const)('%s: one model span, with known names', async (_, reply) => {
  await onServer([reply, reply, reply, reply], async (ai, observed) => {
    for (const mode of modes) await thrown(runCall(ai, mode, question))
    const inferences = observed.spans().filter(({ kind }) => kind === SpanKind.CLIENT)
    expect(inferences).toHaveLength(2)
    const names = observed
      .spans()
      .flatMap((span) => [
        ...Object.keys(span.attributes),
        ...span.events.flatMap(({ attributes = {} }) => Object.keys(attributes)),
      ])
    for (const name of names) expect(name).toMatch(known)
    const metrics = await observed.metrics()
    const counted = metrics.get('gen_ai.client.inference.usage.input_tokens')
    expect(counted?.dataPoints.length).toBeGreaterThan(0)
  })
})

/**
 * The registry of the conventions at 024a4f9, as far as it is used; cost as proposed in PR 443; and
 * names of our own.
 */
const known =
  /^(gen_ai\.(operation\.name|provider\.name|request\.(model|stream|max_tokens|temperature|top_p|top_k|seed|stop_sequences|frequency_penalty|presence_penalty|reasoning\.level|previous_response\.id)|response\.(id|model|finish_reasons|time_to_first_chunk)|output\.type|usage\.((cache_read|cache_write|audio|image)\.)?input_tokens|usage\.((reasoning|audio|image)\.)?output_tokens|usage\.cost\.(amount|currency|source)|tool\.(name|type|call\.id))|error\.type|http\.response\.status_code|tetrad\.[a-z_.]+)$/

it('standard() puts both layers in their places', () => {
  const layers = standard({
    log: log({ to: { info: () => {}, error: () => {} } }),
    with: [fallback('openai/gpt-5'), telemetry(), redact({ restore: true })],
  })
  expect(layers.map(({ name }) => name)).toEqual([
    'log',
    'telemetry',
    'usage',
    'alias',
    'history',
    'tools',
    'redact',
    'telemetry-inference',
    'fallback',
    'retry',
    'timeout',
    'params',
  ])
  const plain = standard({ with: [telemetry()] }).map(({ name }) => name)
  expect(plain.indexOf('telemetry-inference')).toBe(plain.indexOf('tools') + 1)
  expect(plain[0]).toBe('telemetry')
})
