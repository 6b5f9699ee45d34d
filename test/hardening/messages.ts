/** Messages: roles, empty contents, files, thoughts. */
import { expect } from 'vitest'
import type { ChatRequest } from '../../src/chat/index.js'
import { BadRequestError } from '../../src/core/index.js'
import {
  assistant,
  type CallCase,
  call,
  calls,
  deepFreeze,
  type HardeningCase,
  image,
  type Mode,
  onServer,
  result,
  system,
  tool,
  user,
} from './case.js'

const sonnet = 'anthropic/claude-sonnet-4-5'
const flash = 'gemini/gemini-2.5-flash'
const gpt = 'openai/gpt-4.1'
const every = [gpt, sonnet, flash, 'xai/grok-4', 'compatible/m']
const text = (value: string) => ({ type: 'text', text: value })

/** The first bytes specify the type. */
const png = 'iVBORw0KGgoAAAANSUhEUg=='
const pdf = 'JVBERi0xLjQK'

/** One of everything that a request may contain. */
const richRequest = (model: string) => ({
  model,
  messages: [
    system('S'),
    user([text('a'), image(`data:image/png;base64,${png}`)]),
    assistant('Let me look. ', {
      tool_calls: [call('c:1'), call('c:1'), call('c2', 'look', '{"a":')],
      reasoning_content: 'Hm.',
      thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 's' }],
    }),
    result('c:1', [text('r')]),
    result('c:1', 'again'),
    result('orphan'),
    assistant(''),
    user('b'),
  ],
  tools: [
    tool('look', {
      parameters: {
        type: 'object',
        properties: {
          a: { type: ['string', 'null'], enum: ['x', null] },
          b: { $ref: '#/$defs/b' },
        },
        $defs: {
          b: { type: 'array', items: { type: 'object', properties: { c: { minimum: 1 } } } },
        },
      },
    }),
  ],
  tool_choice: 'auto',
  stop: undefined,
  metadata: { tag: 't' },
  temperature: 0.5,
  drop_params: true,
  extra_headers: { 'x-a': 'b' },
  provider_options: { [model.split('/')[0] ?? '']: { own: { nested: [1] } } },
})

/** The request that the server receives, and that the call succeeds. */
const bodyOf = (request: object, mode: Mode) =>
  onServer({}, async ({ ai, server }) => {
    // its history breaks the types on purpose
    const asked = request as ChatRequest
    const options = deepFreeze({ tags: { a: 'b' }, headers: { 'x-c': 'd' } })
    const reply =
      mode === 'generate'
        ? await ai.generate(asked, options)
        : await ai.stream(asked, options).response
    expect(reply.text).toBe('Fine.')
    return server.requests[0]?.body
  })

