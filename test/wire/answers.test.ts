/**
 * Provider-specific shapes of real responses, over a socket, in both modes: calls, texts, usage and
 * members are complete.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { log } from '../../middleware/log.js'
import { asObjects, type ChatResponse, defined, type JsonObject } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import {
  InternalServerError,
  type TetradError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { adaptersAt, type Name, names, requestFor } from './support.js'

let next: {
  status?: number
  body?: unknown
  events?: readonly JsonObject[]
  raw?: string
  id?: string
} = {}
/** The body of the last request. */
let sent = ''
const server = createServer((request, response) => {
  sent = ''
  request.on('data', (bytes) => {
    sent += bytes
  })
  request.on('end', () => {
    const { status = 200, body, events, raw, id = 'req_1' } = next
    const type = events || raw ? 'text/event-stream' : 'application/json'
    response.writeHead(status, { 'content-type': type, 'x-request-id': id, 'request-id': id })
    const lines = events?.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    response.end(raw ?? lines?.join('') ?? JSON.stringify(body))
  })
})
const lines: string[] = []
let ai: Client

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // a TCP server has an address of this shape
  const { port } = server.address() as AddressInfo
  const options = { apiKey: 'key-of-a-test', baseURL: `http://127.0.0.1:${port}` }
  const write = (line: unknown) => void lines.push(JSON.stringify(line))
  ai = createClient({
    providers: adaptersAt(options),
    use: [log({ to: { info: write, error: write } })],
  })
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const tools = ['f', 'g'].map((name) => ({ type: 'function' as const, function: { name } }))

/** The response to one exchange, in the mode in which it was recorded. */
async function answer(name: Name, exchange: typeof next): Promise<ChatResponse> {
  next = exchange
  const request = requestFor(name, { tools })
  return exchange.events ? ai.stream(request).response : ai.generate(request)
}

const callsIn = ({ message, finish_reason }: ChatResponse) => ({
  finish_reason,
  calls: message.tool_calls?.map((call) =>
    call.type === 'function' ? [call.function.name, call.function.arguments] : [],
  ),
})

// ---- The wires ----------------------------------------------------------------------------------

const claude = (content: readonly JsonObject[], more: JsonObject = {}) => ({
  body: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content,
    stop_reason: 'tool_use',
    usage: { input_tokens: 1, output_tokens: 1 },
    ...more,
  },
})
const claudeEvents = (events: readonly JsonObject[], stop_reason = 'tool_use') => ({
  events: [
    { type: 'message_start', message: { id: 'msg_1', model: 'm', usage: { input_tokens: 1 } } },
    ...events,
    { type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ],
})
const begin = (index: unknown, name = 'f') => ({
  type: 'content_block_start',
  index,
  content_block: { type: 'tool_use', id: `toolu_${index}`, name, input: {} },
})
const json = (partial_json: unknown, index: unknown = 0) => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'input_json_delta', partial_json },
})
const stop = (index: unknown = 0) => ({ type: 'content_block_stop', index })
const delta = (value: JsonObject, index: unknown = 0) => ({
  type: 'content_block_delta',
  index,
  delta: value,
})

const response = (output: readonly JsonObject[], more: JsonObject = {}) => ({
  id: 'resp_1',
  status: 'completed',
  model: 'm',
  output,
  usage: { input_tokens: 1, output_tokens: 1 },
  ...more,
})
const item = (call_id: string, args: unknown, name = 'f') => ({
  type: 'function_call',
  call_id,
  name,
  arguments: args,
})
const untyped = (call_id: string) => ({ call_id, name: 'f', arguments: '{"x":1}' })
const responsesEvents = (events: readonly JsonObject[], output: readonly JsonObject[] = []) => ({
  events: [...events, { type: 'response.completed', response: response(output) }],
})

const part = (args: unknown, name = 'f') => ({ functionCall: { name, args } })
const candidate = (parts: readonly JsonObject[], more: JsonObject = {}) => ({
  candidates: [{ content: { parts }, finishReason: 'STOP', ...more }],
})

const chat = (message: unknown, more: JsonObject = {}) => ({
  body: { id: 'c', model: 'm', choices: [{ message, finish_reason: 'stop' }], ...more },
})
const fn = (index: unknown, args: unknown, { id, name }: { id?: string; name?: string } = {}) => ({
  ...(index !== undefined && { index }),
  ...(id !== undefined && { id }),
  function: { ...(name !== undefined && { name }), arguments: args },
})
const chatEvents = (...deltas: readonly (readonly JsonObject[])[]) => ({
  events: [
    ...deltas.map((tool_calls) => ({ id: 'c', choices: [{ delta: { tool_calls } }] })),
    { id: 'c', choices: [{ delta: {}, finish_reason: 'tool_calls' }] },
  ],
})

// ---- Calls --------------------------------------------------------------------------------------

const one = [['f', '{"x":1}']]
const two = [...one, ['g', '{"y":2}']]
const twice = [...one, ['f', '{"x":2}']]
type Row = readonly [what: string, name: Name, exchange: typeof next, calls: unknown]

