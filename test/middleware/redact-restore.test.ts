/** Placeholders and their restoration: on four wires, over steps, turns, splits, processes. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type RedactOptions, redact } from '../../middleware/redact.js'
import { standard } from '../../middleware/standard.js'
import { tool } from '../../middleware/tools.js'
import type { ChatRequest, Message, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { BadRequestError } from '../../src/core/index.js'
import { memoryStore } from '../../src/store/index.js'
import { mockServer, say as reply, think } from '../../src/testing/index.js'
import { deepFreeze, type Scripted, type Step, scripted, start } from '../contract/scripted.js'
import { adapters, models } from './wires.js'

const mail = 'bob@example.com'
const stored = (over: RedactOptions = {}): RedactOptions => ({
  restore: true,
  scope: () => 'c1',
  store: memoryStore(),
  ...over,
})

const finish: StreamChunk = {
  type: 'finish',
  finish_reason: 'stop',
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
}
const answer = (texts: readonly string[]): Step[] => [
  start(),
  ...texts.map((text): StreamChunk => ({ type: 'text-delta', text })),
  finish,
]
const call = (text: string): Step[] => [
  start(),
  { type: 'tool-call-start', index: 0, id: 'c', name: 'send' },
  ...[...text].map(
    (piece): StreamChunk => ({ type: 'tool-call-delta', index: 0, arguments: piece }),
  ),
  { type: 'tool-call-end', index: 0 },
  { ...finish, finish_reason: 'tool_calls' },
]

const user = (content: string): Message => ({ role: 'user', content })
const requestFor = (content: string, over: Partial<ChatRequest> = {}): ChatRequest =>
  deepFreeze({ model: 'scripted/m', messages: [user(content)], ...over })
const clientOf = (provider: Scripted, options: RedactOptions = stored(), extra = {}) =>
  createClient({ providers: [provider], use: standard({ with: redact(options), ...extra }) })
const lastUser = (provider: Scripted, nth = 0) =>
  provider.calls[nth]?.request.messages.findLast(({ role }) => role === 'user')?.content

describe('redact: restore', () => {
  it.each([
    ['<EMAIL_1>', mail],
    ['<email_1>', mail],
    ['EMAIL_1', mail],
    ['&lt;EMAIL_1&gt;', mail],
    ['EMAIL\\_1', mail],
    ['< EMAIL_1 >', mail],
    ['**<EMAIL_1>**', `**${mail}**`],
    ['EMAIL_12', 'EMAIL_12'],
    ['MYEMAIL_1', 'MYEMAIL_1'],
    ['<EMAIL_9>', '<EMAIL_9>'],
  ])('%s is restored as %s at every split', async (form, wanted) => {
    const text = `to ${form} now`
    const cuts = [[...text], ...[...text].map((_, i) => [text.slice(0, i), text.slice(i)])]
    for (const pieces of cuts) {
      const provider = scripted([answer(pieces)])
      const shown: string[] = []
      for await (const piece of clientOf(provider).stream(requestFor(`I am ${mail}`)).textStream)
        shown.push(piece)
      expect(shown.join('')).toBe(`to ${wanted} now`)
      expect(lastUser(provider)).toBe('I am <EMAIL_1>')
    }
  })

  it('text that cannot become a placeholder is not held back', async () => {
    const provider = scripted([answer(['Hello ', 'a <b> ', 'EM', 'U ', 'end'])])
    const shown: string[] = []
    for await (const piece of clientOf(provider).stream(requestFor(mail)).textStream)
      shown.push(piece)
    expect(shown).toEqual(['Hello ', 'a <b> ', 'EMU ', 'end'])
  })

  it('arguments reach the tool intact: escapes, keys, numbers, without quotes', async () => {
    const got: unknown[] = []
    const send = tool({ execute: (args) => void got.push(args) })
    const forms = [
      '{"to":"\\u003cEMAIL_1\\u003e","<EMAIL_1>":1}',
      '{"card":"<CARD_1>"}',
      '{"card": <CARD_1>}',
    ]
    for (const form of forms) {
      const provider = scripted([call(form), answer(['ok'])])
      const history: Message[] = [
        user(mail),
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'x',
              type: 'function',
              function: { name: 'send', arguments: '{"card":4111111111111111}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'x', content: 'ok' },
        user('again'),
      ]
      const ai = clientOf(provider, stored(), { tools: { send } })
      await ai.generate({ model: 'scripted/m', messages: history })
      expect(JSON.stringify(provider.calls.map(({ request }) => request))).not.toMatch(
        /example|4111/,
      )
    }
    expect(got).toEqual([
      { to: mail, [mail]: 1 },
      { card: 4111111111111111 },
      { card: 4111111111111111 },
    ])
  })

  it('an original with quotes stays valid JSON in arguments and in a structured response', async () => {
    const rules: RedactOptions['rules'] = [{ name: 'name', pattern: /O"Brien/, maxLength: 7 }]
    const got: unknown[] = []
    const send = tool({ execute: (args) => void got.push(args) })
    const provider = scripted([call('{"who":"<NAME_1>"}'), answer(['{"who":"<NA', 'ME_1>"}'])])
    const ai = clientOf(provider, stored({ rules }), { tools: { send } })
    const whole = await ai.generate(
      requestFor('I am O"Brien', { response_format: { type: 'json_object' } }),
    )
    expect(got).toEqual([{ who: 'O"Brien' }])
    expect(JSON.parse(whole.text)).toEqual({ who: 'O"Brien' })
  })

  it('a placeholder written by a user is a value of its own', async () => {
    const provider = scripted([answer(['You wrote <LITERAL_1>, I know <EMAIL_1>'])])
    const whole = await clientOf(provider).generate(requestFor(`<EMAIL_1> is not ${mail}`))
    expect(lastUser(provider)).toBe('<LITERAL_1> is not <EMAIL_1>')
    expect(whole.text).toBe(`You wrote <EMAIL_1>, I know ${mail}`)
  })

  it('a store that fails ends the call before the provider is called, with its cause', async () => {
    const cause = new Error('down')
    const provider = scripted([answer(['Hello'])])
    const store = { ...memoryStore(), append: () => Promise.reject(cause) }
    const call = clientOf(provider, stored({ store })).generate(requestFor('zoe@x.com'))
    await expect(call).rejects.toMatchObject({ code: 'store_unavailable', cause })
    expect(provider.calls).toHaveLength(0)
  })

  it('numbers are stable when history is trimmed and in another process, and stores can be encrypted', async () => {
    const store = memoryStore()
    const seal = {
      seal: (text: string) => btoa(encodeURIComponent(text)),
      open: (text: string) => decodeURIComponent(atob(text)),
    }
    const first = scripted([answer(['ok'])])
    await clientOf(first, stored({ store, seal })).generate(requestFor('zoe@x.com, alice@x.com'))
    expect(lastUser(first)).toBe('<EMAIL_1>, <EMAIL_2>')
    expect(JSON.stringify(await store.read('redact:c1', 0))).not.toContain('alice')
    const second = scripted([answer(['wrote to <EMAIL_2>'])])
    const trimmed = await clientOf(second, stored({ store, seal })).generate(
      requestFor('alice@x.com', { previous_response_id: 'r' }),
    )
    expect(lastUser(second)).toBe('<EMAIL_2>')
    expect(trimmed.text).toBe('wrote to alice@x.com')
  })

  it('without a store placeholders are hashes, the same in each process with the same key', async () => {
    const options = { restore: true, key: 'secret' }
    const seen: unknown[] = []
    for (const text of [`zoe@x.com, ${mail}`, mail]) {
      const provider = scripted((request) => answer([String(request.messages.at(-1)?.content)]))
      expect((await clientOf(provider, options).generate(requestFor(text))).text).toBe(text)
      seen.push(lastUser(provider))
    }
    expect(String(seen[0]).endsWith(String(seen[1]))).toBe(true)
    expect(seen[1]).toMatch(/^<EMAIL_[a-z2-9]{8}>$/)
  })

  it('previous_response_id without a store is rejected', async () => {
    const provider = scripted([answer(['ok'])])
    const asked = clientOf(provider, { restore: true }).generate(
      requestFor('x', { previous_response_id: 'r' }),
    )
    await expect(asked).rejects.toBeInstanceOf(BadRequestError)
    expect(provider.calls).toHaveLength(0)
  })

  it('the instruction to the model is always sent, at one place', async () => {
    const provider = scripted([answer(['ok'])])
    const messages: Message[] = [{ role: 'system', content: 'Be short.' }, user('Hi')]
    await clientOf(provider).generate({ model: 'scripted/m', messages })
    expect(provider.calls[0]?.request.messages.map(({ role }) => role)).toEqual([
      'system',
      'system',
      'user',
    ])
  })
})

/** All strings below a value whose keys name a signature or encrypted content. */
const sealedIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'string' && /signature|encrypted/i.test(name) ? [member] : sealedIn(member),
  )
}