const roles: readonly HardeningCase[] = [
  ...every.map(
    (model): CallCase => ({
      id: 57,
      title: `a message without a role is refused: ${model}`,
      model,
      messages: [{ content: 'Hi' }],
      expects: { error: BadRequestError, answer: { status: 400 } },
    }),
  ),
  ...every.map(
    (model): CallCase => ({
      id: 57,
      title: `also by the provider alone: ${model}`,
      model,
      messages: [{ content: 'Hi' }],
      stack: [],
      expects: { error: BadRequestError, answer: { status: 400 } },
    }),
  ),
  ...every.map(
    (model): HardeningCase => ({
      id: 58,
      title: `nothing of the caller is changed, and nothing depends on being able to: ${model}`,
      run: async () => {
        for (const mode of ['generate', 'stream'] as const) {
          const request = richRequest(model)
          const before = structuredClone(request)
          const open = await bodyOf(request, mode)
          expect(request).toEqual(before)
          expect(await bodyOf(deepFreeze(request), mode)).toEqual(open)
        }
      },
    }),
  ),
  {
    id: 59,
    title: 'instructions at the head are hoisted, a late one stays where it is as a note',
    model: sonnet,
    messages: [system('First'), user('a'), system('Late')],
    expects: {
      body: {
        system: [text('First')],
        messages: [{ role: 'user', content: [text('a'), text('[System note: Late]')] }],
      },
      warns: ['changed messages'],
    },
  },
  {
    id: 59,
    title: 'a model that takes system turns gets one',
    model: 'anthropic/claude-opus-4-8',
    messages: [system('First'), user('a'), system('Late')],
    expects: {
      body: {
        system: [text('First')],
        messages: [
          { role: 'user', content: [text('a')] },
          { role: 'system', content: [text('Late')] },
        ],
      },
    },
  },
  {
    id: 60,
    title: 'instructions alone are nothing that Claude could answer',
    model: sonnet,
    messages: [system('Be kind')],
    expects: { error: BadRequestError, answer: { status: 400 } },
  },
  {
    id: 61,
    title: 'Gemini is given a user who says next to nothing',
    model: flash,
    messages: [system('Be kind')],
    expects: {
      body: {
        systemInstruction: { parts: [{ text: 'Be kind' }] },
        contents: [{ role: 'user', parts: [{ text: '.' }] }],
      },
      warns: ['repaired messages'],
    },
  },
  ...every.map(
    (model): CallCase => ({
      id: 62,
      title: `no messages at all are refused: ${model}`,
      model,
      messages: [],
      expects: { error: BadRequestError, answer: { status: 400 } },
    }),
  ),
  {
    id: 63,
    title: 'two user messages in a row are one turn of Claude',
    model: sonnet,
    messages: [user('a'), user('b')],
    expects: { body: { messages: [{ role: 'user', content: [text('a'), text('b')] }] } },
  },
  {
    id: 63,
    title: 'and of Gemini',
    model: flash,
    messages: [user('a'), user('b')],
    expects: { body: { contents: [{ role: 'user', parts: [{ text: 'a' }, { text: 'b' }] }] } },
  },
  {
    id: 64,
    title: 'an instruction without words is left out',
    model: sonnet,
    messages: [system(''), user()],
    expects: { lacks: ['system'], warns: ['repaired messages'] },
  },
  {
    id: 65,
    title: 'an empty user message is left out',
    model: sonnet,
    messages: [user(''), user('Hi')],
    expects: {
      body: { messages: [{ role: 'user', content: [text('Hi')] }] },
      warns: ['repaired messages'],
    },
  },
  {
    id: 65,
    title: 'where nothing is left the call is refused',
    model: sonnet,
    messages: [user('')],
    expects: { error: BadRequestError, answer: { status: 400 } },
  },
  {
    id: 66,
    title: 'an empty text beside calls is no text, and none is invented',
    model: sonnet,
    messages: [user(), assistant('', { tool_calls: [call('c1')] }), result('c1')],
    request: { tools: [tool()] },
    expects: {
      body: {
        messages: [
          { role: 'user' },
          { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'look', input: {} }] },
          { role: 'user' },
        ],
      },
    },
  },
  {
    id: 67,
    title: 'the beginning of an answer does not end in white space',
    model: sonnet,
    messages: [user(), assistant('Hi \n')],
    expects: { body: { messages: [{}, { role: 'assistant', content: [text('Hi')] }] } },
  },
  {
    id: 67,
    title: 'a beginning of white space alone is none',
    model: sonnet,
    messages: [user(), assistant('  ')],
    expects: { body: { messages: [{ role: 'user' }] }, warns: ['repaired messages'] },
  },
  {
    id: 89,
    title: 'two instructions reach the model in their order',
    model: gpt,
    messages: [system('One'), system('Two'), user()],
    expects: {
      body: {
        input: [
          { role: 'system', content: 'One' },
          { role: 'system', content: 'Two' },
          { role: 'user' },
        ],
      },
    },
  },
  {
    id: 91,
    title: 'OpenAI knows developers',
    model: gpt,
    messages: [{ role: 'developer', content: 'D' }, user()],
    expects: { body: { input: [{ role: 'developer' }, { role: 'user' }] } },
  },
  {
    id: 91,
    title: 'to Claude they are the system',
    model: sonnet,
    messages: [{ role: 'developer', content: 'D' }, user()],
    expects: { body: { system: [text('D')], messages: [{ role: 'user' }] } },
  },
  {
    id: 91,
    title: 'to Gemini too',
    model: flash,
    messages: [{ role: 'developer', content: 'D' }, user()],
    expects: { body: { systemInstruction: { parts: [{ text: 'D' }] } } },
  },
  {
    id: 95,
    title: 'what Grok has no place for goes: names and cache marks',
    model: 'xai/grok-4',
    messages: [
      {
        role: 'user',
        name: 'ann',
        content: [{ ...text('Hi'), cache_control: { type: 'ephemeral' } }],
      },
    ],
    expects: {
      lacks: ['input.0.name', 'input.0.content.0.cache_control'],
      warns: ['ignored messages', 'ignored cache_control'],
    },
  },
]

const mark = { cache_control: { type: 'ephemeral' } }
const marked: readonly unknown[] = [
  { role: 'system', content: [{ ...text('S'), ...mark }] },
  user([{ ...text('Hi'), ...mark }]),
  calls(call('c1')),
  result('c1', 'ok', mark),
]

const marks: readonly CallCase[] = [
  {
    id: 96,
    title: 'cache marks reach Claude on texts, tools and results',
    model: sonnet,
    messages: marked,
    request: { tools: [{ ...tool(), ...mark }] },
    expects: {
      body: {
        system: [{ ...text('S'), ...mark }],
        tools: [{ name: 'look', ...mark }],
        messages: [
          { role: 'user', content: [{ ...text('Hi'), ...mark }] },
          { role: 'assistant' },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', ...mark }] },
        ],
      },
    },
  },
  ...[flash, gpt, 'xai/grok-4'].map(
    (model): CallCase => ({
      id: 96,
      title: `and nobody who would refuse them: ${model}`,
      model,
      messages: marked,
      request: { tools: [{ ...tool(), ...mark }] },
      expects: {
        lacks: [
          'input.0.content.0.cache_control',
          'input.1.content.0.cache_control',
          'input.3.cache_control',
          'tools.0.cache_control',
          'systemInstruction.parts.0.cache_control',
          'contents.0.parts.0.cache_control',
        ],
        warns: ['ignored cache_control'],
      },
    }),
  ),
]

