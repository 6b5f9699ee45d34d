/** A history as contents: roles, files, calls and their results, repairs. */
import { describe, expect, it } from 'vitest'
import { BadRequestError } from '../../../src/core/index.js'
import { convertMessages } from '../../../src/providers/gemini/request.js'
import {
  assistant,
  called,
  calling,
  codes,
  flash25,
  foreign,
  hello,
  params,
  result,
  system,
  user,
  writeMessages,
  writePart,
} from './support.js'

const modern = { model: 'gemini-3-flash-preview' }
const older = { model: flash25 }

describe('roles', () => {
  it('system and developer at the start are one instruction, one part each', () => {
    const written = writeMessages([
      system('Be brief.'),
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
      user('Hi'),
    ])
    expect(written.system).toEqual([{ text: 'Be brief.' }, { text: 'Be kind.' }])
    expect(written.contents).toEqual([{ role: 'user', parts: [{ text: 'Hi' }] }])
    expect(written.warnings).toEqual([])
  })

  it('a system message within the conversation becomes user text, with a warning', () => {
    const written = writeMessages([
      user('Hi'),
      assistant('Hello'),
      system('Now in French.'),
      user('Go'),
    ])
    expect(written.contents.at(-1)).toEqual({
      role: 'user',
      parts: [{ text: 'Now in French.' }, { text: 'Go' }],
    })
    expect(codes(written)).toEqual(['changed'])
  })

  it('Gemma receives the system message before the first user text', () => {
    const written = writeMessages([system('Be brief.'), user('Hi')], { model: 'gemma-3-27b-it' })
    expect(written.system).toBeUndefined()
    expect(written.contents[0]?.parts).toEqual([{ text: 'Be brief.' }, { text: 'Hi' }])
    expect(codes(written)).toEqual(['changed'])
  })

  it('consecutive messages of one role are one turn', () => {
    const written = writeMessages([user('a'), user('b'), assistant('c'), assistant('d'), user('e')])
    expect(written.contents).toEqual([
      { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
      { role: 'model', parts: [{ text: 'c' }, { text: 'd' }] },
      { role: 'user', parts: [{ text: 'e' }] },
    ])
  })

  it.each([
    ['only a system message', [system('Be brief.')]],
    ['an answer first', [assistant('Hello'), user('Hi')]],
  ])('%s gets a user turn before it, with a warning', (_, messages) => {
    const written = writeMessages(messages)
    expect(written.contents[0]).toEqual({ role: 'user', parts: [{ text: '.' }] })
    expect(codes(written)).toEqual(['repaired'])
  })

  it('empty messages are dropped, with a warning', () => {
    const written = writeMessages([user(''), user('Hi'), assistant(''), user([])])
    expect(written.contents).toEqual([{ role: 'user', parts: [{ text: 'Hi' }] }])
    expect(codes(written)).toEqual(['repaired'])
  })

  it.each([
    ['no messages', []],
    ['nothing that says something', [user('')]],
    ['a message without a role', [{ content: 'Hi' }]],
    ['a role of another time', [{ role: 'function', name: 'f', content: '1' }]],
    ['something that is not a message', [null]],
    ['a part of no known type', [user([{ type: 'hologram' }])]],
  ])('%s is a BadRequestError', (_, messages) => {
    expect(() => writeMessages(messages)).toThrow(BadRequestError)
  })

  it('unsupported members are ignored, with one warning', () => {
    const written = writeMessages([
      { ...user([{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }]), name: 'Ann' },
      { ...user('b'), cache_control: { type: 'ephemeral' }, name: 'Bob' },
    ])
    expect(codes(written)).toEqual(['ignored', 'ignored'])
    expect(JSON.stringify(written.body)).not.toContain('ephemeral')
  })

  it('convertMessages returns what would be sent', () => {
    expect(convertMessages(hello.messages, flash25)).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
    })
  })
})

