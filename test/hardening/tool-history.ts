/** Calls and their results in a history: ids, pairs, arguments, signatures. */
import { expect } from 'vitest'
import { BadRequestError } from '../../src/core/index.js'
import { callTool, say, think } from '../../src/testing/index.js'
import {
  assistant,
  type CallCase,
  call,
  calls,
  type HardeningCase,
  image,
  onServer,
  result,
  system,
  tool,
  user,
} from './case.js'

const sonnet = 'anthropic/claude-sonnet-4-5'
const flash = 'gemini/gemini-2.5-flash'
const gemini3 = 'gemini/gemini-3-pro-preview'
const gpt = 'openai/gpt-4.1'
const tools = [tool()]
const strict = { history: { mode: 'strict' as const } }
const png = 'iVBORw0KGgoAAAANSUhEUg=='

const use = (id: string, input: object = {}) => ({ type: 'tool_use', id, name: 'look', input })
const answered = (id: string) => ({ type: 'tool_result', tool_use_id: id })
const assistantTurn = (...content: object[]) => ({ role: 'assistant', content })
const userTurn = (...content: object[]) => ({ role: 'user', content })

/** The rest of two texts with a stray result between them. */
const twoTexts = {
  [sonnet]: {
    messages: [userTurn({ type: 'text', text: 'Hi' }, { type: 'text', text: 'b' })],
  },
  [flash]: { contents: [{ role: 'user', parts: [{ text: 'Hi' }, { text: 'b' }] }] },
  [gpt]: { input: [user('Hi'), user('b')] },
  'xai/grok-4': { input: [user('Hi'), user('b')] },
  'compatible/m': { messages: [user('Hi'), user('b')] },
}

const ids: readonly CallCase[] = [
  {
    id: 68,
    title: 'an id out of shape is cleaned on both sides',
    model: sonnet,
    messages: [user(), calls(call('call:1/2')), result('call:1/2')],
    request: { tools },
    expects: {
      body: { messages: [{}, assistantTurn(use('call_1_2')), userTurn(answered('call_1_2'))] },
      warns: ['repaired messages'],
    },
  },
  {
    id: 68,
    title: 'two ids that become one are kept apart',
    model: sonnet,
    messages: [user(), calls(call('a:1'), call('a/1')), result('a:1', 'x'), result('a/1', 'y')],
    request: { tools },
    expects: {
      body: {
        messages: [
          {},
          assistantTurn(use('a_1'), use('a_1_2')),
          userTurn({ ...answered('a_1'), content: 'x' }, { ...answered('a_1_2'), content: 'y' }),
        ],
      },
      warns: ['repaired messages'],
    },
  },
  {
    id: 69,
    title: 'calls without an id are given one each, and so are their results',
    model: sonnet,
    messages: [
      user(),
      calls(call('', 'look', '{"n":1}'), call('', 'look', '{"n":2}')),
      result('', 'x'),
      result('', 'y'),
    ],
    request: { tools },
    expects: {
      body: {
        messages: [
          {},
          assistantTurn(use('call_1_0', { n: 1 }), use('call_1_1', { n: 2 })),
          userTurn(answered('call_1_0'), answered('call_1_1')),
        ],
      },
      warns: ['repaired messages', 'repaired messages'],
    },
  },
  {
    id: 70,
    title: 'a call that stands twice in one turn is sent once',
    model: sonnet,
    messages: [user(), calls(call('c1'), call('c1')), result('c1')],
    request: { tools },
    expects: {
      body: { messages: [{}, assistantTurn(use('c1')), userTurn(answered('c1'))] },
      warns: ['repaired messages'],
    },
  },
  {
    id: 70,
    title: 'also in two messages that become one turn',
    model: sonnet,
    messages: [user(), calls(call('c1')), calls(call('c1')), result('c1')],
    request: { tools },
    expects: {
      body: { messages: [{}, assistantTurn(use('c1')), userTurn(answered('c1'))] },
      warns: ['repaired messages'],
    },
  },
  {
    id: 71,
    title: 'of two results of one call the last is kept',
    model: sonnet,
    messages: [user(), calls(call('c1')), result('c1', 'old'), result('c1', 'new')],
    request: { tools },
    expects: {
      body: {
        messages: [{}, assistantTurn(use('c1')), userTurn({ ...answered('c1'), content: 'new' })],
      },
      warns: ['repaired messages'],
    },
  },
  ...[sonnet, flash, gpt, 'xai/grok-4', 'compatible/m'].map(
    (model): CallCase => ({
      id: 72,
      title: `a call without result is given one that says so, in the order of the calls: ${model}`,
      model,
      messages: [user(), calls(call('c1'), call('c2')), result('c2')],
      request: { tools },
      expects: {
        warns: ['repaired messages'],
        ...(model === sonnet && {
          body: {
            messages: [
              {},
              assistantTurn(use('c1'), use('c2')),
              userTurn({ ...answered('c1'), is_error: true }, answered('c2')),
            ],
          },
        }),
      },
    }),
  ),
  {
    id: 72,
    title: 'a strict history names the call',
    model: sonnet,
    messages: [user(), calls(call('c1'), call('c2')), result('c2')],
    request: { tools },
    stack: strict,
    expects: { error: BadRequestError, names: ["'c1'"], answer: { status: 400 } },
  },
  ...Object.entries(twoTexts).map(
    ([model, body]): CallCase => ({
      id: 73,
      title: `a result that answers no call is left out: ${model}`,
      model,
      messages: [user(), result('c9'), user('b')],
      request: { tools },
      expects: { body, warns: ['repaired messages'] },
    }),
  ),
  ...Object.entries(twoTexts).map(
    ([model, body]): CallCase => ({
      id: 73,
      title: `also by the provider alone: ${model}`,
      model,
      messages: [user(), result('c9'), user('b')],
      request: { tools },
      stack: [],
      expects: { body, warns: ['repaired messages'] },
    }),
  ),
  {
    id: 73,
    title: 'a strict history refuses it',
    model: sonnet,
    messages: [user(), result('c9')],
    stack: strict,
    expects: { error: BadRequestError, answer: { status: 400, code: 'invalid_history' } },
  },
  {
    id: 74,
    title: 'a history with calls is sent with a tool of that name where the request brings none',
    model: sonnet,
    messages: [user(), calls(call('c1')), result('c1')],
    expects: { body: { tools: [{ name: 'look' }] }, warns: ['repaired tools'] },
  },
]

