/** The fake Graph API over sockets: how it responds to a bot, and what it sends to a webhook. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type FakeGraph,
  type FakeGraphOptions,
  fakeGraph,
  messagesWebhook,
  signWebhook,
} from '../../src/testing/index.js'

let now = 1_700_000_000_000
let graph: FakeGraph
let webhook: Awaited<ReturnType<typeof openWebhook>>

beforeEach(async () => {
  now = 1_700_000_000_000
  await open()
})
afterEach(async () => {
  await Promise.all([graph.close(), webhook.close()])
})

async function open(options: FakeGraphOptions = {}) {
  await graph?.close()
  await webhook?.close()
  graph = await fakeGraph({ now: () => now, ...options })
  webhook = await openWebhook()
  graph.connect(webhook.url)
}

/** A webhook that records what it receives, and responds with a status that the test sets. */
async function openWebhook() {
  const got: { readonly body: string; readonly signature: string | undefined }[] = []
  const answer = { status: 200 }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const header = request.headers['x-hub-signature-256']
    got.push({ body, signature: typeof header === 'string' ? header : undefined })
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams
    const isOurs = query.get('hub.verify_token') === 'fake-verify-token'
    response.writeHead(answer.status).end(isOurs ? query.get('hub.challenge') : '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // a TCP server that listens has an address with a port
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url, got, answer, close, last: () => JSON.parse(got.at(-1)?.body ?? '{}') }
}

