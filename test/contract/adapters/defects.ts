/**
 * Malformed requests and their outcome, which is the same for all adapters. Differences are listed
 * with their reason.
 */
import type { Name } from '../../wire/support.js'
import type { Item } from './wires.js'

export interface Outcome {
  readonly items?: readonly Item[]
  /** Codes and params of the warnings, without duplicates: `repaired messages`. @default none */
  readonly warns?: readonly string[]
  /** The `code` of the `BadRequestError` that is thrown before any request is sent. */
  readonly error?: string
}

export interface Defect extends Outcome {
  readonly name: string
  readonly messages: readonly unknown[]
  readonly request?: Readonly<Record<string, unknown>>
  /** Allowed differences: the wire or its models support nothing else. */
  readonly but?: Readonly<Partial<Record<Name, Outcome & { readonly because: string }>>>
}

const hi = { role: 'user', content: 'Hi' }
const user = (content: unknown) => ({ role: 'user', content })
const call = (id: unknown, name = 'look', args: unknown = '{"q":"a"}') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
const calls = (...tool_calls: readonly unknown[]) => ({
  role: 'assistant',
  content: null,
  tool_calls,
})
const result = (tool_call_id: unknown, content: unknown = 'ok') => ({
  role: 'tool',
  tool_call_id,
  content,
})

const userHi: Item = { by: 'user', text: 'Hi' }
const looks: Item = { call: 'look', args: { q: 'a' } }
const ok: Item = { result: 'ok' }
const notRun: Item = { result: 'No result: this call was not run.', failed: true }
const paired = [userHi, looks, ok]
const repaired = ['repaired messages']

const png = 'iVBORw0KGgo='
const jpeg = '/9j/'
const pdf = 'JVBERi0xLjQK'
const text = (value: unknown) => ({ type: 'text', text: value })
const image = (url: unknown) => ({ type: 'image_url', image_url: { url } })
const file = (inside: object, more: object = {}) => ({ type: 'file', file: inside, ...more })
const sees = (media: string): readonly Item[] => [{ by: 'user', media }]

const noBytes = { error: 'unsupported_content', because: 'documents go by id or address only' }
const noAudio = (because: string) => ({ error: 'unsupported_content', because })
const deaf = {
  openai: noAudio('only audio models hear, on this API none does'),
  xai: noAudio('no model hears'),
  anthropic: noAudio('Claude does not hear'),
}