const calls: readonly Row[] = [
  [
    'arguments behind the end of their block',
    'anthropic',
    claudeEvents([begin(0), stop(), json('{"x":1}')]),
    one,
  ],
  [
    'the rest of arguments behind the end of their block',
    'anthropic',
    claudeEvents([begin(0), json('{"x"'), stop(), json(':1}')]),
    one,
  ],
  [
    'arguments of two blocks behind both ends',
    'anthropic',
    claudeEvents([
      begin(0),
      stop(0),
      begin(1, 'g'),
      stop(1),
      json('{"y":2}', 1),
      json('{"x":1}', 0),
    ]),
    two,
  ],
  [
    'an index that is text',
    'anthropic',
    claudeEvents([begin(0), json('{"x":1}', '0'), stop()]),
    one,
  ],
  [
    'an empty object first',
    'anthropic',
    claudeEvents([begin(0), json('{}'), json('{"x":1}'), stop()]),
    one,
  ],
  [
    'an empty object alone',
    'anthropic',
    claudeEvents([begin(0), json('{}'), stop()]),
    [['f', '{}']],
  ],
  [
    'an empty object before the end of its block, the rest behind it',
    'anthropic',
    claudeEvents([begin(0), json('{}'), stop(), json('{"x":1}')]),
    one,
  ],
  ['a piece that is an object', 'anthropic', claudeEvents([begin(0), json({ x: 1 }), stop()]), one],
  [
    'input that is JSON text',
    'anthropic',
    claude([{ type: 'tool_use', id: 't', name: 'f', input: '{"x":1}' }]),
    one,
  ],
  [
    'two blocks with one id',
    'anthropic',
    claude([
      { type: 'tool_use', id: 't', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 't', name: 'f', input: { x: 2 } },
    ]),
    twice,
  ],
  ...(['openai', 'xai'] as const).flatMap((name): Row[] => [
    ['arguments that are an object', name, { body: response([item('a', { x: 1 })]) }, one],
    [
      'two items with one call_id',
      name,
      { body: response([item('a', '{"x":1}'), item('a', '{"x":2}')]) },
      twice,
    ],
    [
      'arguments that are an object, in the finished item',
      name,
      responsesEvents([
        { type: 'response.output_item.added', output_index: 0, item: item('a', '') },
        { type: 'response.output_item.done', output_index: 0, item: item('a', { x: 1 }) },
      ]),
      one,
    ],
    [
      'arguments that are an object, when they are done',
      name,
      responsesEvents([
        { type: 'response.output_item.added', output_index: 0, item: item('a', '') },
        { type: 'response.function_call_arguments.done', output_index: 0, arguments: { x: 1 } },
      ]),
      one,
    ],
    [
      'an empty object first',
      name,
      responsesEvents([
        { type: 'response.output_item.added', output_index: 0, item: item('a', '') },
        ...['{}', '{"x":1}'].map((delta) => ({
          type: 'response.function_call_arguments.delta',
          output_index: 0,
          delta,
        })),
        { type: 'response.output_item.done', output_index: 0, item: item('a', '{"x":1}') },
      ]),
      one,
    ],
    ['a call without a type', name, { body: response([untyped('a')]) }, one],
    [
      'a call without a type, streamed',
      name,
      responsesEvents([
        { type: 'response.output_item.added', output_index: 0, item: untyped('a') },
        { type: 'response.output_item.done', output_index: 0, item: untyped('a') },
      ]),
      one,
    ],
    [
      'a call that starts twice',
      name,
      responsesEvents([
        { type: 'response.output_item.added', output_index: 0, item: item('a', '') },
        { type: 'response.output_item.added', output_index: 0, item: item('a', '') },
        { type: 'response.output_item.done', output_index: 0, item: item('a', '{"x":1}') },
      ]),
      one,
    ],
    [
      'arguments without an index, by the ids of their items',
      name,
      responsesEvents([
        ...['a', 'b'].map((id, output_index) => ({
          type: 'response.output_item.added',
          output_index,
          item: { id, ...item(id, '', id === 'a' ? 'f' : 'g') },
        })),
        ...[
          ['a', '{"x"'],
          ['b', '{"y":2}'],
          ['a', ':1}'],
        ].map(([item_id, delta]) => ({
          type: 'response.function_call_arguments.delta',
          item_id,
          delta,
        })),
      ]),
      two,
    ],
    [
      'two calls at one index',
      name,
      responsesEvents([
        { type: 'response.output_item.added', output_index: 0, item: item('a', '') },
        { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"x":1}' },
        { type: 'response.output_item.added', output_index: 0, item: item('b', '', 'g') },
        { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"y":2}' },
      ]),
      two,
    ],
  ]),
  ['a call without a type', 'anthropic', claude([{ id: 'a', name: 'f', input: { x: 1 } }]), one],
  ['args that are JSON text', 'gemini', { body: candidate([part('{"x":1}')]) }, one],
  ['args that are JSON text, streamed', 'gemini', { events: [candidate([part('{"x":1}')])] }, one],
  [
    'text in the part of a call',
    'gemini',
    { body: candidate([{ text: 'Hi', ...part({ x: 1 }) }]) },
    one,
  ],
  ['args that are a list', 'gemini', { body: candidate([part([1])]) }, [['f', '{"input":[1]}']]],
  [
    'two calls with one id',
    'gemini',
    {
      body: candidate([
        { functionCall: { id: 'a', name: 'f', args: { x: 1 } } },
        { functionCall: { id: 'a', name: 'f', args: { x: 2 } } },
      ]),
    },
    twice,
  ],
  [
    'entries of one id',
    'compatible',
    chat({
      tool_calls: [
        fn(undefined, '{"x":1}', { id: 'a', name: 'f' }),
        fn(undefined, '{"x":2}', { id: 'a', name: 'f' }),
      ],
    }),
    twice,
  ],
  [
    'entries at index 0 without ids',
    'compatible',
    chat({ tool_calls: [fn(0, '{"x":1}', { name: 'f' }), fn(0, '{"x":2}', { name: 'f' })] }),
    twice,
  ],
  [
    'whole calls at index 0 without ids',
    'compatible',
    chatEvents([fn(0, '{"x":1}', { name: 'f' })], [fn(0, '{"x":2}', { name: 'f' })]),
    twice,
  ],
  [
    'whole calls at index 0 under two names',
    'compatible',
    chatEvents([fn(0, '{"x":1}', { name: 'f' })], [fn(0, '{"y":2}', { name: 'g' })]),
    two,
  ],
  [
    'ids made of the name',
    'compatible',
    chatEvents(
      [fn(undefined, '{"x":1}', { id: 'call-f', name: 'f' })],
      [fn(undefined, '{"x":2}', { id: 'call-f', name: 'f' })],
    ),
    twice,
  ],
  [
    'one index, two ids that alternate',
    'compatible',
    chatEvents(
      [fn(0, '', { id: 'a', name: 'f' })],
      [fn(0, '', { id: 'b', name: 'g' })],
      [fn(0, '{"x":1}', { id: 'a' })],
      [fn(0, '{"y":2}', { id: 'b' })],
    ),
    two,
  ],
  [
    'one call in place of a list',
    'compatible',
    chat({ tool_calls: fn(0, '{"x":1}', { id: 'a', name: 'f' }) }),
    one,
  ],
  [
    'name and arguments beside the id',
    'compatible',
    chat({ tool_calls: [{ id: 'a', name: 'f', arguments: '{"x":1}' }] }),
    one,
  ],
  [
    'name and arguments beside the id, streamed',
    'compatible',
    chatEvents(
      [{ index: 0, id: 'a', name: 'f', arguments: '{"x"' }],
      [{ index: 0, arguments: ':1}' }],
    ),
    one,
  ],
  [
    'the older form beside the newer one',
    'compatible',
    chat({
      function_call: { name: 'f', arguments: '{"x":1}' },
      tool_calls: [fn(0, '{"x":1}', { id: 'a', name: 'f' })],
    }),
    one,
  ],
  [
    'pieces under the name, without index and id',
    'compatible',
    chatEvents(
      [fn(undefined, '{"x"', { name: 'f' })],
      [fn(undefined, ':1}', { name: 'f' })],
      [fn(undefined, '{"x":', { name: 'f' })],
      [fn(undefined, '2}', { name: 'f' })],
    ),
    twice,
  ],
  ['a negative index', 'compatible', chatEvents([fn(-1, '{"x":1}', { id: 'a', name: 'f' })]), one],
  ...['{}', 'null', ' {} '].flatMap((first): Row[] => [
    [
      `${first} first`,
      'compatible',
      chatEvents([fn(0, first, { id: 'a', name: 'f' })], [fn(0, '{"x":1}')]),
      one,
    ],
    [
      `${first} in front, whole`,
      'compatible',
      chat({ tool_calls: [fn(0, `${first}{"x":1}`, { id: 'a', name: 'f' })] }),
      one,
    ],
  ]),
]

describe('calls', () => {
  it.each(calls)('%s: %s', async (_, name, exchange, expected) => {
    const reply = await answer(name, exchange)
    expect(callsIn(reply)).toEqual({ finish_reason: 'tool_calls', calls: expected })
    const ids = reply.message.tool_calls?.map(({ id }) => id) ?? []
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.every((id) => id.length > 0 && id.length <= 40)).toBe(true)
  })
})

// ---- Calls that are sent twice ------------------------------------------------------------------

const id = 'call_1'
const block = { type: 'tool_use', id, name: 'f', input: { x: 1 } }
const blockEvents = (index: number, more: JsonObject = {}) => [
  { type: 'content_block_start', index, content_block: { ...block, input: {}, ...more } },
  json('{"x":', index),
  json('1}', index),
  stop(index),
]
const itemEvents = (output_index: number, item: JsonObject) => [
  { type: 'response.output_item.added', output_index, item: { ...item, arguments: '' } },
  { type: 'response.output_item.done', output_index, item },
]
const f = item(id, '{"x":1}')
const functionCall = (args: JsonObject, name = 'f') => ({ functionCall: { id, name, args } })

const copies: readonly Row[] = [
  ['whole', 'anthropic', claude([block, { ...block, input: { x: 1 } }]), one],
  ['streamed', 'anthropic', claudeEvents([...blockEvents(0), ...blockEvents(1)]), one],
  [
    'before another call',
    'anthropic',
    claudeEvents([
      ...blockEvents(0),
      ...blockEvents(1),
      begin(2, 'g'),
      json('{"y":2}', 2),
      stop(2),
    ]),
    two,
  ],
  ...(['openai', 'xai'] as const).flatMap((name): Row[] => [
    ['whole', name, { body: response([f, f]) }, one],
    ['streamed', name, responsesEvents([...itemEvents(0, f), ...itemEvents(1, f)]), one],
    ['before another call', name, { body: response([f, f, item('b', '{"y":2}', 'g')]) }, two],
  ]),
  ['whole', 'gemini', { body: candidate([functionCall({ x: 1 }), functionCall({ x: 1 })]) }, one],
  [
    'streamed',
    'gemini',
    { events: [candidate([functionCall({ x: 1 }), functionCall({ x: 1 })])] },
    one,
  ],
  [
    'entries of a list, with other blanks',
    'compatible',
    chat({
      tool_calls: [fn(0, '{"x":1}', { id, name: 'f' }), fn(1, '{"x": 1}', { id, name: 'f' })],
    }),
    one,
  ],
  [
    'at the same index',
    'compatible',
    chatEvents([fn(0, '{"x":1}', { id, name: 'f' })], [fn(0, '{"x":1}', { id, name: 'f' })]),
    one,
  ],
  [
    'at a new index, in pieces',
    'compatible',
    chatEvents(
      [fn(0, '{"x":1}', { id, name: 'f' })],
      [fn(1, '{"x"', { id, name: 'f' })],
      [fn(1, ':1}')],
    ),
    one,
  ],
  [
    'before another call',
    'compatible',
    chatEvents(
      [fn(0, '{"x":1}', { id, name: 'f' })],
      [fn(1, '{"x":1}', { id, name: 'f' })],
      [fn(2, '{"y":', { id: 'b', name: 'g' })],
      [fn(2, '2}')],
    ),
    two,
  ],
  [
    'three times, without arguments',
    'compatible',
    chatEvents(...[0, 1, 2].map((index) => [fn(index, '', { id, name: 'f' })])),
    [['f', '{}']],
  ],
]

