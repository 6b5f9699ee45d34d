/**
 * A fake of WhatsApp's Graph API on the loopback interface, for bots: accepts messages, and
 * delivers those of people.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isObject, type JsonObject, parseJson } from '../../chat/index.js'
import { MisuseError } from '../../core/index.js'
import { close, listen, readBody, urlOf } from '../loopback.js'
import {
  type Answer,
  type GraphAnswer,
  type GraphCall,
  refuse,
  respond,
  toAnswer,
} from './answers.js'
import { webhookError } from './errors.js'
import { type HeldMedia, MediaShelf } from './media.js'
import { metaPairLimit, type PairLimit, pairLimiter } from './pair-limit.js'
import {
  contactsOf,
  type DeliverOptions,
  messagesWebhook,
  type PersonMessage,
  signWebhook,
  webhookOf,
} from './webhook.js'

export interface FakeGraphOptions {
  /** @default 'fake-token' */
  readonly token?: string
  /** Signs webhooks. @default 'fake-app-secret' */
  readonly appSecret?: string
  /** Token of the handshake. @default 'fake-verify-token' */
  readonly verifyToken?: string
  /** Epoch milliseconds, used by pair limits, links and retries. @default Date.now */
  readonly now?: () => number
  /** Rate limit of messages to one person. @default Meta's: a burst of 45, then one in 6 s */
  readonly pairLimit?: PairLimit | false
  /** Lifetime of a file's link. Milliseconds. @default 300_000 */
  readonly linkLifeMs?: number
}

/** A message that the API accepted. */
export interface SentMessage {
  /** `wamid.…`, as in the response. */
  readonly id: string
  readonly phoneNumberId: string
  /** `to`, or `recipient` of a person without a number. */
  readonly to: string
  /** Only of a text message. */
  readonly text: string | undefined
  readonly body: JsonObject
}

/** A call and the status of its response; 0 without a response. */
export interface GraphRequest {
  readonly call: GraphCall
  readonly path: string
  readonly status: number
  readonly body: JsonObject
}

export type FakeGraph = Pick<Graph, keyof Graph>

const version = 'v23.0'
const retryForMs = 7 * 86_400_000
const windowMs = 86_400_000
const longestText = 4096

/**
 * Starts it on a free port. It responds like the API: 401 without the token (190), 400 for an empty
 * text or one of more than 4,096 characters (100), 131056 above the limit of a pair, links that
 * expire. A message to a person whose last message is more than 24 hours old is accepted and then
 * `failed` by webhook (131047), as with the real API.
 *
 * @example
 * const graph = await fakeGraph()
 * const bot = await startBot({ baseURL: graph.baseURL, token: graph.token, appSecret: graph.appSecret })
 * graph.connect(`${bot.url}/webhook`)
 * graph.script('message', { code: 131056 }, { code: 131000, status: 200 }, 'hang')
 * await graph.deliver({ type: 'text', text: { body: 'Hi' } })   // 200
 * graph.sent                                                    // what the bot answered
 * await graph.redeliver()                                       // and must not answer again
 */
export const fakeGraph = (options: FakeGraphOptions = {}): Promise<FakeGraph> =>
  Graph.start(options)

class Graph {
  /** With the version, without a trailing slash. */
  readonly baseURL: string
  readonly token: string
  readonly appSecret: string
  readonly verifyToken: string
  private readonly taken: SentMessage[] = []
  private readonly called: GraphRequest[] = []
  /** Accepted messages, in order; read and typing marks are only in `requests`. */
  readonly sent: readonly SentMessage[] = this.taken
  readonly requests: readonly GraphRequest[] = this.called
  private readonly now: () => number
  private readonly shelf: MediaShelf
  private readonly takesOne: (pair: string) => boolean
  private readonly scripts = new Map<GraphCall, GraphAnswer[]>()
  private readonly sentListeners: ((message: SentMessage) => void)[] = []
  private readonly requestListeners: ((request: GraphRequest) => void)[] = []
  /** Time of each person's last message. */
  private readonly wrote = new Map<string, number>()
  private waiting: { readonly body: string; readonly since: number }[] = []
  private last: string | undefined
  private webhookURL: string | undefined
  private count = 0

  static async start(options: FakeGraphOptions): Promise<Graph> {
    const server = createServer()
    await listen(server)
    return new Graph(server, options)
  }

