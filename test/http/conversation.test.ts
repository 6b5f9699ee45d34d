/** Conversations of 400 turns: no turn makes a later one fail, and each question is sent once. */
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai6'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tool, tools } from '../../middleware/tools.js'
import type { ChatRequest, Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { createSigner } from '../../src/http/input/signing.js'
import { handler } from '../../src/http/web.js'
import { memoryStore, redisStore, type Store } from '../../src/store/index.js'
import { callTool, say, scripted } from '../../src/testing/index.js'
import { type RedisServer, redisServer } from '../store/redis-server.js'
import { post } from './requests.js'

const secret = 'a secret of thirty-two characters'
const turns = 400
const url = `data:image/png;base64,${'iVBORw0KGgo'.repeat(20)}A`

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await redisServer()
  redis = new Redis(server.port)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

interface State {
  readonly userId: number
}

/** The reply of the model to the last message. */
function answerTo({ messages }: ChatRequest) {
  const last = messages.at(-1)
  const lastText = JSON.stringify(last?.content ?? '')
  if (last?.role !== 'user') return say('Done.')
  const id = `c-${lastText.match(/q\d+/)?.[0]}-${lastText.length}`
  if (lastText.includes('weather')) return callTool('weather', {}, { id })
  if (lastText.includes('pay')) return callTool('pay', {}, { id })
  return say('An answer.')
}

/** A route, and the conversation if the server stores it. */
function setUp(store: Store, isKept: boolean) {
  const provider = scripted()
  provider.reply(answerTo)
  const paid: string[] = []
  const weather = tool({ execute: () => ({ degrees: 21 }) })
  const pay = tool({
    needsApproval: true,
    execute: (_, { tool_call_id }) => {
      paid.push(tool_call_id)
      return 'paid'
    },
  })
  let kept: readonly Message[] = []
  const ai = createClient<State>({ providers: [provider], use: [tools({ weather, pay })] })
  const handle = handler<State>(ai, {
    authorize: () => ({ userId: 7 }),
    models: { fast: 'scripted/any' },
    ...{ secret, store },
    ...(isKept && {
      history: () => kept,
      onFinish: ({ messages = [] }, { request }) => {
        kept = [...request.messages, ...messages]
      },
    }),
  })
  return { provider, paid, handle: (body: unknown) => handle(post(body)) }
}

type Send = ReturnType<typeof setUp>['handle']

/** The actions of a page, in any format. Each returns the code of an error, or `ok`. */
interface Page {
  ask(text: string, how?: 'picture'): Promise<string>
  /** Sends the last question again, in other words. */
  edit(text: string): Promise<string>
  regenerate(): Promise<string>
  /** Answers the pending approval request. */
  answer(approved: boolean, token?: string): Promise<string>
  /** The token of the pending approval request, and the id of its call. */
  open(): { readonly token: string; readonly callId: string }
  /** Another tab with the same messages. */
  show(): unknown
  restore(shown: unknown): void
}

const codeOf = async (response: Response) =>
  response.ok ? 'ok' : ((await response.json()).error.code as string)

/** A page that stores the messages of the chunks format. */
function chunksPage(send: Send): Page {
  let messages: (Message & { id?: string })[] = []
  let open = { token: '', callId: '' }
  let count = 0
  const go = async (more: object = {}) => {
    const response = await send({ id: 'room', messages, stream: false, ...more })
    if (!response.ok) return codeOf(response)
    const answer = await response.json()
    messages = [...messages, ...answer.messages]
    const [waiting] = answer.approvals ?? []
    if (waiting) open = { token: waiting.id, callId: waiting.tool_call_id }
    return 'ok'
  }
  const lastQuestion = () => messages.findLastIndex(({ role }) => role === 'user')
  return {
    ask(text, how) {
      const image = { type: 'image_url', image_url: { url } } as const
      const content = how ? [{ type: 'text', text } as const, image] : text
      messages = [...messages, { role: 'user', id: `u${++count}`, content }]
      return go()
    },
    edit(content) {
      const at = lastQuestion()
      const id = String(messages[at]?.id)
      messages = [...messages.slice(0, at), { role: 'user', id, content }]
      return go({ trigger: 'submit-message', messageId: id })
    },
    regenerate() {
      messages = messages.slice(0, lastQuestion() + 1)
      return go({ trigger: 'regenerate-message' })
    },
    async answer(approved, token = open.token) {
      const approval = { id: token, approved }
      messages = [...messages, { role: 'tool', tool_call_id: open.callId, approval }]
      return go()
    },
    open: () => open,
    show: () => messages,
    restore: (shown) => {
      messages = shown as typeof messages
    },
  }
}

/** A page of the AI SDK, with its own transport and stream reader. */
function uiPage(send: Send): Page {
  let messages: UIMessage[] = []
  let count = 0
  const transport = new DefaultChatTransport({
    api: 'http://app.test/api/chat',
    fetch: async (_, init) => send(String(init?.body)),
  })
  const go = async (trigger: 'submit-message' | 'regenerate-message', messageId?: string) => {
    const last = messages.at(-1)
    try {
      const stream = await transport.sendMessages({
        ...{ chatId: 'room', messages, trigger, messageId, abortSignal: undefined },
      })
      const isGoingOn = last?.role === 'assistant'
      let answer: UIMessage | undefined
      const given = isGoingOn ? { message: structuredClone(last) } : {}
      for await (const one of readUIMessageStream({ stream, ...given })) answer = one
      if (answer) messages = [...(isGoingOn ? messages.slice(0, -1) : messages), answer]
      return 'ok'
    } catch (error) {
      return JSON.parse((error as Error).message).error.code as string
    }
  }
  const lastQuestion = () => messages.findLastIndex(({ role }) => role === 'user')
  const text = (words: string) => ({ type: 'text', text: words }) as const
  const openPart = () =>
    messages.at(-1)?.parts.findLast((part) => part.type === 'tool-pay') as unknown as {
      readonly toolCallId: string
      readonly approval: { readonly id: string }
    }
  return {
    ask(words, how) {
      const image = { type: 'file', mediaType: 'image/png', url } as const
      const parts = how ? [text(words), image] : [text(words)]
      messages = [...messages, { id: `u${++count}`, role: 'user', parts }]
      return go('submit-message')
    },
    edit(words) {
      const at = lastQuestion()
      const id = String(messages[at]?.id)
      messages = [...messages.slice(0, at), { id, role: 'user', parts: [text(words)] }]
      return go('submit-message', id)
    },
    regenerate() {
      messages = messages.slice(0, lastQuestion() + 1)
      return go('regenerate-message')
    },
    answer(approved, token) {
      const part = openPart()
      const approval = { id: token ?? part.approval.id, approved }
      const answered = structuredClone(messages)
      const parts = answered.at(-1)?.parts ?? []
      Object.assign(parts[parts.findLastIndex(({ type }) => type === 'tool-pay')] ?? {}, {
        ...{ state: 'approval-responded', approval },
      })
      messages = answered
      return go('submit-message')
    },
    open: () => ({ token: openPart().approval.id, callId: openPart().toolCallId }),
    show: () => messages,
    restore: (shown) => {
      messages = shown as UIMessage[]
    },
  }
}

/** A seeded random generator, the same in each run. */
function random(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** The token of the pending approval request as issued two hours earlier. */
async function late(page: Page): Promise<string> {
  const { token, callId } = page.open()
  const id = token.split('.').slice(0, -2).join('.')
  const signer = createSigner({ secret, now: () => Date.now() - 7_200_000 })
  return signer.issue({ id, tool_call_id: callId }, { user: '7', conversation: 'room' })
}

type Turn = (page: Page, question: string, asked: readonly string[]) => Promise<void>

const ok = async (code: Promise<string>) => expect(await code).toBe('ok')

const kinds: readonly Turn[] = [
  (page, question) => ok(page.ask(question)),
  (page, question) => ok(page.ask(`${question} weather`)),
  (page, question) => ok(page.ask(question, 'picture')),
  (page, question) => ok(page.ask(`${question} ${'paste '.repeat(50)}`)),
  async (page, question) => {
    await ok(page.ask(question))
    await ok(page.edit(`${question} in other words`))
  },
  async (page, question) => {
    await ok(page.ask(`${question} weather`))
    await ok(page.regenerate())
  },
  async (page, question) => {
    await ok(page.ask(`${question} pay`))
    await ok(page.answer(true))
  },
  async (page, question) => {
    await ok(page.ask(`${question} pay`))
    await ok(page.answer(false))
  },
  // never read
  (page, question) => ok(page.ask(`${question} pay`)),
  async (page, question) => {
    await ok(page.ask(`${question} pay`))
    const tab = page.show()
    await ok(page.answer(true))
    page.restore(tab)
    expect(await page.answer(true)).toBe('approval_used')
  },
  async (page, question) => {
    await ok(page.ask(`${question} pay`))
    expect(await page.answer(true, await late(page))).toBe('approval_expired')
  },
]

/**
 * Every hundredth turn: one paste that is accepted, and one that is rejected; both stay in the
 * page.
 */
const pastes: Turn = async (page, question, asked) => {
  await ok(page.ask(`${question} ${'paste '.repeat(5_000)}`))
  expect(await page.ask(`q-refused ${'paste '.repeat(5_500)}`)).toBe('text_too_long')
  expect(asked).toContain(question)
}

/** The questions by number, in the order the provider received them. */
const questionsOf = ({ messages }: ChatRequest) =>
  messages.flatMap(({ role, content }) =>
    role === 'user' ? [JSON.stringify(content).match(/q\d+/)?.[0] ?? ''] : [],
  )

const cases = (['ui', 'chunks'] as const).flatMap((format) =>
  (['signed', 'kept by the server'] as const).flatMap((keeper) =>
    (['memory', 'Redis'] as const).map((kind) => [format, keeper, kind] as const),
  ),
)

describe.each(cases)('%s, %s, %s', (format, keeper, kind) => {
  // some 700 requests, each with the whole conversation
  it(`goes on for ${turns} turns`, { timeout: 120_000 }, async () => {
    const store =
      kind === 'Redis' ? redisStore(redis, { prefix: `${crypto.randomUUID()}:` }) : memoryStore()
    const { provider, paid, handle } = setUp(store, keeper !== 'signed')
    const page = format === 'ui' ? uiPage(handle) : chunksPage(handle)
    const next = random(8)
    const asked: string[] = []
    for (let number = 0; number < turns; number++) {
      asked.push(`q${number}`)
      const kindOfTurn = kinds[number < kinds.length ? number : next(kinds.length)]
      const turn = number % 100 === 50 ? pastes : kindOfTurn
      await turn?.(page, `q${number}`, asked)
      const last = provider.calls.at(-1)
      expect(last && questionsOf(last.request)).toEqual(asked)
    }
    // no call was executed twice, and every approval that was valid was executed once
    expect(new Set(paid).size).toBe(paid.length)
    expect(paid.length).toBeGreaterThan(5)
    expect(JSON.stringify(provider.calls.at(-1)?.request)).not.toContain('"id":"u')
  })
})