const lookalikes: readonly Row[] = [
  [
    'other arguments, in pieces',
    'compatible',
    chatEvents(
      [fn(0, '{"x":1}', { id, name: 'f' })],
      [fn(1, '{"x"', { id, name: 'f' })],
      [fn(1, ':2}')],
    ),
    twice,
  ],
  [
    'another name',
    'compatible',
    chatEvents([fn(0, '{"x":1}', { id, name: 'f' })], [fn(1, '{"x":1}', { id, name: 'g' })]),
    [
      ['f', '{"x":1}'],
      ['g', '{"x":1}'],
    ],
  ],
  [
    'another id',
    'compatible',
    chatEvents([fn(0, '{"x":1}', { id, name: 'f' })], [fn(1, '{"x":1}', { id: 'b', name: 'f' })]),
    [...one, ...one],
  ],
  [
    'pieces that alternate with those of a later call',
    'compatible',
    chatEvents(
      [fn(0, '{"x":1}', { id, name: 'f' })],
      [fn(1, '{"x"', { id, name: 'f' })],
      [fn(2, '{"y"', { id: 'b', name: 'g' })],
      [fn(1, ':2}')],
      [fn(2, ':2}')],
    ),
    [...twice, ...two.slice(1)],
  ],
]

describe('a call that is sent twice under one id', () => {
  it.each(copies)('is one call, with a warning: %s, %s', async (what, name, exchange, expected) => {
    const reply = await answer(name, exchange)
    expect(callsIn(reply)).toEqual({ finish_reason: 'tool_calls', calls: expected })
    expect(reply.message.tool_calls?.[0]?.id).toBe(id)
    const warned = reply.warnings.filter(({ code }) => code === 'repaired')
    expect(warned).toHaveLength(what.startsWith('three') ? 2 : 1)
  })

  it.each(lookalikes)('but with %s is two: %s', async (_, name, exchange, expected) => {
    const reply = await answer(name, exchange)
    expect(callsIn(reply).calls).toEqual(expected)
    const ids = reply.message.tool_calls?.map((call) => call.id)
    expect(new Set(ids).size).toBe(ids?.length)
    expect(reply.warnings).toEqual([])
  })

  const thought = { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }
  const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'c2ln' }
  const signed = { ...functionCall({ x: 1 }), thoughtSignature: 'c2ln' }
  it.each([
    ['anthropic', claude([thought, block, block]), [thought, block]],
    [
      'openai',
      { body: response([reasoning, { ...f, id: 'fc_1' }, { ...f, id: 'fc_2' }]) },
      [reasoning, { ...f, id: 'fc_1' }],
    ],
    ['gemini', { body: candidate([signed, functionCall({ x: 1 })]) }, [signed]],
  ] as const)('goes back once, behind its thought: %s', async (name, exchange, blocks) => {
    const { message } = await answer(name, exchange)
    expect(message.native?.content).toEqual(blocks)
  })
})

// ---- Errors as a field of SSE -------------------------------------------------------------------

const field = 'error: {"code":500,"message":"no free slot","type":"server_error"}\n\n'

describe('an error that is a field of SSE and no event, as llama.cpp sends it', () => {
  it.each(names)('is the error of the answer: %s', async (name) => {
    for (const status of [200, 500]) {
      next = { status, raw: field }
      const error = await ai.stream(requestFor(name)).response.catch((error: unknown) => error)
      expect(error).toBeInstanceOf(InternalServerError)
      expect(error).toMatchObject({ status: 500, message: expect.stringContaining('no free slot') })
    }
  })

  it('keeps the text before it', async () => {
    const chunk = { id: 'c', choices: [{ index: 0, delta: { content: 'Hel' } }] }
    next = { raw: `data: ${JSON.stringify(chunk)}\n\n${field}` }
    const error = await ai
      .stream(requestFor('compatible'))
      .response.catch((error: unknown) => error)
    expect(error).toMatchObject({
      name: 'InternalServerError',
      message: expect.stringContaining('no free slot'),
      partial: { text: 'Hel' },
    })
  })

  it('is skipped where the answer goes on', async () => {
    const chunk = {
      id: 'c',
      choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }],
    }
    next = { raw: `${field}data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n` }
    expect((await ai.stream(requestFor('compatible')).response).text).toBe('Hi')
  })
})

describe('an error in the middle of a stream', () => {
  const beginnings: Record<Name, JsonObject> = {
    openai: { type: 'response.output_text.delta', delta: 'Hel' },
    xai: { type: 'response.output_text.delta', delta: 'Hel' },
    anthropic: delta({ type: 'text_delta', text: 'Hel' }),
    gemini: { candidates: [{ content: { parts: [{ text: 'Hel' }] } }] },
    compatible: { id: 'c', choices: [{ delta: { content: 'Hel' } }] },
  }
  const error = { code: 503, message: 'no free slot', status: 'UNAVAILABLE' }
  const forms = [
    ['as JSON that is no event', JSON.stringify({ error })],
    ['as JSON of several lines', JSON.stringify([{ error }], null, 2)],
    ['as an event without a name', `data: ${JSON.stringify({ error })}\n\n`],
    ['as a bare error event', `event: error\ndata: ${JSON.stringify(error)}\n\n`],
  ] as const
  it.each(names.flatMap((name) => forms.map(([form, raw]) => [form, name, raw] as const)))(
    'is the error of the answer, %s: %s',
    async (_, name, raw) => {
      const start = { type: 'message_start', message: { id: 'm', model: 'm' } }
      const events = [...(name === 'anthropic' ? [start] : []), beginnings[name]]
      const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
      await expect(answer(name, { raw: text + raw, events: [] })).rejects.toMatchObject({
        name: 'ServiceUnavailableError',
        message: expect.stringContaining('no free slot'),
        partial: { text: 'Hel' },
      })
    },
  )

  it.each(['openai', 'xai'] as const)(
    'is known under the name response.error: %s',
    async (name) => {
      const events = [beginnings[name], { type: 'response.error', error }]
      await expect(answer(name, { events })).rejects.toMatchObject({
        name: 'ServiceUnavailableError',
        partial: { text: 'Hel' },
      })
    },
  )

  it('is arguments of a call that never began', async () => {
    const exchange = claudeEvents([json('{"x":1}', 3)])
    await expect(answer('anthropic', exchange)).rejects.toMatchObject({ code: 'bad_arguments' })
  })
})

// ---- Members of calls ---------------------------------------------------------------------------

