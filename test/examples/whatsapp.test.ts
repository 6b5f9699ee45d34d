/** The WhatsApp example in normal operation: handshake, signature, an answer. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { readSettings } from '../../examples/whatsapp/environment.js'
import { fail, messagesWebhook, say, signWebhook } from '../../src/testing/index.js'
import { person, startBot, text } from './whatsapp-bot.js'

describe('the handshake', () => {
  it('returns the challenge to a caller with the token', async () => {
    const { graph } = await startBot()
    expect(await graph.verify()).toBe(true)
  })

  it('rejects all others', async () => {
    const { graph, url } = await startBot()
    expect(await graph.verify('other')).toBe(false)
    expect((await fetch(url)).status).toBe(403)
  })
})

describe('the signature', () => {
  it('that is wrong, or missing, is a 401 and calls no model', async () => {
    const { graph, model, idle } = await startBot()
    const body = JSON.stringify(messagesWebhook({ messages: [{ ...text('Hi'), id: 'wamid.x' }] }))
    const good = signWebhook(body, graph.appSecret)
    const wrong = [
      null,
      '',
      'sha256=',
      good.slice(0, -1),
      good.replace('sha256=', 'sha1='),
      signWebhook(body, 'another secret'),
    ]
    for (const signature of wrong) expect(await graph.post(body, signature)).toBe(401)
    await idle()
    expect(model.requests).toEqual([])
    expect(graph.sent).toEqual([])
  })

  it('covers the exact bytes: the same JSON with other white space does not match', async () => {
    const { graph } = await startBot()
    const body = messagesWebhook({})
    const signature = signWebhook(JSON.stringify(body), graph.appSecret)
    expect(await graph.post(JSON.stringify(body, null, 1), signature)).toBe(401)
  })

  it('of a webhook without messages is a 200 without effect', async () => {
    const { graph, errors } = await startBot()
    for (const body of ['{"entry":[]}', JSON.stringify(messagesWebhook({}))])
      expect(await graph.post(body)).toBe(200)
    expect(errors).toEqual([])
    for (const body of ['no JSON', '{}', '[]', 'null']) expect(await graph.post(body)).toBe(200)
    expect(errors).toHaveLength(4)
    expect(graph.sent).toEqual([])
  })

  it('does not exempt a body that is too large', async () => {
    const { graph } = await startBot()
    expect(await graph.post('x'.repeat(4 * 1024 * 1024))).toBe(413)
  })
})

describe('an answer', () => {
  it('is sent after the typing indicator', async () => {
    const { graph, model, sendToBot } = await startBot()
    model.script(say('Hello yourself.'))
    expect(await sendToBot(text('Hello', { id: 'wamid.1' }))).toBe(200)
    expect(graph.requests.map(({ call }) => call)).toEqual(['typing', 'message'])
    expect(graph.requests.map(({ body }) => body)).toEqual([
      {
        messaging_product: 'whatsapp',
        status: 'read',
        message_id: 'wamid.1',
        typing_indicator: { type: 'text' },
      },
      {
        messaging_product: 'whatsapp',
        recipient_type: 'individual',
        to: person,
        type: 'text',
        text: { preview_url: false, body: 'Hello yourself.' },
      },
    ])
  })

  it('has the history with this number, and with no other', async () => {
    const { model, sendToBot, lastRequest } = await startBot()
    model.script(say('Hello Ana.'), say('You are Ana.'), say('I do not know.'))
    await sendToBot(text('I am Ana'))
    await sendToBot(text('Who am I?'))
    await sendToBot(text('Who am I?', { from: '15550000' }))
    expect(lastRequest(1)).toMatch(/I am Ana.*Hello Ana.*Who am I/)
    expect(lastRequest(2)).not.toContain('Ana')
  })

  it('to an image contains the image', async () => {
    const { graph, model, sendToBot, lastRequest, texts } = await startBot()
    const bytes = Buffer.from('89504e470d0a1a0a', 'hex')
    const id = graph.hold(bytes, 'image/png')
    model.script(say('A square.'))
    await sendToBot({ from: person, type: 'image', image: { id, caption: 'What is this?' } })
    expect(lastRequest()).toContain('What is this?')
    expect(lastRequest()).toContain(`data:image/png;base64,${bytes.toString('base64')}`)
    expect(texts()).toEqual(['A square.'])
  })

  it("that failed is an apology without the provider's message, and not stored", async () => {
    const { model, sendToBot, lastRequest, texts, errors } = await startBot()
    model.script(fail(400, { message: 'internal words' }), say('Better now.'))
    await sendToBot(text('lost'))
    await sendToBot(text('again'))
    expect(texts()).toHaveLength(2)
    expect(texts()[0]).not.toContain('internal words')
    expect(lastRequest()).not.toContain('lost')
    expect(errors).toHaveLength(1)
  })
})

// each starts a process of its own
describe('main.ts', { timeout: 60_000 }, () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  const start = (environment: Record<string, string>) => {
    const { PATH = '' } = process.env
    const args = ['--import', 'tsx', 'examples/whatsapp/main.ts']
    const child = spawn(process.execPath, args, { env: { PATH, ...environment } })
    children.push(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        output += data
      })
    return { child, output: () => output }
  }

  it('without keys it runs the phone simulation', async () => {
    const { child, output } = start({})
    child.stdin.end('Hello bot\n')
    await once(child, 'exit')
    expect(output()).toContain('this is the phone')
    expect(output()).toContain('‹ You said *Hello bot*.')
    expect(child.exitCode).toBe(0)
  })

  it('finding 24: names the missing key, and exits with 1', async () => {
    const { child, output } = start({ WHATSAPP_TOKEN: 'a', WHATSAPP_VERIFY_TOKEN: 'b' })
    await once(child, 'exit')
    expect(output()).toContain('WHATSAPP_APP_SECRET is not set')
    expect(output()).toContain('ANTHROPIC_API_KEY is not set')
    expect(child.exitCode).toBe(1)
  })

  it('finding 24: HOST, PORT and /health; SIGTERM ends it', async () => {
    const { child, output } = start({
      WHATSAPP_TOKEN: 'a',
      WHATSAPP_VERIFY_TOKEN: 'b',
      WHATSAPP_APP_SECRET: 'c',
      ANTHROPIC_API_KEY: 'd',
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE: ':memory:',
    })
    await expect.poll(output, { timeout: 45_000 }).toMatch(/listens on/)
    const [url = ''] = output().match(/http:\/\/127\.0\.0\.1:\d+/) ?? []
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(output()).toMatch(/All is kept in/i)
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  })
})

describe('finding 24: settings', () => {
  const keys = { WHATSAPP_TOKEN: 'a', WHATSAPP_VERIFY_TOKEN: 'b', WHATSAPP_APP_SECRET: 'c' }

  it('none: the phone; some: an error; all: the defaults', () => {
    expect(readSettings({})).toBeUndefined()
    expect(() => readSettings({ ...keys })).toThrow('ANTHROPIC_API_KEY is not set')
    expect(() => readSettings({ ...keys, MODEL: 'gemini/gemini-2.5-flash' })).toThrow(
      'GEMINI_API_KEY or GOOGLE_API_KEY',
    )
    expect(() =>
      readSettings({ ...keys, OPENAI_API_KEY: 'd', MODEL: 'openai/gpt-5', PORT: 'x' }),
    ).toThrow('PORT is a number')
    const settings = readSettings({ ...keys, ANTHROPIC_API_KEY: 'd', GEMINI_API_KEY: 'e' })
    expect(settings).toMatchObject({
      host: '0.0.0.0',
      port: 3000,
      hearModel: 'gemini/gemini-2.5-flash',
    })
  })
})