const pairing: readonly Defect[] = [
  {
    name: 'a result that answers no call',
    messages: [hi, result('c9')],
    items: [userHi],
    warns: repaired,
  },
  {
    name: 'a result without an id behind the only open call',
    messages: [hi, calls(call('c1')), { role: 'tool', content: 'ok' }],
    items: paired,
    warns: repaired,
  },
  {
    name: 'a result that names its tool, under an id of no call',
    messages: [hi, calls(call('c1')), { ...result('x'), name: 'look' }],
    items: paired,
    warns: repaired,
  },
  {
    name: 'a result without an id behind two open calls',
    messages: [hi, calls(call('c1'), call('c2')), { role: 'tool', content: 'ok' }],
    items: [userHi, looks, looks, notRun, notRun],
    warns: repaired,
  },
  {
    name: 'a call without a result',
    messages: [hi, calls(call('c1')), user('Well?')],
    items: [userHi, looks, notRun, { by: 'user', text: 'Well?' }],
    warns: repaired,
  },
  {
    name: 'a result that stands too late',
    messages: [hi, calls(call('c1')), user('Well?'), result('c1')],
    items: [...paired, { by: 'user', text: 'Well?' }],
    warns: repaired,
  },
  {
    name: 'a result that stands before its call',
    messages: [hi, result('c1'), calls(call('c1'))],
    items: paired,
    warns: repaired,
  },
  {
    name: 'two results of one call',
    messages: [hi, calls(call('c1')), result('c1', 'old'), result('c1')],
    items: paired,
    warns: repaired,
  },
  {
    name: 'a call that stands there twice',
    messages: [hi, calls(call('c1'), call('c1')), result('c1')],
    items: paired,
    warns: repaired,
  },
  {
    name: 'a turn that stands there twice',
    messages: [hi, calls(call('c1')), calls(call('c1')), result('c1')],
    items: paired,
    warns: repaired,
  },
  {
    name: 'one id for two calls',
    messages: [
      hi,
      calls(call('c1'), call('c1', 'look', '{"q":"b"}')),
      result('c1'),
      result('c1', 'b'),
    ],
    items: [userHi, looks, { call: 'look', args: { q: 'b' } }, ok, { result: 'b' }],
    warns: repaired,
  },
  {
    name: 'parallel calls that a store keeps apart',
    messages: [
      hi,
      calls(call('c1')),
      calls(call('c2', 'look', '{"q":"b"}')),
      result('c1'),
      result('c2', 'b'),
    ],
    items: [userHi, looks, { call: 'look', args: { q: 'b' } }, ok, { result: 'b' }],
  },
  {
    name: 'an id that is a number',
    messages: [hi, calls(call(7)), result(7)],
    items: paired,
  },
  {
    name: 'calls without ids',
    messages: [
      hi,
      calls(call(undefined), call(undefined, 'look', '{"q":"b"}')),
      result(''),
      result('', 'b'),
    ],
    items: [userHi, looks, { call: 'look', args: { q: 'b' } }, ok, { result: 'b' }],
    warns: repaired,
  },
  {
    name: 'an id of a hundred characters',
    messages: [hi, calls(call('x'.repeat(100))), result('x'.repeat(100))],
    items: paired,
    warns: repaired,
    but: { gemini: { items: paired, because: 'ids may be of any length' } },
  },
  {
    name: 'a call that names no tool',
    messages: [hi, { ...calls({ id: 'c1', type: 'function' }), content: 'Hm' }, user('b')],
    items: [userHi, { by: 'assistant', text: 'Hm' }, { by: 'user', text: 'b' }],
    warns: repaired,
  },
  {
    name: 'a call that is null',
    messages: [hi, { ...calls(null), content: 'Hm' }, user('b')],
    items: [userHi, { by: 'assistant', text: 'Hm' }, { by: 'user', text: 'b' }],
    warns: repaired,
  },
  ...(
    [
      ['broke off', '{"q":"a"', { q: 'a' }],
      ['are an object', { q: 'a' }, { q: 'a' }],
      ['are a list', '[1]', { input: [1] }],
      ['are no JSON', 'oops', { input: 'oops' }],
    ] as const
  ).map(
    ([what, given, args]): Defect => ({
      name: `arguments that ${what}`,
      messages: [hi, calls(call('c1', 'look', given)), result('c1')],
      items: [userHi, { call: 'look', args }, ok],
      warns: repaired,
    }),
  ),
  {
    name: 'no arguments',
    messages: [hi, calls(call('c1', 'look', null)), result('c1')],
    items: [userHi, { call: 'look', args: {} }, ok],
  },
  {
    name: 'a result that is an object',
    messages: [hi, calls(call('c1')), result('c1', { t: 1 })],
    items: [userHi, looks, { result: '{"t":1}' }],
    warns: repaired,
  },
  {
    name: 'a result that is a number',
    messages: [hi, calls(call('c1')), result('c1', 42)],
    items: [userHi, looks, { result: '42' }],
    warns: repaired,
  },
  {
    name: 'a result that is null',
    messages: [hi, calls(call('c1')), result('c1', null)],
    items: [userHi, looks, { result: '' }],
  },
  {
    name: 'a call that a person refused',
    messages: [
      hi,
      calls(call('c1')),
      { role: 'tool', tool_call_id: 'c1', approval: { id: 'a', approved: false, reason: 'No.' } },
    ],
    items: [userHi, looks, { result: 'No.', failed: true }],
  },
  {
    name: 'a failed result',
    messages: [hi, calls(call('c1')), { ...result('c1', 'Down.'), is_error: true }],
    items: [userHi, looks, { result: 'Down.', failed: true }],
  },
  {
    name: 'the form before tool_calls',
    messages: [
      hi,
      { role: 'assistant', content: null, function_call: { name: 'look', arguments: '{"q":"a"}' } },
      { role: 'function', name: 'look', content: 'ok' },
    ],
    items: paired,
    warns: repaired,
  },
]