describe('files', () => {
  const png = 'iVBORw0KGgo='

  it('a data URI is inline data', () => {
    const url = `data:image/png;base64,${png}`
    const inlineData = { mimeType: 'image/png', data: png }
    expect(writePart({ type: 'image_url', image_url: { url } }).part).toEqual({ inlineData })
    expect(writePart({ type: 'image_url', image_url: url }).part).toEqual({ inlineData })
  })

  it('the media type of an image is read from the bytes, else the declared one', () => {
    const image = (url: string, format?: string) =>
      writePart({ type: 'image_url', image_url: { url, ...(format && { format }) } }).part
        ?.inlineData
    expect(image(`data:image/jpg;base64,${png}`)?.mimeType).toBe('image/png')
    expect(image('data:image/jpg;base64,AAAA')?.mimeType).toBe('image/jpeg')
    expect(image(`data:;base64,${png}`)?.mimeType).toBe('image/png')
    expect(image('data:image/png;base64,AAAA', 'image/webp')?.mimeType).toBe('image/webp')
  })

  it('a data URI of text is converted to base64', () => {
    const file = { file_data: 'data:text/plain,gr%C3%BC%C3%9Fe' }
    expect(writePart({ type: 'file', file }).part).toEqual({
      inlineData: { mimeType: 'text/plain', data: Buffer.from('grüße').toString('base64') },
    })
  })

  it.each([
    [{ file_data: 'data:application/pdf;base64,JVBERi0=' }],
    [{ file_data: 'JVBERi0=', filename: 'a.pdf' }],
    [{ file_data: 'JVBERi0=', format: 'application/pdf' }],
    [{ file_data: 'JVBERi0=' }],
  ])('a PDF is inline data, in any format: %j', (file) => {
    expect(writePart({ type: 'file', file }).part).toEqual({
      inlineData: { mimeType: 'application/pdf', data: 'JVBERi0=' },
    })
  })

  it('audio is inline data', () => {
    const audio = (format: string) =>
      writePart({ type: 'input_audio', input_audio: { data: 'AAAA', format } }).part
    expect(audio('wav')).toEqual({ inlineData: { mimeType: 'audio/wav', data: 'AAAA' } })
    expect(audio('mp3')).toEqual({ inlineData: { mimeType: 'audio/mpeg', data: 'AAAA' } })
  })

  it('video is a file by its media type', () => {
    const file = { file_data: 'data:video/mp4;base64,AAAA' }
    expect(writePart({ type: 'file', file }).part?.inlineData?.mimeType).toBe('video/mp4')
  })

  it.each([
    ['https://youtu.be/lCdaVNyHtjU', 'video/mp4'],
    ['https://www.youtube.com/watch?v=lCdaVNyHtjU', 'video/mp4'],
    ['gs://bucket/file.pdf', 'application/pdf'],
    ['https://generativelanguage.googleapis.com/v1beta/files/abc', undefined],
  ])('%s is fetched by Google, whatever the model', (url, mimeType) => {
    const { part } = writePart({ type: 'file', file: { file_url: url } }, older)
    expect(part).toEqual({ fileData: { fileUri: url, ...(mimeType && { mimeType }) } })
  })

  it('a file of the Files API is sent by its name or its URL', () => {
    const uri = 'https://generativelanguage.googleapis.com/v1beta/files/abc'
    const file = (file_id: string, more = {}) =>
      writePart({ type: 'file', file: { file_id }, ...more }).part
    expect(file('files/abc')).toEqual({ fileData: { fileUri: uri } })
    expect(file(uri)).toEqual({ fileData: { fileUri: uri } })
    expect(file('abc', { provider: 'gemini' })).toEqual({ fileData: { fileUri: uri } })
  })

  it('a file URL is sent to a model that supports it', () => {
    const url = 'https://example.com/a/cat.JPG?sig=1'
    expect(writePart({ type: 'image_url', image_url: { url } }, modern).part).toEqual({
      fileData: { fileUri: url, mimeType: 'image/jpeg' },
    })
  })

  it('for other models it is a BadRequestError that names inlineFiles and shows no path', () => {
    const url = 'https://example.com/secret.png?sig=1'
    const send = () => writePart({ type: 'image_url', image_url: { url } }, older)
    expect(send).toThrow(BadRequestError)
    expect(send).toThrow(/inlineFiles/)
    expect(send).not.toThrow(/secret|sig/)
  })

  it.each([
    [
      'an address whose type nobody tells',
      { type: 'image_url', image_url: 'https://example.com/cat' },
    ],
    ['a file of another provider', { type: 'file', file: { file_id: 'a' }, provider: 'openai' }],
    ['a file id that is no file of Gemini', { type: 'file', file: { file_id: 'file-abc' } }],
    ['an empty file', { type: 'image_url', image_url: 'data:image/png;base64,' }],
    ['base64 of no known type', { type: 'file', file: { file_data: 'AAAA' } }],
    ['no file at all', { type: 'file', file: {} }],
    ['an image without url', { type: 'image_url', image_url: {} }],
    ['a url that is none', { type: 'image_url', image_url: 'cat.png' }],
    ['sound without data', { type: 'input_audio', input_audio: { format: 'wav' } }],
  ])('%s is a BadRequestError', (_, part) => {
    expect(() => writePart(part, modern)).toThrow(BadRequestError)
  })

  it('a part of a video may be selected', () => {
    const video_metadata = { fps: 0.2, start_offset: '10s' }
    const file = { file_url: 'https://youtu.be/abc', video_metadata }
    expect(writePart({ type: 'file', file }).part).toEqual({
      fileData: { fileUri: 'https://youtu.be/abc', mimeType: 'video/mp4' },
      videoMetadata: { fps: 0.2, startOffset: '10s' },
    })
  })

  it('detail is a media resolution since Gemini 3, before that ignored with a warning', () => {
    const image = {
      type: 'image_url',
      image_url: { url: `data:image/png;base64,${png}`, detail: 'high' },
    }
    expect(writePart(image, modern).part?.mediaResolution).toEqual({
      level: 'MEDIA_RESOLUTION_HIGH',
    })
    const written = writePart(image, older)
    expect(written.part).not.toHaveProperty('mediaResolution')
    expect(params(written)).toEqual(['image_url.detail'])
  })
})

