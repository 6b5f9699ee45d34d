import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type LogLine, type LogOptions, log } from '../../middleware/log.js'
import { params } from '../../middleware/params.js'
import { retry } from '../../middleware/retry.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { type Middleware, RateLimitError, ServiceUnavailableError } from '../../src/core/index.js'
import { type Step, say, scripted, start, untilAborted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'

const request: ChatRequest = {
  model: 'scripted/m',
  messages: [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'My number is 4111.' },
        { type: 'image_url', image_url: 'data:image/png;base64,SECRETBYTES' },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'c', type: 'function', function: { name: 'pay', arguments: '{"card":4111}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'c', content: 'paid with 4111' },
  ],
}

interface Entry {
  readonly level: string
  readonly line: LogLine
}

/** The common interface of pino and winston. */
function journal() {
  const entries: Entry[] = []
  const at = (level: string) => (line: unknown) => {
    // each target of log() accepts what the others accept
    entries.push({ level, line: line as LogLine })
  }
  return { entries, info: at('info'), error: at('error') }
}

function setUp(
  replies: readonly (readonly Step[])[],
  options: LogOptions = {},
  use: Middleware[] = [],
) {
  const to = journal()
  const provider = scripted(replies, {
    capabilities: { rules: [{ param: 'seed', reason: 'there is no seed' }] },
  })
  const stack = [log({ to, ...options }), ...use]
  return { ai: createClient({ providers: [provider], use: stack }), entries: to.entries }
}

const only = (entries: readonly Entry[]): Entry => {
  expect(entries).toHaveLength(1)
  // the length was checked on the line above
  return entries[0] as Entry
}

afterEach(() => vi.restoreAllMocks())

describe('log', () => {
  it('writes one line per call: model, tags, usage, duration', async () => {
    let time = 0
    const { ai, entries } = setUp([say('Hello')], { now: () => (time += 20.4) })
    await ai.generate(request, { tags: { tenant: 'acme' } })
    const { level, line } = only(entries)
    expect(level).toBe('info')
    expect(line).toMatchObject({
      message: 'chat',
      id: expect.stringMatching(/^[\w-]+$/),
      status: 'ok',
      streaming: false,
      model: 'scripted/m',
      provider: 'scripted',
      answered_by: 'model-1',
      finish_reason: 'stop',
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      total_ms: 20,
      attempts: [{ provider: 'scripted', model: 'm', status: 'ok' }],
      tags: { tenant: 'acme' },
    })
    expect(Object.values(line)).not.toContain(undefined)
  })

  it('outermost it logs the call, inside retry each attempt', async () => {
    const inner = journal()
    const busy = new ServiceUnavailableError('busy', { status: 503, code: 'overloaded' })
    const use = [retry({ clock: fakeClock({ jumps: true }) }), log({ to: inner })]
    const { ai, entries } = setUp([[busy], say('Hello')], {}, use)
    await ai.generate(request)
    expect(only(entries).line.attempts).toMatchObject([
      { status: 'failed', error: 'ServiceUnavailableError' },
      { status: 'ok' },
    ])
    expect(inner.entries.map(({ level, line }) => [level, line.status, line.error])).toEqual([
      ['error', 'failed', { name: 'ServiceUnavailableError', status: 503, code: 'overloaded' }],
      ['info', 'ok', undefined],
    ])
  })

  it('logs a failure by its class, never by its message', async () => {
    const { ai, entries } = setUp([[new RateLimitError('about 4111', { status: 429 })]])
    await expect(ai.generate(request)).rejects.toBeInstanceOf(RateLimitError)
    const { level, line } = only(entries)
    expect(level).toBe('error')
    expect(line).toMatchObject({ status: 'failed', error: { name: 'RateLimitError', status: 429 } })
    expect(JSON.stringify(line)).not.toContain('4111')
  })

  it('logs a thrown value that is no Error', async () => {
    const thrower: Middleware = () => Promise.reject('odd')
    const { ai, entries } = setUp([say('Hello')], {}, [thrower])
    await ai.generate(request).catch(() => {})
    expect(only(entries).line.error).toEqual({ name: 'string' })
  })

  it('logs an abort, and its cost', async () => {
    const { ai, entries } = setUp([[start(), { type: 'text-delta', text: 'Hel' }, untilAborted]])
    for await (const chunk of ai.stream(request)) if (chunk.type === 'text-delta') break
    const { level, line } = only(entries)
    expect(level).toBe('info')
    expect(line).toMatchObject({
      status: 'aborted',
      error: { name: 'AbortError' },
      estimated: true,
    })
    expect(line.completion_tokens).toBeGreaterThan(0)
  })

  it('logs which parameters were dropped', async () => {
    const { ai, entries } = setUp([say('Hello')], {}, [params({ dropParams: true })])
    await ai.generate({ ...request, seed: 1 })
    expect(only(entries).line.dropped_params).toEqual(['seed'])
  })

  it('logs no content and no key', async () => {
    const { ai, entries } = setUp([say('The secret answer')])
    await ai.generate(
      { ...request, extra_headers: { 'x-api-key': 'sk-canary-1' } },
      { apiKeys: { scripted: 'sk-canary-2' }, headers: { authorization: 'Bearer sk-canary-3' } },
    )
    const text = JSON.stringify(only(entries).line)
    for (const secret of ['canary', '4111', 'secret', 'brief', 'SECRETBYTES'])
      expect(text).not.toContain(secret)
  })

  it('logs content if enabled, through the redactor, without images', async () => {
    const content = (text: string) => text.replaceAll('4111', '[card]')
    const { ai, entries } = setUp([say('You said 4111.')], { content })
    await ai.generate(request)
    const { line } = only(entries)
    expect(line.messages).toEqual([
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'My number is [card].' },
      { role: 'assistant', tool_calls: [{ name: 'pay', arguments: '{"card":[card]}' }] },
      { role: 'tool', text: 'paid with [card]' },
    ])
    expect(line.answer).toEqual({ role: 'assistant', text: 'You said [card].' })
    expect(JSON.stringify(line)).not.toMatch(/4111|SECRETBYTES/)
  })

  it('logs the partial content of a failed call', async () => {
    const steps: Step[] = [start(), { type: 'text-delta', text: 'Hel' }, new RateLimitError('no')]
    const { ai, entries } = setUp([steps], { content: (text) => text })
    await ai.stream(request).response.catch(() => {})
    expect(only(entries).line.answer).toEqual({ role: 'assistant', text: 'Hel' })
  })

  it('writes one line of JSON to a console', async () => {
    let written = ''
    const stream = new Writable({
      write(chunk, _, done) {
        written += chunk
        done()
      },
    })
    const { ai } = setUp([say('Hello')], { to: new Console(stream) })
    await ai.generate(request)
    expect(written.trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(written)).toMatchObject({ message: 'chat', status: 'ok' })
  })

  it('writes to the console by default', async () => {
    const info = vi.spyOn(console, 'info').mockReturnValue()
    await createClient({ providers: [scripted([say('Hello')])], use: [log()] }).generate(request)
    expect(info).toHaveBeenCalledOnce()
  })

  it.each<[string, () => unknown]>([
    ['throws', () => expect.unreachable()],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ])('does not break the call when the logger %s', async (_, write) => {
    const { ai } = setUp([say('Hello')], { to: { info: write, error: write } })
    expect((await ai.generate(request)).text).toBe('Hello')
  })

  it('does not break the call when the redactor throws', async () => {
    const { ai, entries } = setUp([say('Hello')], { content: () => expect.unreachable() })
    expect((await ai.generate(request)).text).toBe('Hello')
    expect(only(entries).line).not.toHaveProperty('messages')
  })
})