const contents: readonly Defect[] = [
  { name: 'no messages', messages: [], error: 'no_messages' },
  { name: 'nothing that says something', messages: [user(''), user(' \n')], error: 'no_messages' },
  ...[null, 'Hi', 7, [], {}, { content: 'Hi' }, { role: 'robot', content: 'Hi' }].map(
    (message): Defect => ({
      name: `the message ${JSON.stringify(message)}`,
      messages: [hi, message],
      error: 'invalid_message',
    }),
  ),
  ...[null, undefined, '', ' \n', []].map(
    (content): Defect => ({
      name: `a user who says ${JSON.stringify(content)}`,
      messages: [hi, user(content)],
      items: [userHi],
      warns: repaired,
    }),
  ),
  ...[null, undefined, '', ' ', []].map(
    (content): Defect => ({
      name: `an assistant that says ${JSON.stringify(content)}`,
      messages: [hi, { role: 'assistant', content }, user('b')],
      items: [{ by: 'user', text: 'Hi\nb' }],
      warns: repaired,
    }),
  ),
  {
    name: 'an instruction without words',
    messages: [{ role: 'system', content: ' ' }, hi],
    items: [userHi],
    warns: repaired,
  },
  {
    name: 'a number where text is meant',
    messages: [user(42)],
    items: [{ by: 'user', text: '42' }],
    warns: repaired,
  },
  {
    name: 'a part where a list is meant',
    messages: [user(text('Hi'))],
    items: [userHi],
    warns: repaired,
  },
  { name: 'content that is an object', messages: [user({ a: 1 })], error: 'invalid_content' },
  { name: 'a part that is text', messages: [user(['Hi'])], items: [userHi], warns: repaired },
  { name: 'a part that is null', messages: [user([null])], error: 'invalid_part' },
  {
    name: 'a text that is a number',
    messages: [user([text(1)])],
    items: [{ by: 'user', text: '1' }],
    warns: repaired,
  },
  { name: 'a text without text', messages: [user([{ type: 'text' }])], error: 'invalid_part' },
  { name: 'a part of tomorrow', messages: [user([{ type: 'hologram' }])], error: 'invalid_part' },
  {
    name: 'blank text among parts',
    messages: [user([text(' '), text('Hi')])],
    items: [userHi],
    warns: repaired,
  },
  {
    name: 'a named message',
    messages: [{ ...hi, name: 'ann' }],
    items: [userHi],
    warns: ['ignored messages'],
    but: { compatible: { items: [userHi], because: 'messages have names' } },
  },
  {
    name: 'a member of a message that nobody knows',
    messages: [{ ...hi, created_at: 1 }],
    items: [userHi],
    warns: ['dropped messages'],
    but: { compatible: { items: [userHi], because: 'it is passed on, the server knows' } },
  },
  {
    name: 'a member of a part that nobody knows',
    messages: [user([{ ...text('Hi'), mood: 'fine' }])],
    items: [userHi],
    warns: ['dropped messages'],
    but: { compatible: { items: [userHi], because: 'it is passed on, the server knows' } },
  },
]