describe('calls', () => {
  it('arguments are sent as an object, ids unchanged', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('toolu_1', 'look', '{"a":1}')), result('toolu_1', 'ok')],
      older,
    )
    expect(written.contents.slice(1)).toEqual([
      { role: 'model', parts: [{ functionCall: { id: 'toolu_1', name: 'look', args: { a: 1 } } }] },
      {
        role: 'user',
        parts: [{ functionResponse: { id: 'toolu_1', name: 'look', response: { output: 'ok' } } }],
      },
    ])
    expect(written.warnings).toEqual([])
  })

  it.each([
    ['', {}],
    ['{"a": [1', { a: [1] }],
    ['{"a":1,}', { a: 1 }],
    ['[1,2]', { input: [1, 2] }],
    ['no json', { input: 'no json' }],
  ])('arguments %j are an object too', (text, args) => {
    const written = writeMessages(
      [user('Hi'), calling(called('a', 'look', text)), result('a')],
      older,
    )
    expect(written.contents[1]?.parts?.[0]?.functionCall?.args).toEqual(args)
    expect(codes(written)).toEqual(text === '' ? [] : ['repaired'])
  })

  it('text is before the calls of its turn', () => {
    const written = writeMessages(
      [user('Hi'), assistant('Let me see.', { tool_calls: [called('a')] }), result('a')],
      older,
    )
    expect(written.contents[1]?.parts).toEqual([
      { text: 'Let me see.' },
      { functionCall: { id: 'a', name: 'look', args: {} } },
    ])
  })

  it('two equal calls stay two', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('a'), called('b')), result('a', '1'), result('b', '2')],
      older,
    )
    expect(written.contents[1]?.parts).toHaveLength(2)
    expect(written.contents[2]?.parts).toHaveLength(2)
  })

  it('a custom call is a call with its input', () => {
    const custom = { id: 'a', type: 'custom', custom: { name: 'shell', input: 'ls' } }
    const written = writeMessages([user('Hi'), calling(custom), result('a')], older)
    expect(written.contents[1]?.parts?.[0]?.functionCall).toEqual({
      id: 'a',
      name: 'shell',
      args: { input: 'ls' },
    })
  })

  it('a legacy call without an id is matched with its result by name', () => {
    const written = writeMessages(
      [
        user('Hi'),
        assistant(null, { function_call: { name: 'look', arguments: '{}' } }),
        result('', 'ok', { name: 'look' }),
      ],
      older,
    )
    expect(written.contents.slice(1)).toEqual([
      { role: 'model', parts: [{ functionCall: { name: 'look', args: {} } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'look', response: { output: 'ok' } } }] },
    ])
  })

  it('Gemini 3 receives the placeholder signature on the first call of each step', () => {
    const written = writeMessages(
      [
        user('Hi'),
        calling(called('a'), called('b')),
        result('a'),
        result('b'),
        calling(called('c')),
        result('c'),
      ],
      modern,
    )
    const signatures = written.contents.flatMap(
      ({ parts }) =>
        parts?.flatMap((part) => (part.functionCall ? [part.thoughtSignature] : [])) ?? [],
    )
    expect(signatures).toEqual([foreign, undefined, foreign])
    expect(codes(written)).toEqual(['changed'])
  })

  it.each(['gemini-2.5-flash', 'gemma-3-27b-it', 'my-tuned-model'])('%s receives none', (model) => {
    const written = writeMessages([user('Hi'), calling(called('a')), result('a')], { model })
    expect(JSON.stringify(written.body)).not.toContain(foreign)
  })
})