const files: readonly CallCase[] = [
  {
    id: 90,
    title: 'a file travels with its name',
    model: gpt,
    messages: [
      user([
        {
          type: 'file',
          file: { file_data: `data:application/pdf;base64,${pdf}`, filename: 'a.pdf' },
        },
      ]),
    ],
    expects: {
      body: { input: [{ content: [{ type: 'input_file', filename: 'a.pdf' }] }] },
    },
  },
  {
    id: 97,
    title: 'Claude fetches an address itself',
    model: sonnet,
    messages: [user([image('https://example.com/a.png')])],
    expects: {
      body: {
        messages: [
          {
            content: [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }],
          },
        ],
      },
    },
  },
  {
    id: 97,
    title: 'a data URI is sent as its bytes and their type',
    model: sonnet,
    messages: [user([image(`data:image/png;base64,${png}`)])],
    expects: {
      body: {
        messages: [
          {
            content: [
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
            ],
          },
        ],
      },
    },
  },
  {
    id: 99,
    title: 'a PDF is a document of Claude',
    model: sonnet,
    messages: [user([{ type: 'file', file: { file_data: pdf, format: 'application/pdf' } }])],
    expects: {
      body: {
        messages: [
          {
            content: [
              {
                type: 'document',
                source: { type: 'base64', media_type: 'application/pdf', data: pdf },
              },
            ],
          },
        ],
      },
    },
  },
  {
    id: 99,
    title: 'a PDF is inline data of Gemini',
    model: flash,
    messages: [user([{ type: 'file', file: { file_data: pdf, format: 'application/pdf' } }])],
    expects: {
      body: {
        contents: [{ parts: [{ inlineData: { mimeType: 'application/pdf', data: pdf } }] }],
      },
    },
  },
  ...[gpt].map(
    (model): CallCase => ({
      id: 99,
      title: `a PDF is an input file of the Responses API: ${model}`,
      model,
      messages: [
        user([
          {
            type: 'file',
            file: { file_data: pdf, format: 'application/pdf', filename: 'a.pdf' },
          },
        ]),
      ],
      expects: {
        body: {
          input: [
            { content: [{ type: 'input_file', file_data: `data:application/pdf;base64,${pdf}` }] },
          ],
        },
      },
    }),
  ),
  {
    id: 99,
    title: 'Grok takes no bytes of a document: refused, with what it takes',
    model: 'xai/grok-4',
    messages: [user([{ type: 'file', file: { file_data: pdf, format: 'application/pdf' } }])],
    expects: { error: BadRequestError, names: ['file_id'], answer: { status: 400 } },
  },
  {
    id: 100,
    title: 'sound is refused where the model does not hear',
    model: sonnet,
    messages: [
      user([text('Hear'), { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }]),
    ],
    expects: { error: BadRequestError, answer: { status: 400 } },
  },
  {
    id: 101,
    title:
      'a last assistant message is the beginning of the answer, and the mark for it is not sent',
    model: sonnet,
    messages: [user(), assistant('Once', { prefix: true })],
    expects: {
      body: { messages: [{}, { role: 'assistant', content: [text('Once')] }] },
      lacks: ['messages.1.prefix'],
    },
  },
  {
    id: 101,
    title: 'a model that takes none is asked to go on, with a warning',
    model: 'anthropic/claude-opus-4-6',
    messages: [user(), assistant('Once', { prefix: true })],
    expects: {
      body: { messages: [{}, { role: 'assistant' }, { role: 'user' }] },
      warns: ['repaired messages'],
    },
  },
]

const signed = { type: 'thinking', thinking: 'Hm', signature: 'sig==' }
const redacted = { type: 'redacted_thinking', data: 'xyz' }

const thoughts: readonly CallCase[] = [
  {
    id: 92,
    title: "litellm's thinking blocks stand first, as they were signed, the redacted one too",
    model: sonnet,
    messages: [
      user(),
      assistant(null, { thinking_blocks: [signed, redacted], tool_calls: [call('c1')] }),
      result('c1'),
    ],
    request: { tools: [tool()], reasoning_effort: 'low' },
    expects: {
      body: {
        thinking: { type: 'enabled' },
        messages: [{}, { content: [signed, redacted, { type: 'tool_use' }] }, {}],
      },
    },
  },
  {
    id: 93,
    title: 'thinking is left out while the calls being answered came without their thoughts',
    model: sonnet,
    messages: [user(), calls(call('c1')), result('c1')],
    request: { tools: [tool()], reasoning_effort: 'low' },
    expects: { lacks: ['thinking'], warns: ['dropped reasoning_effort'] },
  },
]

export const messages: readonly HardeningCase[] = [...roles, ...marks, ...files, ...thoughts]