const memberRows: readonly (readonly [Name, typeof next, JsonObject])[] = [
  ...(['openai', 'xai'] as const).flatMap((name) => {
    const told = { namespace: 'crm', caller: { type: 'program', caller_id: 'p' }, async: true }
    const call = { ...item('a', '{"x":1}'), ...told }
    const custom = { type: 'custom_tool_call', call_id: 'b', name: 'g', input: 'x' }
    return [
      [name, { body: response([call]) }, told],
      [name, responsesEvents([], [call]), told],
      [
        name,
        responsesEvents([
          { type: 'response.output_item.added', output_index: 0, item: { ...call, arguments: '' } },
          { type: 'response.output_item.done', output_index: 0, item: call },
        ]),
        told,
      ],
      [
        name,
        { body: response([{ ...call, caller: { type: 'direct' }, async: false }]) },
        { namespace: 'crm' },
      ],
      ...(name === 'openai'
        ? ([
            [name, { body: response([{ ...custom, namespace: 'crm' }]) }, { namespace: 'crm' }],
          ] as const)
        : []),
    ] as const
  }),
  ...[
    { caller: { type: 'code_execution_20260120', tool_id: 's' } },
    { toolset_name: 'crm' },
  ].flatMap((told) => {
    const block = { type: 'tool_use', id: 'toolu_0', name: 'f', input: { x: 1 }, ...told }
    return [
      ['anthropic', claude([block]), told],
      [
        'anthropic',
        claudeEvents([
          { type: 'content_block_start', index: 0, content_block: { ...block, input: {} } },
          json('{"x":1}'),
          stop(),
        ]),
        told,
      ],
    ] as const
  }),
]

describe('members of a call other than name and arguments', () => {
  it.each(memberRows)(
    'are on the call, and sent back without native: %s',
    async (name, exchange, told) => {
      const { message } = await answer(name, exchange)
      const [call] = message.tool_calls ?? []
      expect(call).toMatchObject(told)
      const { id: _, type: __, function: ___, custom: ____, ...members } = { ...call } as JsonObject
      expect(members).toEqual(told)
      const { native: _____, ...stored } = message
      const adapter = adaptersAt({ apiKey: 'k', baseURL: 'http://127.0.0.1' }).find(
        (one) => one.name === name,
      )
      const back = JSON.stringify(
        adapter?.convertMessages?.([{ role: 'user', content: 'a' }, stored], 'm'),
      )
      for (const member of Object.entries(told))
        expect(back).toContain(JSON.stringify(Object.fromEntries([member])).slice(1, -1))
    },
  )
})

// ---- Text ---------------------------------------------------------------------------------------

const texts: readonly (readonly [string, Name, typeof next])[] = [
  [
    'a delta without a block',
    'anthropic',
    claudeEvents([delta({ type: 'text_delta', text: 'Hello' })], 'end_turn'),
  ],
  [
    'a delta behind the end of its block',
    'anthropic',
    claudeEvents(
      [
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
        delta({ type: 'text_delta', text: 'Hel' }),
        stop(),
        delta({ type: 'text_delta', text: 'lo' }),
      ],
      'end_turn',
    ),
  ],
  ...(['openai', 'xai'] as const).map(
    (name) =>
      [
        'a part that has its text only at its end',
        name,
        responsesEvents([
          {
            type: 'response.content_part.done',
            output_index: 0,
            content_index: 0,
            part: { type: 'output_text', text: 'Hello' },
          },
        ]),
      ] as const,
  ),
  [
    'a message beside an empty delta',
    'compatible',
    {
      body: {
        id: 'c',
        choices: [{ delta: { content: '' }, message: { content: 'Hello' }, finish_reason: 'stop' }],
      },
    },
  ],
  [
    'text beside no message',
    'compatible',
    { body: { id: 'c', choices: [{ message: null, text: 'Hello', finish_reason: 'stop' }] } },
  ],
]

const listed = (content: unknown) => [{ type: 'message', role: 'assistant', content }]
const oddTexts: readonly (readonly [string, Name, unknown])[] = [
  ...(['openai', 'xai'] as const).flatMap((name) =>
    (
      [
        ['a content that is text', response(listed('Hello'))],
        ['a content that is one part', response(listed({ type: 'output_text', text: 'Hello' }))],
        ['parts that are text', response(listed(['Hel', 'lo']))],
        ['a part without a type', response(listed([{ text: 'Hello' }]))],
        ['an item without a type', response([{ role: 'assistant', content: 'Hello' }])],
        ['a part of a new type', response(listed([{ type: 'new', text: 'Hello' }]))],
        ['output_text beside no output', response([], { output_text: 'Hello' })],
      ] as const
    ).map(([what, body]) => [what, name, body] as const),
  ),
  ...[
    ['a content that is text', 'Hello'],
    ['parts that are text', ['Hel', 'lo']],
    ['a block without a type', [{ text: 'Hello' }]],
    ['a block of a new type', [{ type: 'new', text: 'Hello' }]],
  ].map(([what, content]) => {
    const message = claude(content as never, { stop_reason: 'end_turn' }).body
    return [String(what), 'anthropic', message] as const
  }),
  ...[
    ['a content that is text', 'Hello'],
    ['parts that are text', { parts: 'Hello' }],
    ['a part that is text', { parts: ['Hel', { text: 'lo' }] }],
    ['parts that are one', { parts: { text: 'Hello' } }],
    ['a list of contents', [{ parts: [{ text: 'Hel' }] }, { parts: [{ text: 'lo' }] }]],
    ['a content that is a part', { text: 'Hello' }],
  ].map(([what, content]) => {
    const body = { candidates: [{ content, finishReason: 'STOP' }] }
    return [String(what), 'gemini', body] as const
  }),
  ...[
    ['a message that is text', 'Hello'],
    ['parts that are text', { content: ['Hel', 'lo'] }],
    ['a part of another name', { content: [{ type: 'output_text', text: 'Hello' }] }],
    ['a part with content', { content: [{ type: 'text', content: 'Hello' }] }],
  ].map(([what, message]) => [String(what), 'compatible', chat(message).body] as const),
]

/** The same body as the only event of a stream. */
const asEvent: Record<Name, (body: never) => JsonObject[]> = {
  openai: (response) => [{ type: 'response.completed', response }],
  xai: (response) => [{ type: 'response.completed', response }],
  anthropic: (message: JsonObject) => [
    { type: 'message_start', message },
    { type: 'message_stop' },
  ],
  gemini: (chunk) => [chunk],
  compatible: (chunk) => [chunk],
}