  private constructor(
    private readonly server: Server,
    options: FakeGraphOptions,
  ) {
    this.baseURL = `${urlOf(server)}/${version}`
    server.on('request', (request, response) => {
      response.on('error', () => {})
      this.handle(request, response).catch((error) => response.destroy(error))
    })
    const { token, appSecret, verifyToken, now = Date.now, pairLimit = metaPairLimit } = options
    this.token = token ?? 'fake-token'
    this.appSecret = appSecret ?? 'fake-app-secret'
    this.verifyToken = verifyToken ?? 'fake-verify-token'
    this.now = now
    this.shelf = new MediaShelf(now, options.linkLifeMs)
    this.takesOne = pairLimit ? pairLimiter(pairLimit, now) : () => true
  }

  /** Webhooks not answered with 200, to be sent again. */
  get undelivered(): number {
    return this.waiting.length
  }

  // ---- Calls of the bot ----

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const json = parseJson(await readBody(request))
    const body = isObject(json) ? json : {}
    const call = callOf(path, body)
    const scripted = this.scripts.get(call)?.shift() ?? 'ok'
    const record = (status: number) => {
      const made = { call, path, status, body }
      this.called.push(made)
      for (const listener of this.requestListeners) listener(made)
    }
    if (scripted === 'reset') {
      record(0)
      response.destroy()
      return
    }
    const isAllowed = request.headers.authorization === `Bearer ${this.token}`
    const answer =
      typeof scripted === 'object'
        ? toAnswer(scripted)
        : isAllowed
          ? this.answer(call, path, body)
          : refuse(190)
    record(scripted === 'hang' ? 0 : answer.status)
    if (scripted !== 'hang') respond(response, answer)
  }

  private answer(call: GraphCall, path: string, body: JsonObject): Answer {
    const name = path.split('/').at(-1) ?? ''
    switch (call) {
      case 'message':
        return this.take(path.split('/').at(-2) ?? '', body)
      case 'typing':
        return { status: 200, body: { success: true } }
      case 'media': {
        const about = this.shelf.describe(name, this.baseURL)
        return about ? { status: 200, body: about } : refuse(100, `Object ${name} does not exist`)
      }
      case 'bytes': {
        const held = this.shelf.load(name)
        if (!held) return { status: 404, body: '' }
        return { status: 200, body: held.bytes, headers: { 'content-type': held.mimeType } }
      }
    }
  }

  private take(phoneNumberId: string, body: JsonObject): Answer {
    const to = body.to ?? body.recipient
    const text = isObject(body.text) ? body.text.body : undefined
    if (typeof to !== 'string' || to === '') return refuse(131008, 'to or recipient is missing')
    if (body.messaging_product !== 'whatsapp') return refuse(100, 'messaging_product is whatsapp')
    const isText = typeof text === 'string' && text.length >= 1 && text.length <= longestText
    if ((body.type ?? 'text') === 'text' && !isText)
      return refuse(100, `text.body holds 1 to ${longestText} characters`)
    if (!this.takesOne(`${phoneNumberId} ${to}`)) return refuse(131056)
    const message: SentMessage = {
      id: `wamid.sent.${this.sent.length + 1}`,
      phoneNumberId,
      to,
      text: typeof text === 'string' ? text : undefined,
      body,
    }
    this.taken.push(message)
    for (const listener of this.sentListeners) listener(message)
    if (this.isWindowOver(to)) void this.status(message, { failed: 131047 }).catch(() => {})
    return {
      status: 200,
      body: {
        messaging_product: 'whatsapp',
        contacts: [{ input: to, wa_id: to }],
        messages: [{ id: message.id }],
      },
    }
  }

  private isWindowOver(person: string): boolean {
    const wrote = this.wrote.get(person)
    return wrote !== undefined && this.webhookURL !== undefined && this.now() - wrote > windowMs
  }

  // ---- Controls of the test ----

  /** Calls the listener after each accepted message, already in `sent`. */
  readonly onSent = (listener: (message: SentMessage) => void) =>
    void this.sentListeners.push(listener)

  /** Calls the listener after each call, already in `requests`. */
  readonly onRequest = (listener: (request: GraphRequest) => void) =>
    void this.requestListeners.push(listener)

  /** Sets the answers to the next calls of a kind, in order. */
  readonly script = (call: GraphCall, ...answers: readonly GraphAnswer[]): void => {
    this.scripts.set(call, [...(this.scripts.get(call) ?? []), ...answers])
  }

  /** Stores a file sent by a person; returns its media id. */
  readonly hold = (bytes: Uint8Array, mimeType: string, claims?: HeldMedia['claims']): string =>
    this.shelf.hold({ bytes, mimeType, ...(claims && { claims }) })

  /** Removes a file, so that it can no longer be loaded. */
  readonly removeMedia = (id: string): void => this.shelf.remove(id)

  /** Existing links answer 404; new ones can be requested. */
  readonly expireLinks = (): void => this.shelf.expireLinks()

  // ---- Webhooks of Meta ----

  /** Sets the URL of the webhook. */
  readonly connect = (webhookURL: string): void => {
    this.webhookURL = webhookURL
  }

  /**
   * Performs the handshake, as when the URL is set in the app's settings; true if the webhook
   * returned the challenge.
   */
  readonly verify = async (verifyToken = this.verifyToken): Promise<boolean> => {
    const challenge = String(1_158_201_444 + this.count++)
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.verify_token': verifyToken,
      'hub.challenge': challenge,
    })
    const response = await fetch(`${this.target()}?${query}`)
    return response.status === 200 && (await response.text()) === challenge
  }

  /** Delivers messages of people in one webhook; returns the status of the response. */
  readonly deliver = (
    messages: PersonMessage | readonly PersonMessage[],
    options: DeliverOptions = {},
  ): Promise<number> => {
    const list: readonly PersonMessage[] = Array.isArray(messages) ? messages : [messages]
    const whole = list.map((message) => this.complete(message))
    for (const { from, from_user_id, timestamp } of whole) {
      const person = from ?? from_user_id ?? ''
      this.wrote.set(person, Math.max(this.wrote.get(person) ?? 0, Number(timestamp) * 1000))
    }
    return this.post(messagesWebhook({ contacts: contactsOf(whole), messages: whole }, options))
  }

  private complete(message: PersonMessage): PersonMessage {
    return {
      ...(message.from_user_id === undefined && { from: '15550199' }),
      id: `wamid.${++this.count}`,
      timestamp: String(Math.floor(this.now() / 1000)),
      ...message,
    }
  }

  /**
   * Delivers a webhook body: an object, or the exact text. `signature` replaces the valid one;
   * null: none.
   */
  readonly post = async (body: object | string, signature?: string | null): Promise<number> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const status = await this.send(text, this.target(), signature)
    this.last = text
    if (status !== 200 && signature === undefined)
      this.waiting.push({ body: text, since: this.now() })
    return status
  }

  /** Returns the status; 0 without a response. */
  private async send(body: string, url: string, signature?: string | null): Promise<number> {
    const signed = signature === undefined ? signWebhook(body, this.appSecret) : signature
    const headers = {
      'content-type': 'application/json',
      ...(signed !== null && { 'x-hub-signature-256': signed }),
    }
    try {
      const response = await fetch(url, { method: 'POST', headers, body })
      await response.body?.cancel()
      return response.status
    } catch {
      return 0
    }
  }

  /** Sends the last bytes again, even if answered with 200: Meta delivers at least once. */
  readonly redeliver = async (webhookURL = this.target()): Promise<number> => {
    if (this.last === undefined) throw new MisuseError('redeliver(): nothing was delivered before')
    return this.send(this.last, webhookURL)
  }

  /** Sends webhooks not answered with 200 again, as Meta does for 7 days; returns the statuses. */
  readonly retryUndelivered = async (): Promise<readonly number[]> => {
    const due = this.waiting.filter(({ since }) => this.now() - since <= retryForMs)
    this.waiting = []
    return Promise.all(
      due.map(async (waiting) => {
        const status = await this.send(waiting.body, this.target())
        if (status !== 200) this.waiting.push(waiting)
        return status
      }),
    )
  }

  /** Reports the status of a message by webhook: `delivered`, `read`, or `failed` with a code. */
  readonly status = (
    { id, to, phoneNumberId }: SentMessage,
    status: 'sent' | 'delivered' | 'read' | { readonly failed: number },
  ): Promise<number> => {
    const told =
      typeof status === 'string'
        ? { status }
        : { status: 'failed', errors: [webhookError(status.failed)] }
    const timestamp = String(Math.floor(this.now() / 1000))
    const statuses = [{ id, ...told, timestamp, recipient_id: to }]
    return this.post(messagesWebhook({ statuses }, { phoneNumberId }))
  }

  /**
   * Delivers a change of another field:
   * `account('account_update', { event: 'ACCOUNT_RESTRICTION' })`.
   */
  readonly account = (field: string, value: object): Promise<number> =>
    this.post(webhookOf(field, value))

  private target(): string {
    if (this.webhookURL === undefined)
      throw new MisuseError('fakeGraph() has no webhook: graph.connect(url) first')
    return this.webhookURL
  }

  readonly close = (): Promise<void> => close(this.server)

  readonly [Symbol.asyncDispose] = this.close
}

function callOf(path: string, body: JsonObject): GraphCall {
  if (path.includes('/fake-cdn/')) return 'bytes'
  if (!path.endsWith('/messages')) return 'media'
  return body.status === 'read' ? 'typing' : 'message'
}
