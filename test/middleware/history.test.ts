import { describe, expect, it } from 'vitest'
import { history } from '../../middleware/history.js'
import { timeout } from '../../middleware/timeout.js'
import { tools } from '../../middleware/tools.js'
import type { ChatRequest, Message, ToolMessage } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { AbortError, BadRequestError, type Call, type Middleware } from '../../src/core/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze, scripted } from '../contract/scripted.js'
import { say, thrown } from './script.js'

middlewareContract('history', () => history({ maxTokens: 100_000 }))

const user = (content: string): Message => ({ role: 'user', content })
const bot = (content: string): Message => ({ role: 'assistant', content })
const system = (content: string): Message => ({ role: 'system', content })
const result = (tool_call_id: string, content = `result of ${tool_call_id}`): ToolMessage => ({
  role: 'tool',
  tool_call_id,
  content,
})
/** A turn with tool calls, by default with the same arguments. */
const calling = (
  ...calls: readonly (string | readonly [id: string, args: unknown])[]
): Message => ({
  role: 'assistant',
  content: null,
  tool_calls: calls.map((call) => {
    const [id, args] = typeof call === 'string' ? [call, '{"a":1}'] : call
    // as loaded from a database
    return { id, type: 'function', function: { name: `f${id}`, arguments: args as string } }
  }),
})

/** Typed as loaded from a database. */
const stored = (message: unknown) => message as Message

interface Sent {
  readonly messages: readonly Message[]
  readonly warnings: readonly string[]
}

/** The messages sent to the provider, and the warnings of the response. */
async function sent(messages: readonly Message[], ...layers: readonly Middleware[]): Promise<Sent> {
  const provider = scripted([say('ok')])
  const use = layers.length > 0 ? layers : [history()]
  const ai = createClient({ providers: [provider], use })
  const reply = await ai.generate(
    deepFreeze({ model: 'scripted/m', messages } satisfies ChatRequest),
  )
  return {
    messages: provider.calls[0]?.request.messages ?? [],
    warnings: reply.warnings.map(({ code, param }) => `${code} ${param}`),
  }
}

const repaired = 'repaired messages'

describe('a valid history', () => {
  it.each<readonly [string, readonly Message[]]>([
    ['of text', [system('s'), user('a'), bot('b'), user('c')]],
    ['with calls and results', [user('a'), calling('1', '2'), result('1'), result('2'), bot('b')]],
    ['with results in another order', [user('a'), calling('1', '2'), result('2'), result('1')]],
    ['with the same id in two turns', [calling('1'), result('1'), calling('1'), result('1')]],
    ['with an empty result', [calling('1'), result('1', '')]],
    ['with parts', [{ role: 'user', content: [{ type: 'text', text: 'a' }] }]],
    [
      'with a picture alone',
      [{ role: 'user', content: [{ type: 'image_url', image_url: 'https://x/y.png' }] }],
    ],
    ['with text beside a call', [{ ...calling('1'), content: '' } as Message, result('1')]],
    [
      'with a turn of native blocks',
      [
        stored({
          role: 'assistant',
          content: null,
          native: { provider: 'p', model: 'm', content: [1] },
        }),
      ],
    ],
    [
      'that ends in an approval',
      [calling('1'), { role: 'tool', tool_call_id: '1', approval: { id: 'x', approved: true } }],
    ],
  ])('%s is passed unchanged and without warnings', async (_, messages) => {
    const provider = scripted([say('ok')])
    const ai = createClient({ providers: [provider], use: [history({ mode: 'strict' })] })
    const reply = await ai.generate({ model: 'scripted/m', messages })
    expect(provider.calls[0]?.request.messages).toBe(messages)
    expect(reply.warnings).toEqual([])
  })
})