describe('text', () => {
  it.each(oddTexts)('is read in other shapes: %s (%s)', async (_, name, body) => {
    for (const exchange of [{ body }, { events: asEvent[name](body as never) }]) {
      const reply = await answer(name, exchange)
      expect([reply.text, reply.finish_reason]).toEqual(['Hello', 'stop'])
    }
  })

  it.each([
    ['anthropic', claude(null as never).body],
    ['anthropic', claude(42 as never).body],
    ['compatible', chat(null).body],
    ['compatible', chat(undefined).body],
    ['compatible', chat(true).body],
    ['openai', response('Hello' as never)],
  ] as const)(
    'of an impossible shape is an error, not an empty response: %s',
    async (name, body) => {
      await expect(answer(name, { body })).rejects.toBeInstanceOf(UnexpectedResponseError)
    },
  )

  it('in deltas of an unknown block type is read, and the block is sent back unchanged', async () => {
    const block = { type: 'new', text: '', id: 'n1' }
    const reply = await answer('anthropic', {
      events: [
        { type: 'message_start', message: { ...claude([]).body, content: [] } },
        { type: 'content_block_start', index: 0, content_block: block },
        ...['Hel', 'lo'].map((text) => ({
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'text_delta', text },
        })),
        { type: 'content_block_stop', index: 0 },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
        { type: 'message_stop' },
      ],
    })
    expect([reply.text, reply.warnings]).toEqual(['Hello', []])
    expect(reply.message.native?.content).toEqual([{ ...block, text: 'Hello' }])
  })

  it('is kept when its deltas belong to another block type', async () => {
    const delta = (type: string, name: string, text: string) => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type, [name]: text },
    })
    const reply = await answer('anthropic', {
      events: [
        { type: 'message_start', message: { ...claude([]).body, content: [] } },
        {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'thinking', thinking: '', signature: '' },
        },
        delta('thinking_delta', 'thinking', 'Hm'),
        delta('signature_delta', 'signature', 's'),
        delta('text_delta', 'text', 'Hel'),
        delta('text_delta', 'text', 'lo'),
        delta('thinking_delta', 'thinking', 'So'),
        { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
        { type: 'message_stop' },
      ],
    })
    expect(reply.text).toBe('Hello')
    expect(reply.message.reasoning_content).toBe('Hm\n\nSo')
    expect(reply.message.native?.content).toEqual([
      { type: 'thinking', thinking: 'Hm', signature: 's' },
      { type: 'text', text: 'Hello' },
      { type: 'thinking', thinking: 'So', signature: '' },
    ])
  })

  const odd = { type: 'new', value: 1 }
  const hello = { type: 'text', text: 'Hello' }
  it.each([
    ['openai', 'Items', response([odd, ...listed([{ ...hello, type: 'output_text' }])])],
    ['openai', 'Parts', response(listed([odd, { ...hello, type: 'output_text' }]))],
    ['anthropic', 'Blocks', claude([odd, hello] as never, { stop_reason: 'end_turn' }).body],
    [
      'gemini',
      'Parts',
      {
        candidates: [{ content: { parts: [{ new: 1 }, { text: 'Hello' }] }, finishReason: 'STOP' }],
      },
    ],
    ['compatible', 'Parts', chat({ role: 'assistant', content: [odd, hello] }).body],
  ] as const)('in unknown kinds beside it is reported once: %s, %s', async (name, what, body) => {
    for (const exchange of [{ body }, { events: asEvent[name](body as never) }]) {
      const { text, warnings } = await answer(name, exchange)
      expect(text).toBe('Hello')
      expect(warnings).toMatchObject([
        { code: 'ignored', message: `${what} of the unknown kind 'new' were skipped` },
      ])
    }
  })

  it.each(texts)('%s: %s', async (_, name, exchange) => {
    const reply = await answer(name, exchange)
    expect([reply.text, reply.finish_reason]).toEqual(['Hello', 'stop'])
  })

  it.each(['openai', 'xai'] as const)(
    'of two phases is separated by a blank line: %s',
    async (name) => {
      const message = (phase: string, text: string) => ({
        type: 'message',
        role: 'assistant',
        phase,
        content: [{ type: 'output_text', text, annotations: [] }],
      })
      const output = [message('commentary', 'I will check.'), message('final_answer', 'It is 4.')]
      const whole = { ...response(output), id: 'resp_1' }
      const replies = [
        await answer(name, { body: whole }),
        await answer(name, { events: [{ type: 'response.completed', response: whole }] }),
      ]
      for (const { text, message } of replies) {
        expect(text).toBe('I will check.\n\nIt is 4.')
        expect(message.native?.content).toEqual(output)
        expect(message).toMatchObject({ phase: 'final_answer', commentary: 'I will check.' })
      }
    },
  )

  const phaseItem = (phase: string | undefined, text: string) => ({
    type: 'message',
    role: 'assistant',
    phase,
    content: [{ type: 'output_text', text, annotations: [] }],
  })
  const phased = [
    ['an answer', [phaseItem('final_answer', 'It is 4.')], { phase: 'final_answer' }],
    [
      'commentary before a call',
      [phaseItem('commentary', 'I look.'), item('a', '{}')],
      { phase: 'commentary' },
    ],
    [
      'two commentaries and an answer',
      [phaseItem('commentary', 'a'), phaseItem('commentary', 'b'), phaseItem('final_answer', 'c')],
      { phase: 'final_answer', commentary: 'ab' },
    ],
    ['no phase', [phaseItem(undefined, 'Hi')], {}],
  ] as const

  it.each(phased)(
    'keeps its phase in both directions without native: %s',
    async (_, output, expected) => {
      const whole = response(output)
      const streamed = { events: [{ type: 'response.completed', response: whole }] }
      for (const exchange of [{ body: whole }, streamed]) {
        const { message } = await answer('openai', exchange)
        const { phase, commentary } = message
        expect(defined({ phase, commentary })).toEqual(expected)
        const { native: _, ...stored } = message
        const back = openai().convertMessages?.(
          [{ role: 'user', content: 'Hi' }, stored],
          'gpt-5.4',
        )
        const texts = asObjects(back)
          .filter(({ role }) => role === 'assistant')
          .map(({ phase, content }) => [phase, asObjects(content)[0]?.text])
        expect(texts).toEqual(
          commentary
            ? [
                ['commentary', commentary],
                ['final_answer', 'c'],
              ]
            : [[phase, message.content]],
        )
      }
    },
  )

  it('has its phase on each delta', async () => {
    const events = ['commentary', 'final_answer'].flatMap((phase, output_index) => [
      {
        type: 'response.output_item.added',
        output_index,
        item: { type: 'message', phase, content: [] },
      },
      { type: 'response.output_text.delta', output_index, delta: 'a' },
      { type: 'response.output_text.delta', output_index, delta: 'b' },
    ])
    next = responsesEvents(events)
    const texts: unknown[] = []
    for await (const chunk of ai.stream(requestFor('openai')))
      if (chunk.type === 'text-delta') texts.push([chunk.phase, chunk.text])
    expect(texts).toEqual([
      ['commentary', 'ab'],
      ['final_answer', '\n\nab'],
    ])
  })

  it('that is an object is its JSON', async () => {
    expect((await answer('compatible', chat({ content: { a: 'x' } }))).text).toBe('{"a":"x"}')
  })

  it('of a thought without a block is reasoning', async () => {
    const thought = delta({ type: 'thinking_delta', thinking: 'Hm' })
    const { message } = await answer('anthropic', claudeEvents([thought], 'end_turn'))
    expect(message.reasoning_content).toBe('Hm')
  })
})

// ---- Progress and media -------------------------------------------------------------------------

const running = (item: JsonObject, ...events: readonly JsonObject[]) =>
  responsesEvents([
    { type: 'response.output_item.added', output_index: 0, item },
    ...events.map((event) => ({ output_index: 0, item_id: 'h', sequence_number: 9, ...event })),
    { type: 'response.output_item.done', output_index: 0, item: { ...item, status: 'completed' } },
  ])
const hosted = (type: string, more: JsonObject = {}) => ({ type, id: 'h', ...more })
const thought = (more: JsonObject) =>
  delta({ type: 'thinking_delta', thinking: '', ...more } as JsonObject)

const progressRows: readonly (readonly [string, Name, typeof next, readonly JsonObject[]])[] = [
  [
    'a picture in the making',
    'openai',
    running(hosted('image_generation_call'), {
      type: 'response.image_generation_call.partial_image',
      partial_image_b64: 'iVBO',
      partial_image_index: 0,
    }),
    [
      {
        type: 'hosted-tool',
        id: 'h',
        name: 'image_generation',
        status: 'running',
        progress: {
          event: 'image_generation_call.partial_image',
          partial_image_b64: 'iVBO',
          partial_image_index: 0,
        },
      },
    ],
  ],
  ...(['openai', 'xai'] as const).flatMap((name) =>
    (
      [
        ['code_interpreter_call', 'code_interpreter_call_code.delta', { delta: 'print(' }],
        ['mcp_call', 'mcp_call_arguments.delta', { delta: '{"a"' }],
        ['web_search_call', 'web_search_call.searching', {}],
        ['file_search_call', 'file_search_call.searching', {}],
        ['program', 'program.tomorrow', { delta: 1 }],
      ] as const
    ).map(
      ([type, event, told]) =>
        [
          event,
          name,
          running(hosted(type), { type: `response.${event}`, ...told }),
          [{ type: 'hosted-tool', id: 'h', status: 'running', progress: { event, ...told } }],
        ] as const,
    ),
  ),
  [
    'compacting',
    'openai',
    running(hosted('compaction', { encrypted_content: 'e' })),
    [
      { type: 'hosted-tool', id: 'h', name: 'compaction', status: 'running' },
      { type: 'hosted-tool', id: 'h', name: 'compaction', status: 'done' },
    ],
  ],
  [
    'compacting',
    'anthropic',
    claudeEvents(
      [
        {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'compaction', content: '' },
        },
        delta({ type: 'compaction_delta', content: 'So far' }),
        stop(),
      ],
      'end_turn',
    ),
    [
      { type: 'hosted-tool', name: 'compaction', status: 'running' },
      { type: 'hosted-tool', name: 'compaction', status: 'done' },
    ],
  ],
  [
    'thoughts that are not shown',
    'anthropic',
    claudeEvents(
      [
        {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'thinking', thinking: '' },
        },
        thought({ estimated_tokens: 50 }),
        thought({ estimated_tokens: null }),
        thought({ estimated_tokens: 100 }),
        delta({ type: 'signature_delta', signature: 's' }),
        stop(),
      ],
      'end_turn',
    ),
    [
      { type: 'reasoning-delta', text: '', estimated_tokens: 50 },
      { type: 'reasoning-delta', text: '', estimated_tokens: 100 },
    ],
  ],
]