const withArguments = (text: string) => [user(), calls(call('c1', 'look', text)), result('c1')]

const claudeInput = (input: object) => ({ messages: [{}, assistantTurn(use('c1', input)), {}] })
const geminiArgs = (args: object) => ({
  contents: [{}, { parts: [{ functionCall: { name: 'look', args } }] }, {}],
})

const chatArguments = (args: object) => ({
  messages: [{}, { tool_calls: [{ function: { arguments: JSON.stringify(args) } }] }, {}],
})

const inputs: readonly CallCase[] = (
  [
    [75, 'no arguments are an empty object', '', {}, 0],
    [76, 'arguments that broke off are closed', '{"a": [1', { a: [1] }, 1],
    [77, 'a text that broke off is closed', '{"a": "unfin', { a: 'unfin' }, 1],
    [77, 'a comma too many is no end', '{"a":1,}', { a: 1 }, 1],
    [77, 'arguments past repair are sent as a text', 'hello {', { input: 'hello {' }, 1],
    [78, 'arguments that are no object are wrapped in one', '[1,2]', { input: [1, 2] }, 1],
  ] as const
).flatMap(([id, title, text, input, repairs]): readonly CallCase[] => {
  const warns = Array.from({ length: repairs }, () => 'repaired messages')
  const shared = { id, messages: withArguments(text), request: { tools } }
  return [
    {
      ...shared,
      title: `${title}: Claude`,
      model: sonnet,
      expects: { body: claudeInput(input), warns },
    },
    {
      ...shared,
      title: `${title}: Gemini`,
      model: flash,
      expects: { body: geminiArgs(input), warns },
    },
    {
      ...shared,
      title: `${title}: Claude alone`,
      model: sonnet,
      stack: [],
      expects: { body: claudeInput(input), warns },
    },
    {
      ...shared,
      title: `${title}: Chat Completions alone`,
      model: 'compatible/m',
      stack: [],
      expects: { body: chatArguments(input), warns },
    },
    {
      ...shared,
      title: `${title}: Gemini alone`,
      model: flash,
      stack: [],
      expects: { body: geminiArgs(input), warns },
    },
  ]
})

const responded = (response: object, name = 'look') => ({ functionResponse: { name, response } })
const geminiResult = (response: object): CallCase['expects'] => ({
  body: { contents: [{}, {}, { role: 'user', parts: [responded(response)] }] },
})

