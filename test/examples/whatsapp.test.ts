/** The WhatsApp example over sockets: a signed webhook goes in, messages of a fake Graph API come out. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AppOptions, createApp } from '../../examples/whatsapp/app.js'
import {
  deliver,
  type FakeGraph,
  fakeGraph,
  type Said,
  webhookOf,
} from '../../examples/whatsapp/fake-graph.js'
import { listen } from '../../examples/whatsapp/listen.js'
import { sign } from '../../examples/whatsapp/signature.js'
import { maxLength, splitText } from '../../examples/whatsapp/split-text.js'
import { openai } from '../../src/providers/openai/index.js'
import { fail, type MockServer, mockServer, say } from '../../src/testing/index.js'

const appSecret = 'secret-of-the-app'
const from = '491701234567'
const text = (body: string): Said => ({ type: 'text', text: { body } })

let model: MockServer
let graph: FakeGraph
let errors: unknown[]
const closing: (() => Promise<void>)[] = []

beforeEach(async () => {
  model = await mockServer()
  graph = await fakeGraph()
  errors = []
  closing.push(model.close, graph.close)
})
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

async function start(options: Partial<AppOptions> = {}) {
  const app = createApp({
    appSecret,
    verifyToken: 'hello-meta',
    graph,
    model: 'openai/gpt-4.1-mini',
    providers: [openai(model.options('openai'))],
    onError: (error) => void errors.push(error),
    ...options,
  })
  const { url, close } = await listen(app.server)
  closing.push(close)
  let count = 0
  return {
    url: `${url}/webhook`,
    idle: app.idle,
    /** Delivers, and waits until it is answered. */
    async tell(said: Said, { id = `wamid.${++count}`, phone = from } = {}) {
      const status = await deliver(`${url}/webhook`, appSecret, { ...said, id, from: phone })
      await app.idle()
      return status
    },
  }
}

const texts = () => graph.sent.flatMap((sent) => sent.text?.body ?? [])

describe('the handshake', () => {
  it('gives the challenge back to who knows the token', async () => {
    const { url } = await start()
    const query = 'hub.mode=subscribe&hub.verify_token=hello-meta&hub.challenge=1158201444'
    const response = await fetch(`${url}?${query}`)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('1158201444')
  })

  it('refuses everybody else', async () => {
    const { url } = await start()
    for (const query of ['', '?hub.mode=subscribe&hub.verify_token=other&hub.challenge=1'])
      expect((await fetch(url + query)).status).toBe(403)
  })
})

describe('the signature', () => {
  const body = JSON.stringify(webhookOf({ ...text('Hi'), id: 'wamid.x', from }))
  const post = (url: string, signature?: string, content = body) =>
    fetch(url, {
      method: 'POST',
      body: content,
      headers: signature === undefined ? {} : { 'x-hub-signature-256': signature },
    })

  it('that is wrong, or missing, is a 401 and asks no model', async () => {
    const { url, idle } = await start()
    const good = sign(Buffer.from(body), appSecret)
    for (const signature of [
      undefined,
      '',
      'sha256=',
      good.slice(0, -1),
      good.replace('sha256=', 'sha1='),
      sign(Buffer.from(body), 'another secret'),
    ])
      expect((await post(url, signature)).status).toBe(401)
    await idle()
    expect(model.requests).toEqual([])
    expect(graph.sent).toEqual([])
  })

  it('is of the very bytes: the same JSON with other spaces does not fit', async () => {
    const { url } = await start()
    const spaced = JSON.stringify(JSON.parse(body), null, 1)
    expect((await post(url, sign(Buffer.from(body), appSecret), spaced)).status).toBe(401)
  })

  it('of what brings no message is a 200 that nothing comes of', async () => {
    const { url, idle } = await start()
    const receipt = webhookOf({})
    for (const content of ['no JSON', '{}', '[]', 'null', JSON.stringify(receipt)])
      expect((await post(url, sign(Buffer.from(content), appSecret), content)).status).toBe(200)
    await idle()
    expect(graph.sent).toEqual([])
    expect(errors).toEqual([])
  })

  it('does not save a body that is too large', async () => {
    const { url } = await start()
    const content = 'x'.repeat(4 * 1024 * 1024)
    expect((await post(url, sign(Buffer.from(content), appSecret), content)).status).toBe(413)
  })
})