describe('progress', () => {
  it.each(progressRows)(
    'is emitted as it arrives: %s (%s)',
    async (_, name, exchange, expected) => {
      next = exchange
      const chunks = []
      for await (const chunk of ai.stream(requestFor(name))) chunks.push(chunk)
      for (const one of expected) expect(chunks).toContainEqual(expect.objectContaining(one))
      const whole = await answer(name, exchange)
      for (const tool of whole.message.hosted_tools ?? [])
        expect(tool).not.toHaveProperty('progress')
      expect(whole.message.reasoning_content).toBeUndefined()
    },
  )

  it.each(['openai', 'xai'] as const)('of audio is the audio: %s', async (name) => {
    const part = { type: 'output_audio', data: 'AAAA', transcript: 'Hi you' }
    const output = [{ type: 'message', role: 'assistant', content: [part] }]
    const events = [
      { type: 'response.created', response: { id: 'resp_1', model: 'm' } },
      { type: 'response.audio.delta', delta: 'AAAA' },
      { type: 'response.audio.transcript.delta', delta: 'Hi ' },
      { type: 'response.audio.transcript.delta', delta: 'you' },
    ]
    const exchanges = [
      { body: response(output) },
      { events: [{ type: 'response.completed', response: response(output) }] },
      { events: [...events, { type: 'response.completed', response: response(output) }] },
    ]
    for (const exchange of exchanges) {
      const { message } = await answer(name, exchange)
      expect(message.audio).toEqual({ data: 'AAAA', format: 'wav', transcript: 'Hi you' })
    }
  })
})

const search = { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }
const mcp = { type: 'mcp_tool_use', id: 's', name: 'find', server_name: 'crm', input: {} }
const audio = { mimeType: 'audio/mp3', data: 'AAAA' }
const outputs: readonly (readonly [
  string,
  Name,
  JsonObject | { readonly content: readonly JsonObject[] },
  object,
])[] = [
  ...(['openai', 'xai'] as const).flatMap((name) =>
    (
      [
        [
          'a program',
          { type: 'program_output', call_id: 'h', result: '4' },
          { id: 'h', output: '4' },
        ],
        [
          'an MCP server',
          hosted('mcp_call', { server_label: 'crm', name: 'find' }),
          { server: 'crm' },
        ],
        [
          'its tools',
          hosted('mcp_list_tools', { server_label: 'crm', tools: [] }),
          { server: 'crm' },
        ],
      ] as const
    ).map(
      ([what, item, tool]) => [what, name, response([item]), { hosted_tools: [tool] }] as const,
    ),
  ),
  [
    'an MCP server',
    'anthropic',
    claude([mcp, { type: 'mcp_tool_result', tool_use_id: 's', content: [] }]).body,
    { hosted_tools: [{ name: 'find', server: 'crm', status: 'done' }] },
  ],
  ['a search', 'anthropic', claude([search]).body, { hosted_tools: [{ name: 'web_search' }] }],
  [
    'the words of a sound beside it',
    'gemini',
    candidate([{ inlineData: audio, audioTranscription: { text: 'Hi' } }]),
    { audio: { data: 'AAAA', transcript: 'Hi' } },
  ],
  [
    'the words of a sound behind it',
    'gemini',
    candidate([{ inlineData: audio }, { audioTranscription: { text: 'Hi' } }]),
    { audio: { data: 'AAAA', format: 'mp3', transcript: 'Hi' } },
  ],
]

describe('media made for the user is on the message', () => {
  it.each(outputs)('%s (%s)', async (_, name, body, expected) => {
    expect((await answer(name, { body })).message).toMatchObject(expected)
  })
})

const cited = (type: string) => ({ type, url: 'https://a.example' })
const told: readonly (readonly [string, Name, typeof next, JsonObject])[] = [
  ...(['openai', 'xai'] as const).map((name) => {
    const content = [
      { type: 'output_text', text: 'Hi', annotations: [cited('x_cite'), cited('x_cite')] },
    ]
    const message = { type: 'message', role: 'assistant', content }
    return [
      'a citation of a new kind',
      name,
      { body: response([message]) },
      { code: 'ignored' },
    ] as const
  }),
  [
    'a citation of a new kind',
    'anthropic',
    claude([{ type: 'text', text: 'Hi', citations: [cited('x_cite')] }], {
      stop_reason: 'end_turn',
    }),
    { code: 'ignored' },
  ],
  [
    'a model that hands over',
    'anthropic',
    claude(
      [
        {
          type: 'fallback',
          from: { model: 'a' },
          to: { model: 'b' },
          trigger: { type: 'refusal' },
        },
        { type: 'text', text: 'Hi' },
      ],
      { stop_reason: 'end_turn' },
    ),
    { code: 'fallback', message: 'a handed over to b (refusal)' },
  ],
  [
    'a reason to stop that nobody knows',
    'anthropic',
    claude([{ type: 'text', text: 'Hi' }], { stop_reason: 'bored' }),
    { code: 'other', message: expect.stringContaining('bored') },
  ],
  [
    'a reason to stop that nobody knows',
    'compatible',
    { body: { choices: [{ message: { content: 'Hi' }, finish_reason: 'bored' }] } },
    { code: 'other', message: expect.stringContaining('bored') },
  ],
  ...[true, false].map((isDelta) => {
    const input_transformations = [
      { type: 'thinking_dropped', path: 'messages.1.content.0', reason: 'prefix_binding_mismatch' },
    ]
    const start = { id: 'm', model: 'm', ...(!isDelta && { input_transformations }) }
    return [
      'a thought that the API left out',
      'anthropic',
      {
        events: [
          { type: 'message_start', message: start },
          {
            type: 'message_delta',
            delta: { stop_reason: 'end_turn' },
            ...(isDelta && { input_transformations }),
          },
          { type: 'message_stop' },
        ],
      },
      { code: 'dropped', message: expect.stringContaining('messages.1.content.0') },
    ] as const
  }),
]

describe('other notices are warnings', () => {
  it.each(told)('%s (%s)', async (_, name, exchange, warning) => {
    const { warnings } = await answer(name, exchange)
    expect(warnings).toEqual([expect.objectContaining(warning)])
  })
})

// ---- Members ------------------------------------------------------------------------------------