const results: readonly CallCase[] = [
  {
    id: 79,
    title: 'a result is brought to its call, two turns back',
    model: flash,
    messages: [user(), calls(call('c1')), user('wait'), assistant('ok'), result('c1', 'x')],
    request: { tools },
    expects: {
      body: {
        contents: [
          {},
          { role: 'model', parts: [{ functionCall: { name: 'look' } }] },
          { role: 'user', parts: [responded({ output: 'x' })] },
          { role: 'user', parts: [{ text: 'wait' }] },
          { role: 'model', parts: [{ text: 'ok' }] },
        ],
      },
      warns: ['repaired messages'],
    },
  },
  {
    id: 80,
    title: 'Gemini alone leaves out a result whose call and tool nobody knows',
    model: flash,
    messages: [user(), result('c9')],
    stack: [],
    expects: {
      body: { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] },
      warns: ['repaired messages'],
    },
  },
  {
    id: 81,
    title: 'two calls that say the same are two',
    model: flash,
    messages: [user(), calls(call('c1'), call('c2')), result('c1', 'x'), result('c2', 'y')],
    request: { tools },
    expects: {
      body: {
        contents: [
          {},
          { parts: [{ functionCall: { name: 'look' } }, { functionCall: { name: 'look' } }] },
          { parts: [responded({ output: 'x' }), responded({ output: 'y' })] },
        ],
      },
    },
  },
  ...(
    [
      ['a text is the output', 'ok', { output: 'ok' }],
      ['an object is taken as it is', '{"t":1}', { t: 1 }],
      ['a list is the output', '[1]', { output: [1] }],
    ] as const
  ).map(
    ([title, content, response]): CallCase => ({
      id: 82,
      title,
      model: flash,
      messages: [user(), calls(call('c1')), result('c1', content)],
      request: { tools },
      expects: geminiResult(response),
    }),
  ),
  {
    id: 83,
    title: 'every image of a result is sent',
    model: flash,
    messages: [
      user(),
      calls(call('c1')),
      result('c1', [
        { type: 'text', text: 'two' },
        image(`data:image/png;base64,${png}`),
        image(`data:image/png;base64,${png}`),
      ]),
    ],
    request: { tools },
    expects: {
      body: {
        contents: [
          {},
          {},
          { parts: [responded({ output: 'two' })] },
          {
            role: 'user',
            parts: [{}, { inlineData: { data: png } }, { inlineData: { data: png } }],
          },
        ],
      },
    },
  },
  {
    id: 83,
    title: 'Gemini 3 gets them within the result',
    model: gemini3,
    messages: [
      user(),
      calls(call('c1')),
      result('c1', [image(`data:image/png;base64,${png}`), image(`data:image/png;base64,${png}`)]),
    ],
    request: { tools },
    expects: {
      body: {
        contents: [
          {},
          {},
          {
            parts: [
              {
                functionResponse: {
                  parts: [{ inlineData: { data: png } }, { inlineData: { data: png } }],
                },
              },
            ],
          },
        ],
      },
      warns: ['changed messages'],
    },
  },
  {
    id: 84,
    title: 'three results are one turn',
    model: flash,
    messages: [
      user(),
      calls(call('c1'), call('c2'), call('c3')),
      result('c1', 'x'),
      result('c2', 'y'),
      result('c3', 'z'),
    ],
    request: { tools },
    expects: {
      body: {
        contents: [
          {},
          {},
          {
            role: 'user',
            parts: [
              responded({ output: 'x' }),
              responded({ output: 'y' }),
              responded({ output: 'z' }),
            ],
          },
        ],
      },
    },
  },
]

const signature = 'c2lnbmF0dXJl'
const signedId = `call_1__thought__${signature}`