describe('results', () => {
  const responses = (written: ReturnType<typeof writeMessages>) =>
    written.contents.flatMap(
      ({ parts }) => parts?.flatMap((part) => part.functionResponse ?? []) ?? [],
    )
  const responseOf = (content: unknown, more = {}) =>
    responses(
      writeMessages([user('Hi'), calling(called('a')), result('a', content, more)], older),
    )[0]?.response

  it.each([
    ['ok', { output: 'ok' }],
    ['', { output: '' }],
    ['{"t":1}', { t: 1 }],
    ['[1,{"a":2}]', { output: [1, { a: 2 }] }],
    ['42', { output: '42' }],
    ['{"error":"is data here"}', { output: { error: 'is data here' } }],
    ['{"id":12345678901234567890}', { output: '{"id":12345678901234567890}' }],
    ['{"half', { output: '{"half' }],
  ])('%j is the response %j', (content, response) => {
    expect(responseOf(content)).toEqual(response)
  })

  it('text parts are lines of one output', () => {
    const text = (value: string) => ({ type: 'text', text: value })
    expect(responseOf([text('a'), text('b')])).toEqual({ output: 'a\nb' })
    expect(responseOf([])).toEqual({ output: '' })
  })

  it('an error is sent as an error', () => {
    expect(responseOf('{"a":1}', { is_error: true })).toEqual({ error: '{"a":1}' })
  })

  it('a call that the user denied reports it', () => {
    const approval = { id: 'x', approved: false, reason: 'Too dear.' }
    expect(
      responses(
        writeMessages([
          user('Hi'),
          calling(called('a')),
          { role: 'tool', tool_call_id: 'a', approval },
        ]),
      )[0]?.response,
    ).toEqual({ error: 'Too dear.' })
  })

  it('results of one turn are grouped, in the order of the calls', () => {
    const written = writeMessages(
      [
        user('Hi'),
        calling(called('a', 'one'), called('b', 'two'), called('c', 'three')),
        result('c', '3'),
        result('a', '1'),
        result('b', '2'),
        user('Go on'),
      ],
      older,
    )
    expect(written.contents.map(({ role, parts }) => [role, parts?.length])).toEqual([
      ['user', 1],
      ['model', 3],
      ['user', 3],
      ['user', 1],
    ])
    expect(responses(written).map(({ name }) => name)).toEqual(['one', 'two', 'three'])
    expect(written.warnings).toEqual([])
  })

  it('a late result is moved to its call', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('a')), user('Wait'), assistant('Yes'), result('a', 'late')],
      older,
    )
    expect(written.contents.map(({ role }) => role)).toEqual([
      'user',
      'model',
      'user',
      'user',
      'model',
    ])
    expect(responses(written)[0]).toMatchObject({ id: 'a', response: { output: 'late' } })
    expect(codes(written)).toEqual(['repaired'])
  })

  it('calls of two consecutive messages are answered together', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('a')), calling(called('b')), result('a'), result('b')],
      older,
    )
    expect(written.contents.map(({ parts }) => parts?.length)).toEqual([1, 2, 2])
    expect(written.warnings).toEqual([])
  })

  it('a repeated id in a history refers to the preceding call', () => {
    const written = writeMessages(
      [
        user('Hi'),
        calling(called('a', 'one')),
        result('a', '1'),
        calling(called('a', 'two')),
        result('a', '2'),
      ],
      older,
    )
    expect(responses(written).map(({ name, response }) => [name, response])).toEqual([
      ['one', { output: '1' }],
      ['two', { output: '2' }],
    ])
  })

  it('the last of two results of one call is kept, with a warning', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('a')), result('a', '1'), result('a', '2')],
      older,
    )
    expect(responses(written)).toMatchObject([{ response: { output: '2' } }])
    expect(codes(written)).toEqual(['repaired'])
  })

  it('a call without a result gets one that reports it', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('a'), called('b')), result('b', '2'), user('Go')],
      older,
    )
    expect(responses(written)).toMatchObject([
      { id: 'a', response: { error: expect.any(String) } },
      { id: 'b', response: { output: '2' } },
    ])
    expect(codes(written)).toEqual(['repaired'])
  })

  it.each([{}, { name: 'look' }])(
    'a result without a call is dropped, with a warning: %j',
    (more) => {
      const written = writeMessages([user('Hi'), result('call_x', 'ok', more)])
      expect(written.contents).toEqual([{ role: 'user', parts: [{ text: 'Hi' }] }])
      expect(codes(written)).toEqual(['repaired'])
    },
  )

  const png = { type: 'image_url', image_url: 'data:image/png;base64,iVBORw0KGgo=' }
  const sound = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }
  const inline = (mimeType: string, data: string) => ({ inlineData: { mimeType, data } })

  it('images of a result are parts of it since Gemini 3, audio follows it', () => {
    const written = writeMessages(
      [
        user('Hi'),
        calling(called('a')),
        result('a', [{ type: 'text', text: 'Two:' }, png, png, sound]),
      ],
      modern,
    )
    expect(responses(written)[0]).toMatchObject({
      response: { output: 'Two:' },
      parts: [inline('image/png', 'iVBORw0KGgo='), inline('image/png', 'iVBORw0KGgo=')],
    })
    expect(written.contents.at(-1)).toEqual({
      role: 'user',
      parts: [{ text: expect.stringContaining('look') }, inline('audio/wav', 'AAAA')],
    })
  })

  it('before Gemini 3 all files follow as a turn', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('a')), result('a', [png, png])],
      older,
    )
    expect(responses(written)[0]).toEqual({
      id: 'a',
      name: 'look',
      response: { output: expect.any(String) },
    })
    expect(written.contents.at(-1)?.parts).toHaveLength(3)
  })
})