const members: readonly (readonly [Name, typeof next, JsonObject])[] = [
  [
    'openai',
    {
      body: response([], {
        moderation: { flagged: true },
        conversation: { id: 'c1' },
        instructions: 'secret',
        metadata: {},
      }),
    },
    { moderation: { flagged: true }, conversation: { id: 'c1' } },
  ],
  [
    'anthropic',
    claude([{ type: 'text', text: 'Hi' }], {
      stop_reason: 'end_turn',
      container: { id: 'c1' },
      diagnostics: null,
    }),
    { container: { id: 'c1' } },
  ],
  [
    'gemini',
    {
      body: {
        ...candidate([{ text: 'hi' }], { continuationToken: 't', safetyRatings: [] }),
        modelStatus: { modelStage: 'DEPRECATED' },
      },
    },
    { continuationToken: 't', modelStatus: { modelStage: 'DEPRECATED' } },
  ],
  [
    'compatible',
    chat({ content: 'Hi' }, { system_fingerprint: 'fp', object: 'chat.completion' }),
    { system_fingerprint: 'fp' },
  ],
  [
    'compatible',
    chat({ content: 'Hi', mood: 'fine', annotations: [{ type: 'file', file: { hash: 'h' } }] }),
    { mood: 'fine', annotations: [{ type: 'file', file: { hash: 'h' } }] },
  ],
  [
    'compatible',
    chat(
      { content: 'Hi' },
      {
        usage: {
          prompt_tokens: 1,
          completion_tokens: 5,
          completion_tokens_details: { accepted_prediction_tokens: 3, reasoning_tokens: 1 },
        },
      },
    ),
    { usage: { completion_tokens_details: { accepted_prediction_tokens: 3 } } },
  ],
  [
    'anthropic',
    claude([{ type: 'text', text: 'Hi' }], {
      stop_reason: 'end_turn',
      stop_details: { category: 'c' },
      context_management: { applied_edits: [{ type: 'e' }] },
      usage: { input_tokens: 1, output_tokens: 1, speed: 'fast', inference_geo: 'eu' },
    }),
    {
      stop_details: { category: 'c' },
      context_management: { applied_edits: [{ type: 'e' }] },
      usage: { speed: 'fast', inference_geo: 'eu' },
    },
  ],
  [
    'gemini',
    {
      body: {
        ...candidate([{ text: 'hi' }], {
          groundingMetadata: { groundingChunks: [{ web: { uri: 'u', domain: 'd' } }] },
          urlContextMetadata: { urlMetadata: [{ urlRetrievalStatus: 'FAILED' }] },
          safetyRatings: [{ category: 'c' }],
        }),
        promptFeedback: { safetyRatings: [{ category: 'c' }] },
        usageMetadata: {
          promptTokenCount: 3,
          candidatesTokenCount: 1,
          trafficType: 'ON_DEMAND',
          promptTokensDetails: [{ modality: 'VIDEO', tokenCount: 2 }],
          candidatesTokensDetails: [{ modality: 'TEXT', tokenCount: 1 }],
        },
      },
    },
    {
      groundingMetadata: { groundingChunks: [{ web: { uri: 'u', domain: 'd' } }] },
      urlContextMetadata: { urlMetadata: [{ urlRetrievalStatus: 'FAILED' }] },
      safetyRatings: [{ category: 'c' }],
      promptFeedback: { safetyRatings: [{ category: 'c' }] },
      usage: {
        trafficType: 'ON_DEMAND',
        promptTokensDetails: [{ modality: 'VIDEO', tokenCount: 2 }],
      },
    },
  ],
]

describe('a finish reason that does not fit the calls', () => {
  const use = { type: 'tool_use', id: 't', name: 'f', input: {} }
  it.each([
    ['anthropic', [], 'tool_use', 'stop'],
    ['anthropic', [search], 'tool_use', 'stop'],
    ['anthropic', [use], 'end_turn', 'tool_calls'],
    ['anthropic', [use], 'max_tokens', 'length'],
    ['anthropic', [use], 'refusal', 'content_filter'],
  ] as const)('%s: %j that end with %s are %s', async (name, content, stop_reason, expected) => {
    const whole = await answer(name, claude(content, { stop_reason }))
    expect([whole.finish_reason, whole.native_finish_reason]).toEqual([expected, stop_reason])
  })

  it.each(['max_output_tokens', 'MAX_TOKENS', 'Length'])(
    'compatible: %s is length',
    async (finish_reason) => {
      const choices = [{ message: { content: 'Hi' }, finish_reason }]
      const reply = await answer('compatible', { body: { choices } })
      expect([reply.finish_reason, reply.warnings]).toEqual(['length', []])
    },
  )

  it.each([
    ['MODEL_ARMOR', 'content_filter'],
    ['STOP', 'stop'],
    ['TOMORROW', 'stop'],
  ])('gemini: %s is %s', async (finishReason, expected) => {
    const body = candidate([{ text: 'Hi' }], { finishReason })
    expect((await answer('gemini', { body })).finish_reason).toBe(expected)
  })
})

describe('other members of a response', () => {
  it.each(members)('are kept: %s', async (name, exchange, expected) => {
    expect((await answer(name, exchange)).provider_specific_fields).toEqual(expected)
  })

  it('are on the finish chunk of a stream too', async () => {
    const whole = response([], { conversation: { id: 'c1' } })
    next = { events: [{ type: 'response.completed', response: whole }] }
    let last: unknown
    for await (const chunk of ai.stream(requestFor('openai'))) last = chunk
    expect(last).toMatchObject({
      type: 'finish',
      provider_specific_fields: { conversation: { id: 'c1' } },
    })
  })

  it('report what the API removed from the request', async () => {
    const input_transformations = [
      { id: 'rs_1', type: 'reasoning', action: 'removed', reason: 'prefix_mismatch' },
    ]
    const { warnings } = await answer('openai', { body: response([], { input_transformations }) })
    expect(warnings).toEqual([
      expect.objectContaining({
        code: 'dropped',
        message: expect.stringContaining('prefix_mismatch'),
      }),
    ])
  })
})

// ---- Names from a server ------------------------------------------------------------------------

describe('ids and model names from a server', () => {
  const key = 'sk-proj-abcdefghijklmnopqrstuvwxyz'
  const long = `${key}${'x'.repeat(5_000)}`
  const bodies: Record<Name, unknown> = {
    openai: { ...response([]), id: long, model: long },
    xai: { ...response([]), id: long, model: long },
    anthropic: { ...claude([]).body, id: long, model: long },
    gemini: { ...candidate([{ text: 'Hi' }]), responseId: long, modelVersion: long },
    compatible: { ...chat({ content: 'Hi' }).body, id: long, model: long },
  }
  // every key is also the model
  const all = Object.keys(bodies) as Name[]

  it.each(all)(
    'are short and free of keys in responses, attempts and log lines: %s',
    async (name) => {
      lines.length = 0
      const { id, model, request_id, attempts } = await answer(name, {
        body: bodies[name],
        id: long,
      })
      for (const shown of [id, model, request_id, attempts[0]?.request_id, attempts[0]?.answered]) {
        expect(shown).toMatch(/^\[key\]/)
        expect(shown?.length).toBeLessThanOrEqual(200)
      }
      expect(lines.join('')).not.toContain(key)
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(3_000)
    },
  )

  it.each(all)('are short and free of keys in errors: %s', async (name) => {
    lines.length = 0
    const body = { error: { message: 'no', code: long, type: long } }
    const error: TetradError = await answer(name, { status: 400, body, id: long }).catch((e) => e)
    expect(error.requestId).toMatch(/^\[key\]/)
    expect(error.requestId?.length).toBeLessThanOrEqual(200)
    expect(JSON.stringify(error) + JSON.stringify(error.attempts) + lines.join('')).not.toContain(
      key,
    )
  })
})

// ---- Usage --------------------------------------------------------------------------------------

const chatUsage = (...usages: readonly JsonObject[]) => ({
  events: [
    { id: 'c', choices: [{ delta: { content: 'Hi' }, finish_reason: 'stop' }] },
    ...usages.map((usage) => ({ id: 'c', choices: [], usage })),
  ],
})
const doubled = {
  prompt_tokens: 286,
  completion_tokens: 278,
  total_tokens: 564,
  completion_tokens_details: { reasoning_tokens: 287 },
}