describe('a repair', () => {
  it.each<readonly [string, readonly Message[], readonly Message[]]>([
    [
      'gives a call without a result one that says so, in call order',
      [user('a'), calling('1', '2', '3'), result('2'), user('b')],
      [
        user('a'),
        calling('1', '2', '3'),
        result('2'),
        expect.objectContaining({ tool_call_id: '1', is_error: true }),
        expect.objectContaining({ tool_call_id: '3', is_error: true }),
        user('b'),
      ],
    ],
    [
      'drops a result that answers no call',
      [user('a'), result('9'), bot('b')],
      [user('a'), bot('b')],
    ],
    [
      'keeps the last of several results',
      [calling('1'), result('1', 'old'), result('1', 'new')],
      [calling('1'), result('1', 'new')],
    ],
    [
      'moves a late result behind its call',
      [calling('1'), user('b'), result('1')],
      [calling('1'), result('1'), user('b')],
    ],
    [
      'moves a result that stands before its call',
      [user('a'), result('1'), calling('1'), user('b')],
      [user('a'), calling('1'), result('1'), user('b')],
    ],
    [
      'moves a system message out from between call and result',
      [calling('1'), system('s'), result('1')],
      [calling('1'), result('1'), system('s')],
    ],
    [
      'drops a call that is there twice',
      [calling('1', '1'), result('1')],
      [calling('1'), result('1')],
    ],
    [
      'drops a turn that is there twice',
      [user('a'), calling('1'), calling('1'), result('1')],
      [user('a'), calling('1'), result('1')],
    ],
    [
      'drops a message that says nothing',
      [user('a'), user(' \n'), bot(''), user('b')],
      [user('a'), user('b')],
    ],
    [
      'drops a message of blank parts, and blank parts of a message',
      [
        { role: 'user', content: [{ type: 'text', text: '' }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: ' ' },
          ],
        },
        { role: 'system', content: [] },
        stored({ role: 'user', content: null }),
      ],
      [{ role: 'user', content: [{ type: 'text', text: 'a' }] }],
    ],
    [
      'ends arguments that were cut off',
      [calling(['1', '{"a": [1']), result('1')],
      [calling(['1', '{"a":[1]}']), result('1')],
    ],
    [
      'closes a string',
      [calling(['1', '{"a": "unfin']), result('1')],
      [calling(['1', '{"a":"unfin"}']), result('1')],
    ],
    [
      'takes a comma out',
      [calling(['1', '{"a":1,}']), result('1')],
      [calling(['1', '{"a":1}']), result('1')],
    ],
    [
      'wraps a value that is no object',
      [calling(['1', '[1,2]']), result('1')],
      [calling(['1', '{"input":[1,2]}']), result('1')],
    ],
    [
      'wraps text that is past repair',
      [calling(['1', 'oops']), result('1')],
      [calling(['1', '{"input":"oops"}']), result('1')],
    ],
    [
      'writes an object as JSON text',
      [calling(['1', { a: 1 }]), result('1')],
      [calling(['1', '{"a":1}']), result('1')],
    ],
    [
      'writes a result that is an object as JSON text',
      [calling('1'), stored({ ...result('1'), content: { t: 1 } })],
      [calling('1'), result('1', '{"t":1}')],
    ],
    [
      'drops a call that names no tool',
      [stored({ role: 'assistant', content: 'b', tool_calls: [{ id: '1', type: 'function' }] })],
      [bot('b')],
    ],
    [
      'leaves out an approval of an older turn, whose call then has no result',
      [
        calling('1'),
        { role: 'tool', tool_call_id: '1', approval: { id: 'x', approved: true } },
        user('b'),
      ],
      [calling('1'), expect.objectContaining({ tool_call_id: '1', is_error: true }), user('b')],
    ],
  ])('%s', async (_, given, expected) => {
    const { messages, warnings } = await sent(given)
    expect(messages).toEqual(expected)
    expect(warnings.length).toBeGreaterThan(0)
    expect(new Set(warnings)).toEqual(new Set([repaired]))
    const strict = createClient({
      providers: [scripted([say('ok')])],
      use: [history({ mode: 'strict' })],
    })
    const error = await thrown(strict.generate({ model: 'scripted/m', messages: given }))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ code: 'invalid_history' })
    const again = await sent(messages)
    expect(again.warnings).toEqual([])
  })

  it('gives calls with a shared or missing id unique ids on both sides', async () => {
    const twins = calling(['1', '{"a":1}'], ['1', '{"a":2}'], ['', '{}'])
    const { messages } = await sent([twins, result('1', 'x'), result('1', 'y'), result('', 'z')])
    const [turn, ...results] = messages
    const ids = turn?.role === 'assistant' ? turn.tool_calls?.map(({ id }) => id) : []
    expect(new Set(ids).size).toBe(3)
    expect(ids).not.toContain('')
    expect(results).toEqual(['x', 'y', 'z'].map((content, i) => result(ids?.[i] ?? '', content)))
  })

  it('pairs legacy function calls with their results', async () => {
    const { messages } = await sent([
      user('a'),
      stored({ role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } }),
      stored({ role: 'function', name: 'f', content: '42' }),
    ])
    expect(messages).toMatchObject([
      {},
      { role: 'assistant', tool_calls: [{ function: { name: 'f' } }] },
      { role: 'tool', content: '42' },
    ])
    const [, turn, answer] = messages
    expect(turn).not.toHaveProperty('function_call')
    expect(turn?.role === 'assistant' && turn.tool_calls?.[0]?.id).toBe(
      answer?.role === 'tool' && answer.tool_call_id,
    )
  })

  it('matches an id of litellm that has a signature appended', async () => {
    const signed = calling('1__thought__c2ln')
    const { messages, warnings } = await sent([signed, result('1')])
    expect(messages).toEqual([signed, result('1__thought__c2ln', 'result of 1')])
    expect(warnings).toEqual([])
  })

  it('rejects entries that are no messages: their meaning is unknown', async () => {
    for (const message of [null, 'hi', { content: 'x' }, { role: 'robot', content: 'x' }, []])
      expect(await thrown(sent([user('a'), stored(message)]))).toMatchObject({
        name: 'BadRequestError',
        code: 'invalid_message',
      })
  })

  it('drops an answered approval, and keeps one that a provider waits for', async () => {
    const approval = (id: string): Message => ({
      role: 'tool',
      tool_call_id: '1',
      approval: { id, approved: true },
    })
    const answered = await sent([calling('1'), approval('x'), result('1'), bot('b'), user('c')])
    expect(answered.messages).toEqual([calling('1'), result('1'), bot('b'), user('c')])
    const mcp = await sent([calling('1'), approval('1'), bot('b'), user('c')])
    expect(mcp.messages).toEqual([calling('1'), approval('1'), bot('b'), user('c')])
  })

  it('leaves a call that waits for approval to the loop', async () => {
    const ran: unknown[] = []
    const pay = { needsApproval: true, execute: () => ran.push(1) }
    const provider = scripted(({ messages }) =>
      messages.some(({ role }) => role === 'tool')
        ? say('Done.')
        : [
            ...say('').slice(0, 1),
            { type: 'tool-call-start', index: 0, id: 'c1', name: 'pay' },
            { type: 'tool-call-end', index: 0 },
            {
              type: 'finish',
              finish_reason: 'tool_calls',
              usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
            },
          ],
    )
    const ai = createClient({ providers: [provider], use: [history(), tools({ pay })] })
    const request: ChatRequest = { model: 'scripted/m', messages: [user('Pay')] }
    const first = await ai.generate(request)
    const [asked] = first.approvals ?? []
    const yes: Message = {
      role: 'tool',
      tool_call_id: asked?.tool_call_id ?? '',
      approval: { id: asked?.id ?? '', approved: true },
    }
    const reply = await ai.generate({
      ...request,
      messages: [...request.messages, ...first.messages, yes],
    })
    expect(reply.text).toBe('Done.')
    expect(ran).toEqual([1])
    expect(reply.warnings).toEqual([])
  })

  it('of ten thousand messages takes linear time', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => [
      calling(`${i % 7}`),
      result(`${i % 7}`),
    ]).flat()
    const { messages } = await sent([
      ...many,
      user('a'),
      ...many.filter(({ role }) => role === 'tool'),
    ])
    expect(messages).toHaveLength(10_001)
  })
})