describe('histories of litellm', () => {
  it('a signature beside a call is sent with it', () => {
    const fields = { provider_specific_fields: { thought_signature: 'c2ln' } }
    const onFunction = { ...called('b'), function: { name: 'look', arguments: '{}', ...fields } }
    const written = writeMessages(
      [
        user('Hi'),
        calling(called('a', 'look', '{}', fields)),
        result('a'),
        calling(onFunction),
        result('b'),
      ],
      modern,
    )
    const calls = written.contents.flatMap(
      ({ parts }) => parts?.filter((part) => part.functionCall) ?? [],
    )
    expect(calls.map(({ thoughtSignature }) => thoughtSignature)).toEqual(['c2ln', 'c2ln'])
    expect(written.warnings).toEqual([])
  })

  it('a signature hidden in an id is removed from call and result', () => {
    const written = writeMessages(
      [user('Hi'), calling(called('call_1__thought__c2ln')), result('call_1__thought__c2ln')],
      modern,
    )
    expect(written.contents[1]?.parts?.[0]).toEqual({
      functionCall: { id: 'call_1', name: 'look', args: {} },
      thoughtSignature: 'c2ln',
    })
    expect(written.contents[2]?.parts?.[0]?.functionResponse?.id).toBe('call_1')
  })

  it('a signature of the text is sent with it', () => {
    const provider_specific_fields = { thought_signatures: ['c2ln'] }
    const written = writeMessages([
      user('Hi'),
      assistant('Hello', { provider_specific_fields }),
      user('Go'),
    ])
    expect(written.contents[1]?.parts).toEqual([{ text: 'Hello', thoughtSignature: 'c2ln' }])
  })

  it('foreign thoughts are never sent, with one warning', () => {
    const written = writeMessages([
      user('Hi'),
      assistant('a', { reasoning_content: 'secret one' }),
      assistant('b', {
        thinking_blocks: [{ type: 'thinking', thinking: 'secret two', signature: 'x' }],
      }),
      assistant([
        { type: 'thinking', thinking: 'secret three' },
        { type: 'text', text: 'c' },
      ] as never),
      user('Go'),
    ])
    expect(JSON.stringify(written.body)).not.toContain('secret')
    expect(codes(written)).toEqual(['dropped'])
  })

  it('images of a response are sent again, audio as its transcript, a refusal as text', () => {
    const written = writeMessages([
      user('Hi'),
      assistant('Here', {
        images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }],
      }),
      user('And?'),
      assistant(null, { audio: { data: 'AAAA', transcript: 'spoken' } }),
      user('And?'),
      assistant(null, { refusal: 'No.' }),
      user('Go'),
    ])
    expect(written.contents[1]?.parts).toEqual([
      { text: 'Here' },
      { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
    ])
    expect(written.contents[3]?.parts).toEqual([{ text: 'spoken' }])
    expect(written.contents[5]?.parts).toEqual([{ text: 'No.' }])
    expect(codes(written)).toEqual(['dropped'])
  })
})