describe('usage', () => {
  const rows: readonly (readonly [string, Name, typeof next, number, number])[] = [
    [
      'reasoning above a completion whose total holds it',
      'compatible',
      chat({ content: 'Hi' }, { usage: doubled }),
      286,
      278,
    ],
    ['the same, streamed', 'compatible', chatUsage(doubled), 286, 278],
    [
      'reasoning beside the total',
      'compatible',
      chat(
        { content: 'Hi' },
        {
          usage: {
            prompt_tokens: 10,
            completion_tokens: 2,
            total_tokens: 32,
            completion_tokens_details: { reasoning_tokens: 20 },
          },
        },
      ),
      10,
      22,
    ],
    [
      'a last snapshot of zeros',
      'compatible',
      chatUsage(
        { prompt_tokens: 7, completion_tokens: 3 },
        { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      ),
      7,
      3,
    ],
    [
      'a later zero',
      'anthropic',
      {
        events: [
          {
            type: 'message_start',
            message: {
              id: 'm',
              model: 'm',
              usage: {
                input_tokens: 10,
                cache_read_input_tokens: 100,
                cache_creation_input_tokens: 5,
              },
            },
          },
          {
            type: 'message_delta',
            delta: { stop_reason: 'end_turn' },
            usage: { input_tokens: 0, output_tokens: 9 },
          },
          { type: 'message_stop' },
        ],
      },
      115,
      9,
    ],
    [
      'a second message_delta of zero',
      'anthropic',
      {
        events: [
          ...claudeEvents([], 'end_turn').events.slice(0, 1),
          {
            type: 'message_delta',
            delta: { stop_reason: 'end_turn' },
            usage: { output_tokens: 9 },
          },
          { type: 'message_delta', delta: {}, usage: { output_tokens: 0 } },
          { type: 'message_stop' },
        ],
      },
      1,
      9,
    ],
    [
      'a later zero of one count',
      'compatible',
      chatUsage(
        { prompt_tokens: 7, completion_tokens: 0 },
        { prompt_tokens: 0, completion_tokens: 3, total_tokens: 3 },
      ),
      7,
      3,
    ],
    [
      'counts in the words of the Responses API',
      'compatible',
      chat({ content: 'Hi' }, { usage: { input_tokens: 7, output_tokens: 3 } }),
      7,
      3,
    ],
    [
      'counts that are text',
      'compatible',
      chat({ content: 'Hi' }, { usage: { prompt_tokens: '7', completion_tokens: '3' } }),
      7,
      3,
    ],
    [
      'counts that are text',
      'anthropic',
      claude([], { usage: { input_tokens: '7', output_tokens: '3' } }),
      7,
      3,
    ],
    [
      'counts that are text',
      'gemini',
      {
        body: {
          ...candidate([{ text: 'Hi' }]),
          usageMetadata: { promptTokenCount: '7', totalTokenCount: '10', thoughtsTokenCount: '3' },
        },
      },
      7,
      3,
    ],
    ...(['openai', 'xai'] as const).flatMap((name) => [
      [
        'counts that are text',
        name,
        { body: response([], { usage: { input_tokens: '7', output_tokens: '3' } }) },
        7,
        3,
      ] as const,
      [
        'counts in the words of Chat Completions',
        name,
        { body: response([], { usage: { prompt_tokens: 7, completion_tokens: 3 } }) },
        7,
        3,
      ] as const,
      [
        'usage before the end only',
        name,
        {
          events: [
            {
              type: 'response.in_progress',
              response: { usage: { input_tokens: 7, output_tokens: 3 } },
            },
            { type: 'response.completed', response: response([], { usage: null }) },
          ],
        },
        7,
        3,
      ] as const,
    ]),
    [
      'a later zero',
      'gemini',
      {
        events: [
          {
            ...candidate([{ text: 'Hi' }]),
            usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 2, totalTokenCount: 10 },
          },
          { usageMetadata: { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 } },
        ],
      },
      8,
      2,
    ],
  ]
  it.each(rows)('%s: %s', async (_, name, exchange, prompt, completion) => {
    const { usage } = await answer(name, exchange)
    expect([usage.prompt_tokens, usage.completion_tokens]).toEqual([prompt, completion])
  })

  it('details of an earlier report stay where the last one has none', async () => {
    const counts = { prompt_tokens: 7, completion_tokens: 3 }
    const details = { cached_tokens: 4, audio_tokens: 0 }
    const { usage } = await answer(
      'compatible',
      chatUsage(
        { ...counts, prompt_tokens_details: details },
        { ...counts, prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 } },
        counts,
      ),
    )
    expect(usage.prompt_tokens_details).toEqual(details)
  })

  it.each(['openai', 'xai'] as const)('of hosted tools is reported beside it: %s', async (name) => {
    const tool_usage = {
      web_search: { num_requests: 10 },
      image_gen: { input_tokens: 9, output_tokens: 8 },
    }
    const usages = [
      await answer(name, { body: response([], { tool_usage }) }),
      await answer(name, {
        events: [{ type: 'response.completed', response: response([], { tool_usage }) }],
      }),
    ].map(({ usage }) => usage)
    for (const usage of usages)
      expect(usage).toMatchObject({
        server_tool_use: { web_search: 10 },
        server_tool_tokens: { image_gen: { prompt_tokens: 9, completion_tokens: 8 } },
      })
  })
})

// ---- The way back -------------------------------------------------------------------------------

const reasoned = { type: 'reasoning', id: 'rs', summary: [], encrypted_content: 'e' }
const signed = { type: 'thinking', thinking: 'Hm.', signature: 's' }
const use = { type: 'tool_use', name: 'f', input: { x: 1 } }
const used = { ...use, id: expect.any(String) }
const called = { type: 'function_call', call_id: expect.any(String), arguments: '{"x":1}' }
const back: readonly (readonly [string, Name, typeof next, unknown])[] = [
  ...(['openai', 'xai'] as const).flatMap((name) =>
    (
      [
        ['without an id', [reasoned, item(undefined as never, '{"x":1}')], [reasoned, called]],
        ['with a number as id', [reasoned, item(7 as never, '{"x":1}')], [reasoned, called]],
        [
          'with one id for two',
          [reasoned, item('a', '{"x":1}'), item('a', '{"x":2}')],
          [reasoned, called, { ...called, arguments: '{"x":2}' }],
        ],
        ['with arguments that are an object', [reasoned, item('a', { x: 1 })], [reasoned, called]],
        [
          'with arguments that are null',
          [reasoned, item('a', null)],
          [reasoned, { ...called, arguments: '{}' }],
        ],
      ] as const
    ).map(
      ([what, output, items]) =>
        [`a call ${what}`, name, { body: response(output) }, items] as const,
    ),
  ),
  [
    'audio',
    'openai',
    { body: response(listed([{ type: 'output_audio', data: 'SUQz', transcript: 'Hi' }])) },
    [{ content: [{ type: 'output_text', text: 'Hi' }] }],
  ],
  [
    'a computer call without a screenshot',
    'openai',
    {
      body: response([
        reasoned,
        { type: 'computer_call', id: 'cu', call_id: 'c', action: { type: 'screenshot' } },
        ...listed([{ type: 'output_text', text: 'Hi' }]),
      ]),
    },
    [{ content: [{ type: 'output_text', text: 'Hi' }] }],
  ],
  ['a call without an id', 'anthropic', claude([signed, use]), [signed, used]],
  ['a call with a number as id', 'anthropic', claude([signed, { ...use, id: 7 }]), [signed, used]],
  [
    'two calls with one id',
    'anthropic',
    claude([signed, { ...use, id: 'a' }, { ...use, id: 'a', input: { x: 2 } }]),
    [signed, used, { ...used, input: { x: 2 } }],
  ],
  [
    'a part of nothing',
    'gemini',
    { body: candidate([{ text: null }, { text: 'Hi', thoughtSignature: 's' }]) },
    [{ text: 'Hi', thoughtSignature: 's' }],
  ],
]

/** What follows the user message of a body, and the ids of calls and results in it. */
function assistantIn(body: JsonObject) {
  const [, ...turns] = asObjects(body.input ?? body.messages ?? body.contents)
  const items = body.input ? turns : asObjects(turns[0]?.content ?? turns[0]?.parts)
  const all = body.input ? turns : turns.flatMap(({ content }) => asObjects(content))
  const idsOf = (pattern: RegExp) =>
    all.flatMap(({ type, call_id, tool_use_id, id }) =>
      pattern.test(String(type)) ? [call_id ?? tool_use_id ?? id] : [],
    )
  return {
    items: items.filter(({ type, role }) => role !== 'user' && !/_output$/.test(String(type))),
    calls: idsOf(/^(function_call|tool_use)$/),
    results: idsOf(/^(function_call_output|tool_result)$/),
  }
}

describe('an answer goes back as its provider accepts it', () => {
  it.each(back)('%s: %s', async (_, name, exchange, items) => {
    const { messages } = JSON.parse(JSON.stringify(await answer(name, exchange)))
    next = { body: asBody[name] }
    const user = { role: 'user' as const, content: 'Go on.' }
    await ai.generate(requestFor(name, { tools, messages: [user, ...messages, user] }))
    const went = assistantIn(JSON.parse(sent))
    expect(went.items).toMatchObject(items as JsonObject[])
    expect(went.results).toEqual(went.calls)
    expect(new Set(went.calls).size).toBe(went.calls.length)
    expect(went.calls.every((id) => typeof id === 'string' && id !== '')).toBe(true)
  })
})

/** A short answer of each provider. */
const asBody: Record<Name, unknown> = {
  openai: response([]),
  xai: response([]),
  anthropic: claude([]).body,
  gemini: candidate([{ text: 'Hi' }]),
  compatible: chat({ content: 'Hi' }).body,
}