describe.each(models.slice(0, 4))('redact on the wire of %s', (model) => {
  describe.each(['generate', 'stream'] as const)('%s', (mode) => {
    it('restores, and signed blocks are sent back byte for byte in step 2 and in the next turn', async () => {
      const turn = think('Write to EMAIL_1.', { signature: 'c2lnbmF0dXJlLTE=' }).callTool(
        'send',
        { to: '<email_1>' },
        { signature: 'c2lnbmF0dXJlLTI=' },
      )
      const last = think('Sent to <EMAIL_1>.', { signature: 'c2lnbmF0dXJlLTM=' }).say(
        'Sent to EMAIL_1, not to zoe@own.org.',
      )
      await using server = await mockServer([turn, last, reply('Bye <EMAIL_1>.')])
      const got: unknown[] = []
      const send = tool({
        parameters: z.object({ to: z.string() }),
        execute: (args) => {
          got.push(args)
          return { sent: mail }
        },
      })
      const use = standard({ with: [redact(stored())], tools: { send } })
      const ai = createClient({ providers: adapters(server), use })
      const run = async (messages: readonly Message[]) => {
        const request = { model, messages, reasoning_effort: 'low' as const }
        return mode === 'generate' ? ai.generate(request) : ai.stream(request).response
      }
      const messages = [user(`Mail ${mail}`)]
      const first = await run(messages)
      expect(got).toEqual([{ to: mail }])
      expect(first.text).toBe(`Sent to ${mail}, not to zoe@own.org.`)
      expect(first.messages[1]).toMatchObject({ content: JSON.stringify({ sent: mail }) })
      const kept = JSON.parse(JSON.stringify([...messages, ...first.messages, user('Bye')]))
      const second = await run(kept)
      expect(second.text).toBe(`Bye ${mail}.`)
      const bodies = server.requests.map(({ body }) => body)
      expect(JSON.stringify(bodies)).not.toContain('example.com')
      const sealed = bodies.map(sealedIn)
      expect(sealed[1]).not.toEqual([])
      expect(sealed[2]?.slice(0, sealed[1]?.length)).toEqual(sealed[1])
      expect(sealed[2]?.length).toBeGreaterThan(sealed[1]?.length ?? 0)
      expect(JSON.stringify(bodies[2])).toContain('Sent to EMAIL_1, not to zoe@own.org.')
    })

    it('masks without restore in both steps, to the provider and to the client', async () => {
      await using server = await mockServer([
        think(`He is ${mail}.`).callTool('send', { to: mail }),
        reply(`Sent to ${mail}.`),
      ])
      const got: unknown[] = []
      const send = tool({
        parameters: z.object({ to: z.string() }),
        execute: (args) => {
          got.push(args)
          return { sent: mail }
        },
      })
      const ai = createClient({
        providers: adapters(server),
        use: standard({ with: [redact()], tools: { send } }),
      })
      const request = { model, messages: [user(`Mail ${mail}`)] }
      const seen: StreamChunk[] = []
      if (mode === 'stream') for await (const chunk of ai.stream(request)) seen.push(chunk)
      const whole = mode === 'generate' ? await ai.generate(request) : undefined
      expect(
        JSON.stringify([seen, whole, got, server.requests.map(({ body }) => body)]),
      ).not.toContain('example.com')
      expect(server.requests).toHaveLength(2)
    })
  })
})