const text = (body: string, to: object = { to: '491700' }) => ({
  messaging_product: 'whatsapp',
  ...to,
  type: 'text',
  text: { body },
})
async function send(body: object, token = graph.token) {
  const response = await fetch(`${graph.baseURL}/111/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}
const codeOf = ({ body }: { readonly body: string }) => JSON.parse(body).error.code
const changeOf = (body: { entry: { changes: { value: Record<string, unknown> }[] }[] }) =>
  body.entry[0]?.changes[0]?.value

describe('a message sent by a bot', () => {
  it('is accepted, and answered with a message id', async () => {
    const { status, body } = await send(text('Hi'))
    expect(status).toBe(200)
    const [sent] = graph.sent
    expect(JSON.parse(body).messages).toEqual([{ id: sent?.id }])
    expect(sent).toMatchObject({ to: '491700', phoneNumberId: '111', text: 'Hi' })
  })

  it('reaches a person by id, if there is no number', async () => {
    expect((await send(text('Hi', { recipient: 'US.134' }))).status).toBe(200)
    expect(graph.sent[0]?.to).toBe('US.134')
  })

  it.each([
    ['a wrong token', text('Hi'), 'other', 401, 190],
    ['an empty text', text(''), undefined, 400, 100],
    ['a text that is too long', text('x'.repeat(4097)), undefined, 400, 100],
    ['nobody to send to', text('Hi', {}), undefined, 400, 131008],
    ['another product', { ...text('Hi'), messaging_product: 'sms' }, undefined, 400, 100],
  ])('is rejected: %s', async (_, body, token, status, code) => {
    const answer = await send(body, token)
    expect(answer.status).toBe(status)
    expect(codeOf(answer)).toBe(code)
    expect(graph.sent).toEqual([])
  })

  it('for reading and typing is a success, and no message', async () => {
    const typing = {
      messaging_product: 'whatsapp',
      status: 'read',
      message_id: 'wamid.1',
      typing_indicator: { type: 'text' },
    }
    expect(JSON.parse((await send(typing)).body)).toEqual({ success: true })
    expect(graph.sent).toEqual([])
    expect(graph.requests).toMatchObject([{ call: 'typing', status: 200 }])
  })

  it('counts toward the limit of a pair: a burst of 45, then one per 6 seconds', async () => {
    const codes = []
    for (let i = 0; i < 46; i++) codes.push((await send(text('Hi'))).status)
    expect(codes.filter((status) => status === 200)).toHaveLength(45)
    const over = await send(text('Hi'))
    expect([over.status, codeOf(over)]).toEqual([400, 131056])
    expect((await send(text('Hi', { to: 'other' }))).status).toBe(200)
    now += 6_000
    expect((await send(text('Hi'))).status).toBe(200)
    expect((await send(text('Hi'))).status).toBe(400)
  })

  it('is answered by script: codes with their status, 200 with an error in it, HTML pages', async () => {
    graph.script(
      'message',
      { code: 130429, retryAfter: 2 },
      { code: 131000 },
      { code: 131016 },
      { code: 131000, status: 200 },
      { html: 502 },
      'ok',
    )
    const answers = []
    for (let i = 0; i < 6; i++) answers.push(await send(text('Hi')))
    expect(answers.map(({ status }) => status)).toEqual([429, 500, 503, 200, 502, 200])
    expect(answers[0]?.headers.get('retry-after')).toBe('2')
    expect(answers.slice(0, 4).map(codeOf)).toEqual([130429, 131000, 131016, 131000])
    expect(answers[4]?.body).toContain('<html>')
    expect(graph.sent).toHaveLength(1)
  })

  it('may hang after it is accepted, or break before', async () => {
    graph.script('message', 'hang', 'reset')
    const asked = new Promise<void>((resolve) => graph.onSent(() => resolve()))
    const controller = new AbortController()
    const hanging = fetch(`${graph.baseURL}/111/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${graph.token}` },
      body: JSON.stringify(text('Hi')),
      signal: controller.signal,
    })
    await asked
    controller.abort()
    await expect(hanging).rejects.toThrow()
    await expect(send(text('Hi'))).rejects.toThrow()
    expect(graph.sent).toHaveLength(1)
    expect(graph.requests.map(({ status }) => status)).toEqual([0, 0])
  })
})

describe('files', () => {
  const get = (url: string, token = graph.token) =>
    fetch(url, { headers: { authorization: `Bearer ${token}` } })

  it('are described, and loaded from a link that expires', async () => {
    const id = graph.hold(Buffer.from('OggS'), 'audio/ogg; codecs=opus')
    const about = await (await get(`${graph.baseURL}/${id}`)).json()
    expect(about).toMatchObject({ id, mime_type: 'audio/ogg; codecs=opus', file_size: 4 })
    expect(await (await get(about.url)).text()).toBe('OggS')
    expect((await get(about.url, 'other')).status).toBe(401)
    now += 300_001
    expect((await get(about.url)).status).toBe(404)
    const anew = await (await get(`${graph.baseURL}/${id}`)).json()
    expect((await get(anew.url)).status).toBe(200)
    graph.expireLinks()
    expect((await get(anew.url)).status).toBe(404)
  })

  it('may have a wrong type or size, and be missing', async () => {
    const id = graph.hold(Buffer.alloc(10), 'image/png', { file_size: 1, sha256: 'no' })
    const about = await (await get(`${graph.baseURL}/${id}`)).json()
    expect(about).toMatchObject({ file_size: 1, sha256: 'no' })
    graph.removeMedia(id)
    const gone = await get(`${graph.baseURL}/${id}`)
    expect([gone.status, (await gone.json()).error.code]).toEqual([400, 100])
  })
})

describe('a webhook of Meta', () => {
  it('starts with a handshake', async () => {
    expect(await graph.verify()).toBe(true)
    expect(await graph.verify('other')).toBe(false)
  })

  it('is signed over its bytes', async () => {
    expect(await graph.deliver({ type: 'text', text: { body: 'Grüße' } })).toBe(200)
    const { body, signature } = webhook.got[0] ?? { body: '' }
    expect(signature).toBe(signWebhook(body, graph.appSecret))
    expect(signature).toMatch(/^sha256=[\da-f]{64}$/)
    await graph.post(messagesWebhook({}), 'sha256=00')
    await graph.post(messagesWebhook({}), null)
    expect(webhook.got.slice(1).map((each) => each.signature)).toEqual(['sha256=00', undefined])
  })

  it('is a message of a person with a number, an id, or both', async () => {
    await graph.deliver([
      { type: 'text', text: { body: 'a' } },
      { from_user_id: 'US.1', type: 'text', text: { body: 'b' } },
      { from: '2', from_user_id: 'US.2', type: 'text', text: { body: 'c' } },
    ])
    const value = changeOf(webhook.last())
    expect(value?.messages).toMatchObject([
      { from: '15550199', id: expect.stringMatching(/^wamid\./), timestamp: '1700000000' },
      { from_user_id: 'US.1' },
      { from: '2', from_user_id: 'US.2' },
    ])
    expect(JSON.stringify(value?.messages)).not.toContain('"from":null')
    expect(value?.contacts).toMatchObject([{ wa_id: '15550199' }, { user_id: 'US.1' }, {}])
  })

  it('is sent again, byte for byte', async () => {
    await graph.deliver({ type: 'text', text: { body: 'a' } })
    expect(await graph.redeliver()).toBe(200)
    expect(webhook.got[1]).toEqual(webhook.got[0])
  })

  it('is sent again for seven days until the response is 200', async () => {
    webhook.answer.status = 500
    expect(await graph.deliver({ type: 'text', text: { body: 'a' } })).toBe(500)
    now += 6 * 86_400_000
    expect(await graph.retryUndelivered()).toEqual([500])
    webhook.answer.status = 200
    expect(await graph.retryUndelivered()).toEqual([200])
    expect(await graph.retryUndelivered()).toEqual([])
    expect(new Set(webhook.got.map(({ body }) => body)).size).toBe(1)
    webhook.answer.status = 500
    await graph.deliver({ type: 'text', text: { body: 'b' } })
    now += 8 * 86_400_000
    expect(await graph.retryUndelivered()).toEqual([])
    expect(graph.undelivered).toBe(0)
  })

  it('waits until a server is listening', async () => {
    await webhook.close()
    expect(await graph.deliver({ type: 'text', text: { body: 'a' } })).toBe(0)
    expect(graph.undelivered).toBe(1)
  })

  it('reports the status of a message, and of the account', async () => {
    await send(text('Hi'))
    const [sent] = graph.sent
    if (!sent) throw new Error('nothing was sent')
    await graph.status(sent, 'delivered')
    expect(changeOf(webhook.last())?.statuses).toMatchObject([{ id: sent.id, status: 'delivered' }])
    await graph.status(sent, { failed: 131026 })
    expect(changeOf(webhook.last())?.statuses).toMatchObject([
      { status: 'failed', errors: [{ code: 131026 }] },
    ])
    await graph.account('account_update', { event: 'DISABLED_UPDATE' })
    expect(webhook.last().entry[0].changes).toEqual([
      { field: 'account_update', value: { event: 'DISABLED_UPDATE' } },
    ])
  })

  it('reports a message as failed if its recipient last wrote a day ago', async () => {
    const sixDaysAgo = String(now / 1000 - 6 * 86_400)
    await graph.deliver({ type: 'text', timestamp: sixDaysAgo, text: { body: 'a' } })
    expect((await send(text('Hi', { to: '15550199' }))).status).toBe(200)
    await expect.poll(() => webhook.got.length).toBe(2)
    expect(changeOf(webhook.last())?.statuses).toMatchObject([
      { status: 'failed', errors: [{ code: 131047 }], recipient_id: '15550199' },
    ])
    await graph.deliver({ type: 'text', text: { body: 'b' } })
    await send(text('Hi', { to: '15550199' }))
    expect(webhook.got).toHaveLength(3)
  })

  it('is not sent before a webhook is registered', async () => {
    const other = await fakeGraph()
    await expect(other.deliver({ type: 'text' })).rejects.toThrow('connect')
    await other.close()
  })
})
