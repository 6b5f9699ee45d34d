/** Properties of a whole conversation: turns, approvals, nested calls, failures, headers, logs. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type RedactOptions, redact } from '../../middleware/redact.js'
import { standard } from '../../middleware/standard.js'
import { tool } from '../../middleware/tools.js'
import type { ChatRequest, Message, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { AbortError, BadRequestError, TetradError } from '../../src/core/index.js'
import { memoryStore, redisStore, type Store } from '../../src/store/index.js'
import { fail, mockServer, say as reply, think } from '../../src/testing/index.js'
import { type Scripted, type Step, scripted, start, untilAborted } from '../contract/scripted.js'
import { useRedis } from '../store/use-redis.js'
import { call, collect, thrown } from './script.js'
import { adapters, models } from './wires.js'

const mail = 'bob@example.com'
const modes = ['generate', 'stream'] as const
const user = (content: string): Message => ({ role: 'user', content })

const redis = useRedis()

const stores: Record<string, () => Store | undefined> = {
  memory: () => memoryStore(),
  Redis: () => redisStore(redis.client, { prefix: `${crypto.randomUUID()}:` }),
  'no store': () => undefined,
}

const finish: StreamChunk = {
  type: 'finish',
  finish_reason: 'stop',
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
}
const inPieces = (text: string): Step[] => [
  start(),
  ...[...text].map((piece): StreamChunk => ({ type: 'text-delta', text: piece })),
  finish,
]

const clientOf = (provider: Scripted, options: RedactOptions, more = {}) =>
  createClient({ providers: [provider], use: standard({ with: redact(options), ...more }) })

const kept = (store: Store = memoryStore()): RedactOptions => ({
  restore: true,
  scope: () => 'c',
  store,
})

/** Numbered with a store, otherwise hashed. */
const keptIn = (store: Store | undefined): RedactOptions =>
  store ? kept(store) : { restore: true, key: 'k' }

const everything = (error: unknown): string => {
  if (!(error instanceof Error)) return JSON.stringify(error)
  const { partial: _, attempts, ...rest } = error as TetradError
  const inner = attempts?.map((attempt) => JSON.stringify({ ...attempt, error: '' })) ?? []
  return [
    error.message,
    error.stack,
    JSON.stringify(rest),
    everything(error.cause),
    ...inner,
  ].join()
}

describe.each(Object.keys(stores))('restore over a conversation of 20 turns, %s', (kind) => {
  const people = Array.from({ length: 20 }, (_, i) => `person${i}@example.com`)
  const person = (turn: number) => people[(turn * 7) % 20] ?? mail

  /**
   * A provider that records which placeholder it read in which turn, and uses one of an earlier
   * turn.
   */
  const memorious = () => {
    const names: string[] = []
    const provider = scripted(({ messages }) => {
      const [name = ''] = /<EMAIL_\w+>/.exec(String(messages.at(-1)?.content)) ?? []
      const last = names.at(-1)
      names.push(name)
      return inPieces(last ? `Wrote to ${name}, and ${last} again.` : `Wrote to ${name}.`)
    })
    return { provider, names }
  }

  it.each(modes)('%s: originals are never sent and always restored', async (mode) => {
    const { provider, names } = memorious()
    const store = stores[kind]?.()
    const messages: Message[] = []
    for (let turn = 0; turn < 20; turn++) {
      // each turn comes from another process
      const ai = clientOf(provider, keptIn(store))
      messages.push(user(`Write to ${person(turn)}.`))
      const request = { model: 'scripted/m', messages }
      const answer = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
      const { text, messages: added } = await answer
      const before = turn > 0 ? `, and ${person(turn - 1)} again` : ''
      expect(text).toBe(`Wrote to ${person(turn)}${before}.`)
      messages.push(...JSON.parse(JSON.stringify(added)))
    }
    expect(JSON.stringify(provider.calls.map(({ request }) => request))).not.toContain('example')
    expect(new Set(names).size).toBe(20)
  })

  // numbers of a conversation are stored; without a store, a chain is rejected
  it.each(kind === 'no store' ? ['trims'] : ['trims', 'previous_response_id'])(
    '%s never confuse two people',
    async (what) => {
      const { provider } = memorious()
      const store = stores[kind]?.()
      const history: Message[] = []
      for (let turn = 0; turn < 20; turn++) {
        const ai = clientOf(provider, keptIn(store))
        const asked = user(`Write to ${person(turn)}.`)
        const isChained = what !== 'trims' && turn % 2 === 1
        const request: ChatRequest = isChained
          ? { model: 'scripted/m', messages: [asked], previous_response_id: 'r' }
          : { model: 'scripted/m', messages: [...history.slice(-2), asked] }
        const { text, messages: added } = await ai.generate(request)
        const before = turn > 0 ? `, and ${person(turn - 1)} again` : ''
        expect(text).toBe(`Wrote to ${person(turn)}${before}.`)
        history.push(asked, ...added)
      }
    },
  )
})