const media: readonly Defect[] = [
  ...(
    [
      image(undefined),
      image(''),
      image(7),
      { type: 'image_url' },
      { type: 'image_url', image_url: {} },
    ] as const
  ).map(
    (part): Defect => ({
      name: `the image ${JSON.stringify(part)}`,
      messages: [user([part])],
      error: 'invalid_part',
    }),
  ),
  ...(
    [
      { type: 'input_audio' },
      { type: 'file' },
      file({}),
      file({ file_data: 5 }),
      file({ file_data: 'AAAA' }),
    ] as const
  ).map(
    (part): Defect => ({
      name: `the part ${JSON.stringify(part)}`,
      messages: [user([part])],
      error: 'invalid_part',
    }),
  ),
  {
    name: 'an image of no bytes',
    messages: [user([image('data:image/png;base64,')])],
    error: 'invalid_part',
  },
  {
    name: 'a file that is known elsewhere',
    messages: [user([file({ file_id: 'f' }, { provider: 'elsewhere' })])],
    error: 'foreign_file_id',
  },
  ...(
    [
      ['a type in capitals', `data:IMAGE/PNG;base64,${png}`, `image/png ${png}`],
      ['bare base64', png, `image/png ${png}`],
      ['no type', `data:;base64,${png}`, `image/png ${png}`],
      [
        'a type that says nothing',
        `data:application/octet-stream;base64,${png}`,
        `image/png ${png}`,
      ],
      ['the name of another type', `data:image/png;base64,${jpeg}`, `image/jpeg ${jpeg}`],
      ['a type that is spelled wrong', 'data:image/jpg;base64,AAAA', 'image/jpeg AAAA'],
      ['percent-encoded bytes', 'data:image/png,%89PNG%0D%0A%1A%0A', `image/png ${png}`],
    ] as const
  ).map(
    ([what, url, seen]): Defect => ({
      name: `an image with ${what}`,
      messages: [user([image(url)])],
      items: sees(seen),
    }),
  ),
  ...(
    [
      ['text', { file_data: 'data:text/plain,hello%20w' }, `text/plain ${btoa('hello w')}`],
      ['text of no type', { file_data: 'data:,hi' }, `text/plain ${btoa('hi')}`],
      ['a PDF, bare', { file_data: pdf }, `application/pdf ${pdf}`],
    ] as const
  ).map(
    ([what, inside, seen]): Defect => ({
      name: `a file with ${what}`,
      messages: [user([file(inside)])],
      items: sees(seen),
      but: { xai: noBytes },
    }),
  ),
  {
    name: 'a file that is an image, bare',
    messages: [user([file({ file_data: png })])],
    items: sees(`image/png ${png}`),
  },
  {
    name: 'an image that is a PDF',
    messages: [user([image(`data:application/pdf;base64,${pdf}`)])],
    items: sees(`application/pdf ${pdf}`),
    but: { xai: noBytes },
  },
  {
    name: 'sound as a data URI',
    messages: [
      user([
        { type: 'input_audio', input_audio: { data: 'data:audio/wav;base64,UklG', format: 'wav' } },
      ]),
    ],
    items: sees('audio/wav UklG'),
    but: deaf,
  },
  {
    name: "sound in Mistral's form",
    messages: [user([{ type: 'input_audio', input_audio: 'AAAA' }])],
    items: sees('audio/wav AAAA'),
    but: deaf,
  },
  {
    name: 'a result of text and image',
    messages: [
      hi,
      calls(call('c1')),
      result('c1', [text('here'), image(`data:image/png;base64,${png}`)]),
    ],
    items: [userHi, looks, { result: 'here', media: [`image/png ${png}`] }],
    but: {
      gemini: {
        items: [
          userHi,
          looks,
          { result: 'here' },
          { by: 'user', text: 'The files that look gave:' },
          ...sees(`image/png ${png}`),
        ],
        because: 'before Gemini 3 results carry no files: they follow',
      },
      compatible: {
        items: [
          userHi,
          looks,
          { result: 'here' },
          { by: 'user', text: 'From the result of tool call c1:' },
          ...sees(`image/png ${png}`),
        ],
        warns: ['changed messages'],
        because: 'results carry text only: files follow',
      },
    },
  },
]

const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: {
    name,
    parameters: { type: 'object', properties: { q: { type: 'string' } } },
    ...more,
  },
})

const names: readonly Defect[] = [
  ...['admin/tools list', 'wetter für morgen'].map(
    (name): Defect => ({
      name: `a tool called ${name}`,
      messages: [hi, calls(call('c1', name)), result('c1')],
      request: { tools: [tool(name)], tool_choice: { type: 'function', function: { name } } },
      items: [userHi, { call: name.replace(/[^\w-]/g, '_'), args: { q: 'a' } }, ok],
      warns: ['changed tools'],
    }),
  ),
  {
    name: 'a tool whose name has dots',
    messages: [hi, calls(call('c1', 'calendar.respond')), result('c1')],
    request: { tools: [tool('calendar.respond')] },
    items: [userHi, { call: 'calendar_respond', args: { q: 'a' } }, ok],
    warns: ['changed tools'],
    but: {
      gemini: {
        items: [userHi, { call: 'calendar.respond', args: { q: 'a' } }, ok],
        because: 'names may have dots',
      },
    },
  },
  {
    name: 'a call of a tool that is gone, under a name that is refused',
    messages: [hi, calls(call('c1', 'old tool')), result('c1')],
    request: { tools: [tool('look')] },
    items: [userHi, { call: 'old_tool', args: { q: 'a' } }, ok],
    warns: ['changed messages'],
  },
]

export const defects: readonly Defect[] = [...pairing, ...contents, ...media, ...names]
