/**
 * The WhatsApp example over sockets: a webhook on one side, Graph API and model server on the
 * other.
 */
import { afterEach } from 'vitest'
import { type App, type AppOptions, createApp } from '../../examples/whatsapp/app.js'
import { createIdle } from '../../examples/whatsapp/idle.js'
import { listen } from '../../examples/whatsapp/listen.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import {
  type DeliverOptions,
  type FakeGraph,
  type FakeGraphOptions,
  fakeGraph,
  type MockServer,
  mockServer,
  type PersonMessage,
} from '../../src/testing/index.js'

export const person = '491701234567'
export const text = (body: string, more: object = {}): PersonMessage => ({
  from: person,
  type: 'text',
  text: { body },
  ...more,
})

export interface Bot {
  readonly app: App
  readonly graph: FakeGraph
  readonly model: MockServer
  readonly store: Store
  readonly errors: unknown[]
  /** Waits between repeated calls, in milliseconds. */
  readonly waits: number[]
  readonly url: string
  /** Delivers in one webhook, and waits until everything is answered. */
  sendToBot(
    messages: PersonMessage | readonly PersonMessage[],
    to?: DeliverOptions,
  ): Promise<number>
  idle(): Promise<void>
  /** The last request of the model, as text. */
  lastRequest(index?: number): string
  /** Texts that people received. */
  texts(): readonly string[]
}

export interface BotSetup extends Partial<Omit<AppOptions, 'graph'>> {
  /** From another process: the same people, the same models. */
  readonly with?: Pick<Bot, 'graph' | 'model' | 'store'>
  readonly fake?: FakeGraphOptions
  readonly timeoutMs?: number
}

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

export async function startBot(setup: BotSetup = {}): Promise<Bot> {
  const { with: shared, fake, timeoutMs, inbox, ...options } = setup
  const graph = shared?.graph ?? (await fakeGraph(fake))
  const model = shared?.model ?? (await mockServer())
  if (!shared) closing.push(graph.close, () => model.close())
  const store = options.store ?? shared?.store ?? memoryStore()
  const errors: unknown[] = []
  const waits: number[] = []
  const idle = createIdle()
  const app = createApp({
    appSecret: graph.appSecret,
    verifyToken: graph.verifyToken,
    graph: {
      token: graph.token,
      baseURL: graph.baseURL,
      wait: async (ms) => void waits.push(ms),
      ...(timeoutMs !== undefined && { timeoutMs }),
    },
    model: 'openai/gpt-4.1-mini',
    providers: [
      openai(model.options('openai')),
      anthropic(model.options('anthropic')),
      gemini(model.options('gemini')),
    ],
    store,
    onError: (error) => void errors.push(error),
    inbox: { quietMs: 0, backoffMs: 1, pollMs: 20, ...inbox },
    ...idle,
    ...options,
  })
  const { url, close } = await listen(app.server)
  closing.push(async () => {
    app.server.closeAllConnections()
    await Promise.all([close(), app.finish()])
  })
  const webhook = `${url}/webhook`
  if (!shared) graph.connect(webhook)
  return {
    app,
    graph,
    model,
    store,
    errors,
    waits,
    url: webhook,
    async sendToBot(messages, to) {
      const status = await graph.deliver(messages, to)
      await idle.idle()
      return status
    },
    idle: idle.idle,
    lastRequest: (index = model.requests.length - 1) => JSON.stringify(model.requests[index]?.body),
    texts: () => graph.sent.map((sent) => sent.text ?? ''),
  }
}

/** Opened by hand: the test inspects the state while a reply is held at it. */
export function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