describe('an answer', () => {
  it('comes after the sign that somebody types', async () => {
    const { tell } = await start()
    const typed = new Promise<void>((resolve) => graph.onSent(() => resolve()))
    model.script(() => typed.then(() => say('Hello yourself.')))
    expect(await tell(text('Hello'))).toBe(200)
    expect(graph.sent).toEqual([
      {
        messaging_product: 'whatsapp',
        status: 'read',
        message_id: 'wamid.1',
        typing_indicator: { type: 'text' },
      },
      {
        messaging_product: 'whatsapp',
        recipient_type: 'individual',
        to: from,
        type: 'text',
        text: { preview_url: false, body: 'Hello yourself.' },
      },
    ])
  })

  it('is given once, however often the message is delivered', async () => {
    const { url, tell, idle } = await start()
    model.script(say('Once.'))
    const message = { ...text('Hello'), id: 'wamid.same', from }
    const both = [1, 2].map(() => deliver(url, appSecret, message))
    expect(await Promise.all(both)).toEqual([200, 200])
    await idle()
    expect(await tell(text('Hello'), { id: 'wamid.same' })).toBe(200)
    expect(model.requests).toHaveLength(1)
    expect(texts()).toEqual(['Once.'])
  })

  it('that is long goes out in parts that end with a sentence', async () => {
    const { tell } = await start()
    const sentences = Array.from({ length: 300 }, (_, i) => `Sentence ${i} has a few words in it.`)
    model.script(say(sentences.join(' ')))
    await tell(text('Tell me all'))
    expect(texts().length).toBe(3)
    for (const part of texts()) {
      expect(part.length).toBeLessThanOrEqual(maxLength)
      expect(part).toMatch(/^Sentence .*it\.$/)
    }
    expect(texts().join(' ')).toBe(sentences.join(' '))
  })

  it('knows what was said before with this number, and with no other', async () => {
    const { tell } = await start()
    model.script(say('Hello Ana.'), say('You are Ana.'), say('I do not know.'))
    await tell(text('I am Ana'))
    await tell(text('Who am I?'))
    await tell(text('Who am I?'), { phone: '15550000' })
    expect(JSON.stringify(model.requests[1]?.body.input)).toMatch(/I am Ana.*Hello Ana.*Who am I/)
    expect(JSON.stringify(model.requests[2]?.body.input)).not.toContain('Ana')
  })

  it('to the second of two quick messages knows the first', async () => {
    const { url, idle } = await start()
    let open = () => {}
    const first = new Promise<void>((resolve) => {
      open = resolve
    })
    model.script(say('One.').hold(0, first), say('Two.'))
    await deliver(url, appSecret, { ...text('first'), id: 'wamid.a', from })
    await deliver(url, appSecret, { ...text('second'), id: 'wamid.b', from })
    open()
    await idle()
    expect(texts()).toEqual(['One.', 'Two.'])
    expect(JSON.stringify(model.requests[1]?.body.input)).toMatch(/first.*One\..*second/)
  })

  it('to a picture is of the picture', async () => {
    const { tell } = await start()
    const bytes = Buffer.from('89504e470d0a1a0a', 'hex')
    const id = graph.hold(bytes, 'image/png')
    model.script(say('A square.'))
    await tell({ type: 'image', image: { id, caption: 'What is this?' } })
    const sent = JSON.stringify(model.requests[0]?.body.input)
    expect(sent).toContain('What is this?')
    expect(sent).toContain(`data:image/png;base64,${bytes.toString('base64')}`)
    expect(texts()).toEqual(['A square.'])
  })

  it('to a picture that is none, or is gone, is an apology', async () => {
    const { tell } = await start()
    const id = graph.hold(new Uint8Array(1), 'text/html')
    await tell({ type: 'image', image: { id } })
    await tell({ type: 'image', image: { id: 'gone' } })
    expect(model.requests).toEqual([])
    expect(texts()).toHaveLength(2)
    expect(errors).toHaveLength(2)
  })

  it('to what we cannot read says so, and costs nothing', async () => {
    const { tell } = await start()
    await tell({ type: 'sticker', sticker: { id: '1' } })
    expect(model.requests).toEqual([])
    expect(texts()).toEqual(['I can read text and pictures only.'])
  })

  it('that failed is an apology without the words of the provider, and no part of the history', async () => {
    const { tell } = await start()
    model.script(fail(400, { message: 'internal words' }), say('Better now.'))
    await tell(text('lost'))
    await tell(text('again'))
    expect(texts()).toHaveLength(2)
    expect(texts()[0]).not.toContain('internal words')
    expect(JSON.stringify(model.requests[1]?.body.input)).not.toContain('lost')
    expect(errors).toHaveLength(1)
  })
})

describe('the cap', () => {
  const dear = say('Dear.', { usage: { prompt_tokens: 1_000_000, completion_tokens: 1 } })

  it('ends the answers of the number that has spent it, and of no other', async () => {
    const { tell } = await start({ capUsd: 0.1 })
    model.script(dear, say('For the other.'))
    await tell(text('one'))
    await tell(text('two'))
    await tell(text('three'), { phone: '15550000' })
    expect(model.requests).toHaveLength(2)
    expect(texts()).toEqual(['Dear.', expect.stringContaining('tomorrow'), 'For the other.'])
    expect(errors).toEqual([])
  })

  it('counts a model whose price nobody knows', async () => {
    const { tell } = await start({ capUsd: 0.1, model: 'openai/nobody-knows-me' })
    model.script(dear)
    await tell(text('one'))
    await tell(text('two'))
    expect(model.requests).toHaveLength(1)
  })
})

describe('splitting a text', () => {
  it('leaves a short one whole, and makes nothing of nothing', () => {
    expect(splitText('Hello. You.', 11)).toEqual(['Hello. You.'])
    expect(splitText(' \n')).toEqual([])
  })

  it('cuts at sentences, else at words, else at characters', () => {
    expect(splitText('One two. Three four. Five.', 14)).toEqual([
      'One two.',
      'Three four.',
      'Five.',
    ])
    expect(splitText('One two three four five six', 10)).toEqual([
      'One two',
      'three four',
      'five six',
    ])
    expect(splitText('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij'])
  })

  it('never cuts a character, be it of many code points', () => {
    const family = '👨‍👩‍👧‍👦'
    expect(splitText(family.repeat(3), 25)).toEqual([family.repeat(2), family])
    for (const part of splitText(`e${'\u0301'.repeat(50)}😀😀😀`, 9)) {
      expect(part.length).toBeLessThanOrEqual(9)
      expect(() => encodeURIComponent(part)).not.toThrow()
    }
  })

  it('loses nothing but white space', () => {
    const long = `${'word '.repeat(3000)}\n\n${' '.repeat(9000)}${'x'.repeat(9000)} ünd. Ende!`
    const parts = splitText(long)
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(maxLength)
    expect(parts.join('').replaceAll(/\s/g, '')).toBe(long.replaceAll(/\s/g, ''))
  })
})
