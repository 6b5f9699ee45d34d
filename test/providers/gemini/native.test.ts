/** A response that is sent back: unchanged while its content is, otherwise rebuilt. */
import { describe, expect, it } from 'vitest'
import type { AssistantMessage } from '../../../src/chat/index.js'
import {
  answerOf,
  chunk,
  codes,
  flash3,
  flash25,
  foreign,
  result,
  stop,
  user,
  writeMessages,
} from './support.js'

const parts = [
  { text: 'Hm.', thought: true, thoughtSignature: 'dGhvdWdodA==' },
  { text: 'Let me look. ', thoughtSignature: 'dGV4dA==' },
  { functionCall: { name: 'look', args: { b: 2, a: [1, null] } }, thoughtSignature: 'Y2FsbA==' },
  { functionCall: { name: 'look', args: {}, id: 'given' } },
]
const stored = (message: AssistantMessage): AssistantMessage => JSON.parse(JSON.stringify(message))
const { message } = answerOf([stop(parts)])

const turnOf = (turn: unknown, more: object = {}) => {
  const ids = (turn as AssistantMessage).tool_calls?.map(({ id }) => id) ?? []
  const written = writeMessages([user('Hi'), turn, ...ids.map((id) => result(id))], {
    model: flash3,
    ...more,
  })
  return { ...written, parts: written.contents[1]?.parts, answers: written.contents[2]?.parts }
}