const signatures: readonly HardeningCase[] = [
  {
    id: 85,
    title: 'a call that no Gemini made is marked as foreign, as Google asks',
    model: gemini3,
    messages: [user(), calls(call('c1')), result('c1')],
    request: { tools },
    expects: {
      body: {
        contents: [{}, { parts: [{ thoughtSignature: 'skip_thought_signature_validator' }] }, {}],
      },
      warns: ['changed messages'],
    },
  },
  {
    id: 85,
    title: 'Gemini 2.5 wants no such mark',
    model: flash,
    messages: [user(), calls(call('c1')), result('c1')],
    request: { tools },
    expects: { lacks: ['contents.1.parts.0.thoughtSignature'] },
  },
  {
    id: 86,
    title: 'a signature where litellm keeps it goes back as it came',
    model: gemini3,
    messages: [
      user(),
      calls({ ...call('c1'), provider_specific_fields: { thought_signature: signature } }),
      result('c1'),
    ],
    request: { tools },
    expects: { body: { contents: [{}, { parts: [{ thoughtSignature: signature }] }, {}] } },
  },
  {
    id: 87,
    title: 'an id that hides a signature of Gemini is stripped on both sides: Claude',
    model: sonnet,
    messages: [user(), calls(call(signedId)), result(signedId)],
    request: { tools },
    expects: {
      body: { messages: [{}, assistantTurn(use('call_1')), userTurn(answered('call_1'))] },
      warns: ['repaired messages'],
    },
  },
  ...[gpt, 'xai/grok-4'].map(
    (model): CallCase => ({
      id: 87,
      title: `and the Responses API: ${model}`,
      model,
      messages: [user(), calls(call(signedId)), result(signedId)],
      request: { tools },
      expects: {
        body: {
          input: [
            {},
            { type: 'function_call', call_id: 'call_1' },
            { type: 'function_call_output', call_id: 'call_1' },
          ],
        },
        warns: ['repaired messages'],
      },
    }),
  ),
  {
    id: 87,
    title: 'and Chat Completions',
    model: 'compatible/m',
    messages: [user(), calls(call(signedId)), result(signedId)],
    request: { tools },
    expects: {
      body: {
        messages: [{}, { tool_calls: [{ id: 'call_1' }] }, { tool_call_id: 'call_1' }],
      },
      warns: ['repaired messages'],
    },
  },
  {
    id: 87,
    title: 'to Gemini the signature in the id is a signature',
    model: gemini3,
    messages: [user(), calls(call(signedId)), result(signedId)],
    request: { tools },
    expects: { body: { contents: [{}, { parts: [{ thoughtSignature: signature }] }, {}] } },
  },
  {
    id: 87,
    title: 'ids that we make are short and hide nothing',
    run: () =>
      onServer(
        { script: [callTool('look', {}, { signature: 'c2ln'.repeat(40) })] },
        async ({ ai }) => {
          const reply = await ai.generate({
            model: gemini3,
            messages: [{ role: 'user', content: 'Hi' }],
          })
          const id = reply.message.tool_calls?.[0]?.id ?? ''
          expect(id).toMatch(/^[\w-]{1,40}$/)
          expect(id).not.toContain('__thought__')
        },
      ),
  },
  {
    id: 88,
    title: 'what was said stands before what was called',
    model: gpt,
    messages: [user(), assistant('Let me look.', { tool_calls: [call('c1')] }), result('c1')],
    request: { tools },
    expects: {
      body: {
        input: [
          { role: 'user' },
          { role: 'assistant', content: [{ type: 'output_text', text: 'Let me look.' }] },
          { type: 'function_call', call_id: 'c1' },
          { type: 'function_call_output', call_id: 'c1', output: 'ok' },
        ],
      },
    },
  },
  {
    id: 94,
    title: 'encrypted reasoning comes back before the call it led to',
    run: () =>
      onServer(
        {
          script: [
            think('Hm', { signature: 'enc' }).callTool('look', {}, { id: 'c1' }),
            say('Done'),
          ],
        },
        async ({ ai, server }) => {
          const request = { model: 'openai/gpt-5', tools: [tool()] as never }
          const messages = [{ role: 'user', content: 'Hi' }] as const
          const first = await ai.generate({ ...request, messages })
          await ai.generate({
            ...request,
            messages: [
              ...messages,
              ...first.messages,
              { role: 'tool', tool_call_id: 'c1', content: 'ok' },
            ],
          })
          expect(server.requests[1]?.body.input).toMatchObject([
            { role: 'user' },
            { type: 'reasoning', encrypted_content: 'enc' },
            { type: 'function_call', call_id: 'c1' },
            { type: 'function_call_output', call_id: 'c1' },
          ])
        },
      ),
  },
  {
    id: 102,
    title: 'a function call of the old form is a tool call',
    model: sonnet,
    messages: [
      system('S'),
      user(),
      assistant(null, { function_call: { name: 'look', arguments: '{"q":"a"}' } }),
      { role: 'function', name: 'look', content: 'found' },
    ],
    request: { tools },
    expects: {
      body: {
        messages: [
          {},
          assistantTurn(use('call_2_0', { q: 'a' })),
          userTurn({ ...answered('call_2_0'), content: 'found' }),
        ],
      },
      warns: ['repaired messages', 'repaired messages', 'repaired messages'],
    },
  },
]

export const toolHistory: readonly HardeningCase[] = [...ids, ...inputs, ...results, ...signatures]
