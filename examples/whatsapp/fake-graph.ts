/** A Graph API on the loopback interface: keeps what is sent to it, holds pictures, and writes as a phone would. */
import { createServer, type IncomingMessage } from 'node:http'
import { listen } from './listen.js'
import { sign } from './signature.js'

/** A body of `POST /{phone number id}/messages`. */
export interface Sent {
  readonly messaging_product: string
  readonly to?: string
  readonly type?: string
  readonly text?: { readonly body: string }
  readonly status?: string
  readonly message_id?: string
  readonly typing_indicator?: unknown
}

export interface FakeGraph {
  readonly baseURL: string
  readonly token: string
  /** In order of arrival. */
  readonly sent: readonly Sent[]
  /** What `onSent` is told of is in `sent` already. */
  onSent(listener: (sent: Sent) => void): void
  /** Holds a picture; gives its media id. */
  hold(bytes: Uint8Array, type: string): string
  close(): Promise<void>
}

/** Answers as the API does: 401 without the token, 400 for a text it would not take. */
export async function fakeGraph(token = 'fake-token'): Promise<FakeGraph> {
  const sent: Sent[] = []
  const listeners: ((sent: Sent) => void)[] = []
  const pictures = new Map<string, { readonly bytes: Uint8Array; readonly type: string }>()

  const receive = (body: Sent) => {
    const length = body.text?.body.length ?? 1
    if (length < 1 || length > 4096) return Response.json({ error: { code: 100 } }, { status: 400 })
    sent.push(body)
    for (const tell of listeners) tell(body)
    return Response.json({
      messaging_product: 'whatsapp',
      messages: [{ id: `wamid.${sent.length}` }],
    })
  }
  const handle = async (request: IncomingMessage): Promise<Response> => {
    if (request.headers.authorization !== `Bearer ${token}`)
      return Response.json({ error: { code: 190 } }, { status: 401 })
    const [, name = '', action] = (request.url ?? '/').split('/')
    // what is sent here is our own client's
    if (action === 'messages') return receive(JSON.parse(await textOf(request)) as Sent)
    const picture = pictures.get(name)
    if (!picture) return Response.json({ error: { code: 100 } }, { status: 404 })
    const { bytes, type } = picture
    if (action === 'bytes') return new Response(new Uint8Array(bytes))
    const url = `${baseURL}/${name}/bytes`
    return Response.json({ id: name, url, mime_type: type, file_size: bytes.length })
  }
  const server = createServer(async (request, response) => {
    const answer = await handle(request)
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(new Uint8Array(await answer.arrayBuffer()))
  })
  const { url: baseURL, close } = await listen(server)
  return {
    baseURL,
    token,
    sent,
    onSent: (listener) => void listeners.push(listener),
    hold(bytes, type) {
      const id = String(1000 + pictures.size)
      pictures.set(id, { bytes, type })
      return id
    },
    close,
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** The part of a message that says what it is. */
export type Said =
  | { readonly type: 'text'; readonly text: { readonly body: string } }
  | { readonly type: 'image'; readonly image: { readonly id: string; readonly caption?: string } }
  | { readonly type: 'sticker'; readonly sticker: { readonly id: string } }

/** Delivers a message as Meta does; gives the status of the answer. */
export async function deliver(
  url: string,
  secret: string,
  message: Said & { readonly id: string; readonly from: string },
): Promise<number> {
  const body = Buffer.from(JSON.stringify(webhookOf(message)))
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': sign(body, secret) }
  const response = await fetch(url, { method: 'POST', headers, body })
  await response.body?.cancel()
  return response.status
}

/** The body of a webhook with one message. */
export const webhookOf = (message: object) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: '1',
      changes: [
        {
          field: 'messages',
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '15550100', phone_number_id: '106540352242922' },
            messages: [{ timestamp: '1700000000', ...message }],
          },
        },
      ],
    },
  ],
})