describe('trimming', () => {
  const long = (name: string) => `${name} ${'word '.repeat(100)}`
  const dialogue = [
    system('be kind'),
    user(long('q1')),
    calling('1'),
    result('1', long('r1')),
    bot(long('a1')),
    user(long('q2')),
    bot(long('a2')),
    user('q3'),
  ]
  const firstWords = (messages: readonly Message[]) =>
    messages.map(({ role, content }) =>
      typeof content === 'string' ? content.split(' ')[0] : role,
    )

  it('drops whole exchanges, oldest first, and keeps instructions', async () => {
    const { messages, warnings } = await sent(dialogue, history({ maxTokens: 300 }))
    expect(firstWords(messages)).toEqual(['be', 'q2', 'a2', 'q3'])
    expect(warnings).toEqual(['changed messages'])
  })

  it('keeps everything if it fits', async () => {
    const { messages, warnings } = await sent(dialogue, history({ maxTokens: 10_000 }))
    expect(messages).toEqual(dialogue)
    expect(warnings).toEqual([])
  })

  it('keeps instructions and the last question, whatever their size, with a warning', async () => {
    const { messages, warnings } = await sent(dialogue, history({ maxTokens: 1 }))
    expect(firstWords(messages)).toEqual(['be', 'q3'])
    expect(warnings).toEqual(['changed messages', 'other messages'])
  })

  it('drops old turns of a long loop, never a call without its result', async () => {
    const loop = [1, 2, 3].flatMap((i) => [calling(`${i}`), result(`${i}`, long(`r${i}`))])
    const { messages } = await sent([user('q'), ...loop], history({ maxTokens: 200 }))
    expect(messages).toEqual([user('q'), calling('3'), result('3', long('r3'))])
  })

  it.each([undefined, 1_000])(
    'uses the context size of the model (contextTokens %s)',
    async (contextTokens) => {
      const provider = scripted([say('ok')], {
        capabilities: contextTokens ? { contextTokens, maxOutputTokens: 700 } : {},
      })
      const ai = createClient({ providers: [provider], use: [history({ maxTokens: 'model' })] })
      await ai.generate({ model: 'scripted/m', messages: dialogue })
      expect(provider.calls[0]?.request.messages).toHaveLength(contextTokens ? 4 : dialogue.length)
      await ai.generate({ model: 'scripted/m', messages: dialogue, max_tokens: 1 })
      expect(provider.calls[1]?.request.messages).toHaveLength(dialogue.length)
    },
  )

  it('leaves a model of no known provider to the end of the stack', async () => {
    const rename: Middleware = (ctx, next) => {
      ctx.request = { ...ctx.request, model: 'scripted/m' }
      return next()
    }
    const provider = scripted([say('ok')])
    const ai = createClient({
      providers: [provider],
      use: [history({ maxTokens: 'model' }), rename],
    })
    expect((await ai.generate({ model: 'nobody/m', messages: dialogue })).text).toBe('ok')
  })
})

