/** A replayed message, checked against the client's reducer and schemas. */
import { describe, expect, it } from 'vitest'
import { replayMessage } from '../../../../src/http/formats/ui/replay-message.js'
import type { UiMessage } from '../../../../src/http/formats/ui/wire.js'
import { eventsOf, majors } from './clients.js'
import { deepFreeze, type Event, toMessage } from './support.js'

const message = deepFreeze({
  id: 'answer-1',
  role: 'assistant',
  metadata: { finish_reason: 'tool_calls', turns: { '1': { mac: 'm' } } },
  parts: [
    { type: 'step-start' },
    { type: 'reasoning', text: 'Let me see.', state: 'done' },
    { type: 'text', text: 'I look.', state: 'done' },
    {
      type: 'tool-weather',
      toolCallId: 'c1',
      state: 'output-available',
      input: { city: 'Rome' },
      output: { degrees: 21 },
    },
    { type: 'tool-broken', toolCallId: 'c2', state: 'output-error', input: {}, errorText: 'no' },
    { type: 'dynamic-tool', toolName: 'mcp', toolCallId: 'c3', state: 'input-available', input: 5 },
    { type: 'source-url', sourceId: 's1', url: 'https://a.example', title: 'A' },
    { type: 'source-document', sourceId: 's2', mediaType: 'text/plain', title: 'B' },
    { type: 'file', url: 'data:image/png;base64,AAAA', mediaType: 'image/png' },
    { type: 'data-note', id: 'n', data: { a: null } },
    { type: 'step-start' },
    {
      type: 'tool-web_search',
      toolCallId: 'h1',
      providerExecuted: true,
      state: 'output-available',
      input: { query: 'Rome' },
      output: [1],
    },
    { type: 'text', text: '', state: 'done' },
  ],
} as const) as UiMessage

describe('a replayed message', () => {
  it('equals the original', async () => {
    const { id: _, ...replayed } = await toMessage(replayMessage(message) as unknown as Event[])
    const parts = replayed.parts.map(({ rawInput: _, id, ...part }) =>
      part.type === 'reasoning' ? part : { ...part, ...(id !== undefined && { id }) },
    )
    expect({ ...replayed, parts }).toEqual({
      role: 'assistant',
      metadata: message.metadata,
      parts: message.parts,
    })
  })

  it.each(majors)('is valid in version %s', async (_, major) => {
    const events = replayMessage(message)
    const data = events.map((event) => JSON.stringify(event))
    expect(await eventsOf(major, data)).toEqual(JSON.parse(`[${data}]`))
  })

  it('has no approval request that was answered: its call is running', async () => {
    const part = { type: 'tool-pay', toolCallId: 'c1', input: {}, approval: { id: 'a' } }
    for (const state of ['approval-requested', 'approval-responded']) {
      const [, ...events] = replayMessage({ ...message, parts: [{ ...part, state }] })
      expect(events).toEqual([
        { type: 'tool-input-available', toolCallId: 'c1', toolName: 'pay', input: {} },
      ])
    }
    const [, ...events] = replayMessage({
      ...message,
      parts: [{ ...part, state: 'output-denied' }],
    })
    expect(events.at(-1)).toEqual({ type: 'tool-output-denied', toolCallId: 'c1' })
  })

  it('does not make a client execute a tool again', async () => {
    const types = replayMessage(message).map(({ type }) => type)
    // the pending one
    expect(types.filter((type) => type === 'tool-input-available')).toHaveLength(1)
  })

  it('skips a part of an unknown kind', () => {
    const parts = [
      { type: 'constructor' },
      { type: 'tool-' },
      { type: 'tool-a', toolCallId: 5, state: 'output-available' },
      { type: 'tool-a', toolCallId: 'c', state: 'input-streaming' },
      { type: 'source-url', url: 5 },
      { type: 'source-document', sourceId: 'a' },
      { type: 'file', url: null },
      { type: 'unheard-of' },
    ]
    expect(replayMessage({ ...message, parts })).toHaveLength(1)
  })
})