describe.each(modes)('restore, %s', (mode) => {
  const runCall = (ai: ReturnType<typeof clientOf>, request: ChatRequest) =>
    mode === 'generate' ? ai.generate(request) : ai.stream(request).response
  const sent = (provider: Scripted) => JSON.stringify(provider.calls.map(({ request }) => request))

  it.each([
    '{"to":"<EMAIL_1>","<EMAIL_1>":[1],"card":"<CARD_1>"}',
    '{"to":"\\u003cemail_1\\u003e","EMAIL_1":[1],"card":<CARD_1>}',
  ])('arguments of step 2 reach the tool restored: %s', async (args) => {
    const got: unknown[] = []
    const find = tool({ execute: () => ({ who: mail, card: 4111111111111111 }) })
    const send = tool({ execute: (args) => void got.push(args) })
    const provider = scripted([
      call([['c1', 'find']]),
      call([['c2', 'send', args]]),
      inPieces('Ok.'),
    ])
    await runCall(clientOf(provider, kept(), { tools: { find, send } }), {
      model: 'scripted/m',
      messages: [user('Hi')],
    })
    expect(got).toEqual([{ to: mail, [mail]: [1], card: 4111111111111111 }])
    expect(sent(provider)).not.toMatch(/example|4111/)
  })

  it('a call that waited for approval runs with originals, after storage', async () => {
    const got: unknown[] = []
    const send = tool({
      parameters: z.object({ to: z.string() }),
      needsApproval: true,
      execute: (args) => void got.push(args),
    })
    const provider = scripted([
      call([['c1', 'send', { to: '<EMAIL_1>' }]]),
      inPieces('To EMAIL_1.'),
    ])
    const store = memoryStore()
    const approvals = memoryStore()
    const clients = () =>
      clientOf(provider, kept(store), { tools: { send }, toolLoop: { approvals } })
    const messages = [user(`Mail ${mail}`)]
    const first = await runCall(clients(), { model: 'scripted/m', messages })
    expect(first.approvals).toMatchObject([{ name: 'send', arguments: `{"to":"${mail}"}` }])
    const { id = '', tool_call_id = '' } = first.approvals?.[0] ?? {}
    const yes: Message = {
      role: 'tool',
      tool_call_id,
      approval: { id, approved: true, reason: `as ${mail} wished` },
    }
    const history = JSON.parse(JSON.stringify([...messages, ...first.messages, yes]))
    const second = await runCall(clients(), { model: 'scripted/m', messages: history })
    expect(got).toEqual([{ to: mail }])
    expect(second.text).toBe(`To ${mail}.`)
    expect(sent(provider)).not.toContain('example')
  })

  it('a tool that calls the model through ctx.client sends placeholders and reads originals', async () => {
    const provider = scripted(({ messages, user }) => {
      if (user === 'inner') return inPieces(`Known: ${String(messages.at(-1)?.content)}`)
      return messages.some(({ role }) => role === 'tool') ? inPieces('Ok.') : call([['c1', 'look']])
    })
    let inner = ''
    const look = tool({
      async execute(_, { ctx }) {
        const request = { model: 'scripted/m', messages: [user(mail)], user: 'inner' }
        inner = (await ctx.client.generate(request)).text
        return inner
      },
    })
    await runCall(clientOf(provider, kept(), { tools: { look } }), {
      model: 'scripted/m',
      messages: [user('Hi')],
    })
    expect(inner).toBe(`Known: ${mail}`)
    expect(sent(provider)).not.toContain('example')
  })

  it('an abort in the middle keeps what the client received, and exposes no original elsewhere', async () => {
    const controller = new AbortController()
    const text: StreamChunk = { type: 'text-delta', text: 'To <EMAIL_1> and <EMA' }
    const provider = scripted([
      [start(), text, () => controller.abort(new Error(`${mail} left`)), untilAborted],
    ])
    const ai = clientOf(provider, kept())
    const request = { model: 'scripted/m', messages: [user(`I am ${mail}`)] }
    const options = { signal: controller.signal }
    const error =
      mode === 'generate'
        ? await thrown(ai.generate(request, options))
        : (await collect(ai.stream(request, options))).error
    expect(error).toBeInstanceOf(AbortError)
    if (mode === 'stream') expect(error).toMatchObject({ partial: { text: `To ${mail} and ` } })
    expect(everything(error)).not.toContain('example')
  })

  it('a failure exposes no original: message, stack, causes of any kind, headers, log lines', async () => {
    const deep = { detail: { body: [`{"to":"${mail}"}`] } }
    const failure = new BadRequestError(`No such person: ${mail}`, { status: 400, cause: deep })
    Object.assign(failure, { headers: { 'x-who': mail } })
    const lines: unknown[] = []
    const line = (given: unknown) => void lines.push(given)
    const log = { to: { info: line, error: line } }
    for (const options of [kept(), {}]) {
      const ai = clientOf(scripted([[failure]]), options, { log })
      const error = await thrown(runCall(ai, { model: 'scripted/m', messages: [user(mail)] }))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(everything(error)).not.toContain('example')
      expect(error).toMatchObject({ headers: { 'x-who': '<EMAIL>' } })
    }
    expect(lines).toHaveLength(2)
    expect(JSON.stringify(lines)).not.toContain('example')
  })

  it.each(models)(
    '%s: values that the server echoes in headers and errors are placeholders',
    async (model) => {
      const echo = ({ body }: { body: unknown }) =>
        /<EMAIL_\w+>/.exec(JSON.stringify(body))?.[0] ?? 'none'
      await using server = await mockServer([
        (request) => reply('Ok.').headers({ 'x-ratelimit-key': echo(request) }),
        (request) => fail(400, { message: `Who is ${echo(request)}?` }),
      ])
      const use = standard({ with: redact(kept()), retry: false })
      const ai = createClient({ providers: adapters(server), use })
      const request = { model, messages: [user(`I am ${mail}`)] }
      const run = () => (mode === 'generate' ? ai.generate(request) : ai.stream(request).response)
      const [attempt] = (await run()).attempts
      expect(JSON.stringify(attempt)).toContain('<EMAIL_1>')
      expect(JSON.stringify(attempt)).not.toContain('example')
      const error = await thrown(run())
      expect(error).toBeInstanceOf(TetradError)
      expect((error as TetradError).message).toContain('<EMAIL')
      expect(everything(error)).not.toContain('example')
      expect(JSON.stringify(server.requests.map(({ text }) => text))).not.toContain('example')
    },
  )

  it('thoughts and refusals beside a structured response are text, and their blocks stay', async () => {
    const rules: RedactOptions['rules'] = [{ name: 'name', pattern: /O"Brien/, maxLength: 7 }]
    const native = { provider: 'scripted', model: 'm', content: [{ signature: 's' }] }
    const answer: Step[] = [
      start(),
      { type: 'reasoning-delta', text: 'He is <NAME_1>.' },
      { type: 'text-delta', text: '{"who":"<NAME_1>"}' },
      { ...finish, native },
    ]
    const provider = scripted([answer, inPieces('Ok.')])
    const options = { ...kept(), rules }
    const request: ChatRequest = {
      model: 'scripted/m',
      messages: [user('I am O"Brien')],
      response_format: { type: 'json_object' },
    }
    const first = await runCall(clientOf(provider, options), request)
    expect(first.message.reasoning_content).toBe('He is O"Brien.')
    expect(JSON.parse(first.text)).toEqual({ who: 'O"Brien' })
    const messages = [...request.messages, ...first.messages, user('And?')]
    await runCall(clientOf(provider, options), { ...request, messages })
    expect(provider.calls[1]?.request.messages[2]).toMatchObject({ native })
  })

  it('positions of citations move with restored text, over any split', async () => {
    const answerText = 'By <EMAIL_1> in Rome, says EMAIL_1.'
    for (let cut = 0; cut <= answerText.length; cut++) {
      const place = { url: 'https://x.org', title: 'Rome of <EMAIL_1>' }
      const at = (word: string) => ({
        start_index: answerText.lastIndexOf(word),
        end_index: answerText.lastIndexOf(word) + word.length,
      })
      const cite = (word: string): StreamChunk => ({
        type: 'annotation',
        annotation: { type: 'url_citation', url_citation: { ...place, ...at(word) } },
      })
      const provider = scripted([
        [
          start(),
          { type: 'text-delta', text: answerText.slice(0, cut) },
          { type: 'text-delta', text: answerText.slice(cut) },
          cite('Rome'),
          cite('EMAIL_1'),
          finish,
        ],
      ])
      const request = { model: 'scripted/m', messages: [user(mail)] }
      const { text, message } = await runCall(clientOf(provider, kept()), request)
      const cited = message.annotations?.map((annotation) => {
        if (annotation.type !== 'url_citation') return annotation
        const { start_index, end_index, title } = annotation.url_citation
        return [text.slice(start_index, end_index), title]
      })
      expect(cited).toEqual([
        ['Rome', `Rome of ${mail}`],
        [mail, `Rome of ${mail}`],
      ])
    }
  })
})

describe.each(models.slice(0, 4))('signed thoughts of %s', (model) => {
  const signed = (value: unknown): string[] => {
    if (typeof value !== 'object' || value === null) return []
    return Object.entries(value).flatMap(([name, member]) =>
      typeof member === 'string' && /signature|encrypted/i.test(name) ? [member] : signed(member),
    )
  }

  it.each(modes)(
    '%s: stay where nothing in their turn was masked, without restore',
    async (mode) => {
      const signature = 'c2lnbmF0dXJlLTE='
      await using server = await mockServer([
        think('Look it up.', { signature }).callTool('find', { what: 'it' }, { signature }),
        think('Good.', { signature: 'c2lnbmF0dXJlLTI=' }).say('Found.'),
        reply('Bye.'),
      ])
      const find = tool({ execute: () => ({ who: mail }) })
      const use = standard({ with: redact(), tools: { find } })
      const ai = createClient({ providers: adapters(server), use })
      const run = (messages: readonly Message[]) => {
        const request = { model, messages, reasoning_effort: 'low' as const }
        return mode === 'generate' ? ai.generate(request) : ai.stream(request).response
      }
      const first = await run([user(`Mail ${mail}`)])
      const history: Message[] = [user(`Mail ${mail}`), ...first.messages, user('Bye')]
      await run(JSON.parse(JSON.stringify(history)))
      const bodies = server.requests.map(({ body }) => body)
      expect(JSON.stringify(bodies)).not.toContain('example')
      const [, second = [], third = []] = bodies.map(signed)
      expect(second).not.toEqual([])
      expect(third.slice(0, second.length)).toEqual(second)
      expect(third.length).toBeGreaterThan(second.length)
    },
  )
})

describe('redact: values that resemble something else', () => {
  const sentOf = async (request: Partial<ChatRequest>, options: RedactOptions = {}) => {
    const provider = scripted([inPieces('Ok.')])
    const messages = [user('Hi')]
    const use = redact(options)
    await createClient({ providers: [provider], use }).generate({
      model: 'scripted/m',
      messages,
      ...request,
    })
    return JSON.stringify(provider.calls[0]?.request)
  }
  const result = (content: string, args = '{}'): Message[] => [
    user('Hi'),
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: args } }],
    },
    { role: 'tool', tool_call_id: 'c', content },
  ]

  it.each([
    `[note] write to ${mail}`,
    `[Bob](mailto:${mail}) +49 170 1234567`,
    `{not JSON: ${mail}}`,
    `[1, "cut bob\\u0040example.com and ${mail}`,
    JSON.stringify({ body: JSON.stringify({ to: 'bob\\u0040example.com' }) }).replace(
      '\\\\\\\\',
      '\\\\',
    ),
    JSON.stringify([JSON.stringify([mail])]),
  ])('a result or arguments: %s', async (text) => {
    for (const options of [{}, kept()])
      for (const messages of [result(text), result('ok', text)])
        expect(await sentOf({ messages }, options)).not.toMatch(/example|1234567/)
  })

  it('text after data: is masked, base64 is not', async () => {
    const base64 = 'data:image/png;base64,Ym9iQGV4YW1wbGUuY29t4111111111111111'
    const metadata = { a: `data: ${mail}`, b: `data:text/plain,${mail}`, c: base64 }
    const sent = await sentOf({ metadata })
    expect(sent).not.toContain('example.com')
    expect(sent).toContain(base64)
  })

  it('overlapping matches of a service and a rule leave no rest', async () => {
    const detect = (text: string) => {
      const start = text.indexOf('Mr')
      return start < 0 ? [] : [{ name: 'person', start, end: start + 6 }]
    }
    const sent = await sentOf({ messages: [user(`I am Mr bob@example.com.`)] }, { detect })
    expect(sent).toContain('I am <PERSON>.')
  })

  it('a match of a service is masked in errors too, short names and JSON-escaped ones included', async () => {
    const detect = (text: string) =>
      [...text.matchAll(/Zoe|O"Brien/g)].map((match) => ({
        name: 'person',
        start: match.index,
        end: match.index + match[0].length,
      }))
    const failure = new BadRequestError('Bad: {"content":"Zoe O\\"Brien"}', { status: 400 })
    for (const options of [{ detect }, { ...kept(), detect }]) {
      const ai = createClient({ providers: [scripted([[failure]])], use: redact(options) })
      const request = { model: 'scripted/m', messages: [user('Zoe O"Brien')] }
      const error = await thrown(ai.generate(request))
      expect(everything(error)).not.toMatch(/Zoe|Brien/)
    }
  })
})