describe('to the same model', () => {
  it('every part is sent back unchanged, through any store', () => {
    const written = turnOf(stored(message))
    expect(written.parts).toEqual(parts)
    expect(written.warnings).toEqual([])
  })

  it('a call that had no id is answered without one', () => {
    expect(turnOf(stored(message)).answers).toEqual([
      { functionResponse: { name: 'look', response: { output: 'ok' } } },
      { functionResponse: { name: 'look', id: 'given', response: { output: 'ok' } } },
    ])
  })

  it('a store may reorder the keys of a call', () => {
    const reordered = stored({
      ...message,
      native: {
        provider: 'gemini',
        model: flash3,
        content: parts.map((part) =>
          part.functionCall?.args.b
            ? { ...part, functionCall: { args: { a: [1, null], b: 2 }, name: 'look' } }
            : part,
        ),
      },
    })
    expect(turnOf(reordered).warnings).toEqual([])
  })

  it('content as a list of parts equals text', () => {
    const listed = { ...message, content: [{ type: 'text', text: message.content }] }
    expect(turnOf(listed).parts).toEqual(parts)
  })

  it('reasoning that a store dropped changes nothing', () => {
    const { reasoning_content: _, ...rest } = message
    expect(turnOf(rest).parts).toEqual(parts)
  })

  it('models/… and … are the same model', () => {
    expect(turnOf(message, { model: `models/${flash3}` }).parts).toEqual(parts)
  })

  it('a streamed response is sent back with its joined text and its empty signed part', () => {
    const streamed = answerOf([
      chunk([{ text: 'One ' }]),
      chunk([{ text: 'two.' }]),
      stop([{ text: '', thoughtSignature: 'ZW5k' }]),
    ]).message
    const written = writeMessages([user('Hi'), stored(streamed), user('Go')], { model: flash3 })
    expect(written.contents[1]?.parts).toEqual([
      { text: 'One two.' },
      { text: '', thoughtSignature: 'ZW5k' },
    ])
  })

  it('hosted tools and images are kept', () => {
    const hosted = [
      { executableCode: { id: 'c', language: 'PYTHON', code: 'plot()' }, thoughtSignature: 'Yw==' },
      { codeExecutionResult: { id: 'c', outcome: 'OUTCOME_OK', output: '' } },
      { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' }, thoughtSignature: 'aQ==' },
      { toolCall: { id: 's', toolType: 'FILE_SEARCH' }, thoughtSignature: 'cw==' },
      { toolResponse: { id: 's', toolType: 'FILE_SEARCH' }, thoughtSignature: 'dA==' },
      { text: 'Done.' },
    ]
    const answer = stored(answerOf([stop(hosted)]).message)
    const written = writeMessages([user('Hi'), answer, user('Go')], { model: flash3 })
    expect(written.contents[1]?.parts).toEqual(hosted)
    expect(written.warnings).toEqual([])
  })

  it('a custom call equals its native one', () => {
    const tools = [{ type: 'custom' as const, custom: { name: 'shell' } }]
    const custom = [
      { functionCall: { name: 'shell', args: { input: 'ls' } }, thoughtSignature: 'Yw==' },
    ]
    const answer = answerOf([stop(custom)], { request: { tools } }).message
    const id = answer.tool_calls?.[0]?.id ?? ''
    const written = writeMessages([user('Hi'), stored(answer), result(id)], {
      model: flash3,
      tools,
    })
    expect(written.contents[1]?.parts).toEqual(custom)
  })
})

describe('after an edit', () => {
  const [first, second] = message.tool_calls ?? []
  const edits: Readonly<Record<string, object>> = {
    text: { content: 'Redacted.' },
    'text to nothing': { content: null },
    arguments: {
      tool_calls: [{ ...first, function: { name: 'look', arguments: '{"b":3}' } }, second],
    },
    'the name of a call': {
      tool_calls: [
        { ...first, function: { name: 'see', arguments: '{"b":2,"a":[1,null]}' } },
        second,
      ],
    },
    'a call less': { tool_calls: [first] },
    refusal: { refusal: 'No.' },
  }

  it.each(Object.keys(edits))('of %s the message is used, without signatures', (what) => {
    const written = turnOf({ ...message, ...edits[what] })
    const json = JSON.stringify(written.parts)
    for (const { thoughtSignature } of parts)
      if (thoughtSignature) expect(json).not.toContain(thoughtSignature)
    expect(json).not.toContain('Hm.')
    expect(codes(written)).toContain('changed')
  })

  it('removed text is not restored', () => {
    expect(JSON.stringify(turnOf({ ...message, content: 'Redacted.' }).body)).not.toContain(
      'Let me look',
    )
  })

  it('a removed image is not restored', () => {
    const image = [{ inlineData: { mimeType: 'image/png', data: 'c2VjcmV0' } }, { text: 'Here.' }]
    const { images: _, ...rest } = answerOf([stop(image)]).message
    const written = writeMessages([user('Hi'), rest, user('Go')], { model: flash3 })
    expect(JSON.stringify(written.body)).not.toContain('c2VjcmV0')
  })

  it('native that is no list of parts is ignored', () => {
    for (const content of [[null, 1, 'x'], [], 'text']) {
      const written = turnOf({ ...message, native: { provider: 'gemini', model: flash3, content } })
      expect(written.parts?.filter((part) => part.functionCall)).toHaveLength(2)
    }
  })
})

describe('to another model', () => {
  it('thoughts and signatures are dropped, the rest is kept, with a warning', () => {
    const written = turnOf(message, { model: 'gemini-3.1-pro-preview' })
    expect(written.parts).toEqual([
      { text: 'Let me look. ' },
      { functionCall: { name: 'look', args: { b: 2, a: [1, null] } }, thoughtSignature: foreign },
      { functionCall: { name: 'look', args: {}, id: 'given' } },
    ])
    expect(codes(written)).toEqual(['changed', 'changed'])
  })

  it('an older model gets no placeholder signature, and no tools it could not have called', () => {
    const hosted = [
      { toolCall: { id: 's', toolType: 'FILE_SEARCH' }, thoughtSignature: 'cw==' },
      { toolResponse: { id: 's', toolType: 'FILE_SEARCH' }, thoughtSignature: 'dA==' },
      { executableCode: { language: 'PYTHON', code: '1' }, thoughtSignature: 'dQ==' },
      { text: 'Done.' },
      { text: '', thoughtSignature: 'dg==' },
    ]
    const answer = answerOf([stop(hosted)]).message
    const written = writeMessages([user('Hi'), answer, user('Go')], { model: flash25 })
    expect(written.contents[1]?.parts).toEqual([
      { executableCode: { language: 'PYTHON', code: '1' } },
      { text: 'Done.' },
    ])
    expect(codes(written)).toEqual(['changed'])
  })

  it('nothing of another provider is sent', () => {
    const native = {
      provider: 'anthropic',
      model: 'claude-sonnet-4-5',
      content: [{ type: 'thinking', thinking: 'secret', signature: 'secret' }],
    }
    const written = turnOf({ ...message, native })
    expect(JSON.stringify(written.body)).not.toContain('secret')
    expect(written.parts?.[1]?.thoughtSignature).toBe(foreign)
    expect(codes(written)).toEqual(expect.arrayContaining(['changed', 'dropped']))
  })
})
