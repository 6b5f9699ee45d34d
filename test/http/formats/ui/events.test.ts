/**
 * Every event matches the schema of every major version: 5.0.0 rejects each unknown key and event.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StreamChunk } from '../../../../src/chat/index.js'
import { ui } from '../../../../src/http/formats/ui/index.js'
import { eventsOf, majors } from './clients.js'
import { call, contextOf, finish, start } from './support.js'

const everything: readonly StreamChunk[] = [
  { type: 'data', name: 'a', data: { b: null }, id: 'x' },
  { type: 'data', name: 'a', data: undefined, transient: true },
  { type: 'warning', warning: { code: 'other', message: 'w' } },
  { ...start, request_id: 'r' } as StreamChunk,
  { type: 'reasoning-delta', text: 'Hm.' },
  { type: 'text-delta', text: 'Look.' },
  { type: 'refusal-delta', text: 'No.' },
  { type: 'hosted-tool', id: 'h', name: 'web_search', status: 'running' },
  { type: 'hosted-tool', id: 'h', name: 'web_search', status: 'done' },
  { type: 'hosted-tool', id: 'i', name: 'web_search', status: 'failed', input: null },
  {
    type: 'annotation',
    annotation: { type: 'url_citation', url_citation: { url: 'https://a.test' } },
  },
  { type: 'annotation', annotation: { type: 'file_citation', file_citation: {} } },
  { type: 'file', media_type: 'image/png', data: 'AAAA' },
  { type: 'file', media_type: 'text/csv', file_id: 'f' },
  { type: 'file', media_type: 'audio/wav', data: 'AAAA', transcript: 'a' },
  { type: 'logprobs', content: [] },
  ...call(0, 'c1', 'f', '{"a": null}'),
  ...call(1, 'c2', 'g', '{"a'),
  finish('tool_calls', { native: { provider: 'p', model: 'm', content: [{ a: null }] } }),
  { type: 'tool-result', tool_call_id: 'c1', name: 'f', content: 'null' },
  { type: 'tool-result', tool_call_id: 'c2', name: 'g', content: 'bad', is_error: true },
  start,
  finish(),
]

const sign = async () => 'mac'
const parsed = (data: readonly string[]) =>
  data.flatMap((one) => (one === '[DONE]' ? [] : [JSON.parse(one)]))

describe.each(majors)('the schema of version %s', (_, major) => {
  it('accepts every event of a response', async () => {
    const encoder = ui.encoder(contextOf({ sign }))
    const data = [...(await encoder.encode(everything)), ...(await encoder.end())]
    expect(await eventsOf(major, data)).toEqual(parsed(data))
  })

  it('accepts a failure and an abort', async () => {
    const error = { status: 500, code: 'x', message: 'm', request_id: 'r', retryAfterMs: 1 }
    for (const end of [
      ui.encoder(contextOf()).error(error),
      ui.encoder(contextOf()).error({ status: 500, code: 'x', message: '', request_id: 'r' }),
      ui.encoder(contextOf()).aborted(),
    ])
      expect(await eventsOf(major, end)).toEqual(parsed(end))
  })

  it('accepts any value of an app or a model', async () => {
    const value = fc.anything({ withNullPrototype: true, withUnicodeString: true })
    await fc.assert(
      fc.asyncProperty(value, fc.json(), fc.string({ unit: 'binary' }), async (any, json, text) => {
        fc.pre(isJson(any))
        const encoder = ui.encoder(contextOf())
        const data = await encoder.encode([
          { type: 'data', name: 'x', data: any },
          start,
          { type: 'text-delta', text },
          ...call(0, 'c1', 'f', json),
          ...call(1, 'c2', 'f', text),
          { type: 'hosted-tool', id: 'h', name: 'n', status: 'done', input: any, output: any },
          finish('tool_calls'),
          { type: 'tool-result', tool_call_id: 'c1', name: 'f', content: json },
          { type: 'tool-result', tool_call_id: 'c2', name: 'f', content: text, is_error: true },
        ])
        expect(await eventsOf(major, data)).toEqual(parsed(data))
      }),
      { numRuns: 50 },
    )
  })
})

/** Any JSON value: no cycles, no bigint. */
function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

describe.each(majors.slice(1))('the schema of version %s', (_, major) => {
  it('accepts the events introduced by it: approvals and denials', async () => {
    const messages = [
      { role: 'tool', tool_call_id: 'c9', approval: { id: 'a', approved: false } },
    ] as const
    const incoming = { messages, isStream: true, rest: {}, continues: 'old' }
    const data = await ui
      .encoder(contextOf({ incoming }))
      .encode([
        { type: 'tool-result', tool_call_id: 'c9', name: 'f', content: 'no', is_error: true },
        start,
        ...call(0, 'c1', 'f', '{}'),
        finish('tool_calls'),
        { type: 'tool-approval', id: 'a', tool_call_id: 'c1' },
      ])
    expect(await eventsOf(major, data)).toEqual(parsed(data))
  })
})