describe('the provider’s token count', () => {
  const many = Array.from({ length: 20 }, (_, i) => [
    user(`question ${i} ${'x '.repeat(40)}`),
    bot('answer'),
  ]).flat()
  const counting = (count: (messages: readonly Message[]) => number) => {
    const asked: number[] = []
    const provider = {
      ...scripted([say('ok')]),
      countTokens: async ({ messages }: ChatRequest) => {
        asked.push(messages.length)
        return count(messages)
      },
    }
    return { provider, asked }
  }
  const run = async (
    { provider }: ReturnType<typeof counting>,
    options: Parameters<typeof history>[0],
    callOptions = {},
  ) => {
    const ai = createClient({ providers: [provider], use: [history(options)] })
    const reply = await ai.generate({ model: 'scripted/m', messages: many }, callOptions)
    return { reply, messages: provider.calls[0]?.request.messages ?? [] }
  }

  it('has timeouts of its own where no timeout layer stands outside, else those', async () => {
    const given: Call['timeouts'][] = []
    const provider = {
      ...scripted([say('ok'), say('ok')]),
      countTokens: async (_: ChatRequest, { timeouts }: Call) => {
        given.push(timeouts)
        return 1
      },
    }
    const use = [timeout({ headersMs: 77 }), history({ maxTokens: 1_000 })]
    for (const layers of [use.slice(1), use])
      await createClient({ providers: [provider], use: layers }).generate({
        model: 'scripted/m',
        messages: many,
      })
    expect(given[0]).toEqual({ headersMs: 10_000, idleBytesMs: 10_000 })
    expect(given.at(-1)?.headersMs).toBe(77)
  })

  it('is not requested if the estimate is far below the limit', async () => {
    const counter = counting(() => 1)
    await run(counter, { maxTokens: 100_000 })
    expect(counter.asked).toEqual([])
  })

  it('decides near the limit, and the rest is counted again', async () => {
    const counter = counting((messages) => messages.length * 100)
    const { messages } = await run(counter, { maxTokens: 1_000 })
    expect(messages.length).toBeLessThanOrEqual(10)
    expect(messages.length).toBeGreaterThan(2)
    expect(counter.asked.length).toBeLessThanOrEqual(3)
  })

  it('keeps what the estimate would have dropped', async () => {
    const counter = counting(() => 900)
    const { messages } = await run(counter, { maxTokens: 1_000 })
    expect(messages).toHaveLength(many.length)
  })

  it('is not requested if the app disables it', async () => {
    const counter = counting(() => 1)
    const { messages } = await run(counter, { maxTokens: 300, exact: false })
    expect(counter.asked).toEqual([])
    expect(messages.length).toBeLessThan(many.length)
  })

  it('is replaced by the estimate if it fails, with a warning', async () => {
    const counter = counting(() => {
      throw new Error('count is down')
    })
    const { reply, messages } = await run(counter, { maxTokens: 300 })
    expect(messages.length).toBeLessThan(many.length)
    expect(reply.warnings.map(({ code }) => code)).toContain('other')
  })

  it('ends with the call', async () => {
    const controller = new AbortController()
    const counter = counting(() => {
      controller.abort()
      throw new Error('aborted')
    })
    const call = run(counter, { maxTokens: 300 }, { signal: controller.signal })
    expect(await thrown(call)).toBeInstanceOf(AbortError)
  })
})
