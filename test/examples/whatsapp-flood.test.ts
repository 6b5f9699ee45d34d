/** Findings 4 and 17 to 25 of the WhatsApp bot: blocking, flooding and costs. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { words } from '../../examples/whatsapp/words.js'
import { createInbox } from '../../src/inbox/index.js'
import { memoryStore } from '../../src/store/index.js'
import { fail, say } from '../../src/testing/index.js'
import { gate, person, startBot, text } from './whatsapp-bot.js'

const png = (size = 8) =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(size)])
const image = (id: string, caption?: string) => ({
  from: person,
  type: 'image',
  image: { id, ...(caption && { caption }) },
})
const dear = say('Dear.', { usage: { prompt_tokens: 1_000_000, completion_tokens: 1 } })

it('finding 4: a provider that stalls after its headers ends at the deadline', async () => {
  const { model, sendToBot, texts, errors } = await startBot({ deadlineMs: 2_000 })
  model.script(say('Never.').stall(0), say('Hello.'))
  await sendToBot(text('Hi'))
  expect(texts()).toEqual([words.sorry])
  expect(errors).toMatchObject([{ name: 'TimeoutError', phase: 'deadline' }])
  await sendToBot(text('Hi'))
  expect(texts()).toEqual([words.sorry, 'Hello.'])
})

describe('finding 17: a limit on work', () => {
  it('a webhook with 300 people opens no more calls than its concurrency', async () => {
    const { graph, model, idle } = await startBot({ inbox: { concurrency: 5 }, capAllUsd: 1000 })
    let most = 0
    model.reply(() => {
      most = Math.max(most, model.open)
      return say('Hello.')
    })
    await graph.deliver(Array.from({ length: 300 }, (_, i) => text('Hi', { from: `1555${i}` })))
    await idle()
    expect(graph.sent).toHaveLength(300)
    expect(most).toBeLessThanOrEqual(5)
  })

  it('a number that floods has a limited queue, and receives one notice', async () => {
    const { graph, model, idle, texts } = await startBot({ inbox: { maxWaiting: 4 } })
    const { opened, open } = gate()
    model.script(say('One.').hold(0, opened))
    model.reply(say('All.'))
    await graph.deliver(text('first'))
    await model.request(0)
    for (let i = 0; i < 20; i++) await graph.deliver(text(`more ${i}`))
    expect(texts()).toEqual([words.moment])
    open()
    await idle()
    expect(texts()).toEqual([words.moment, 'One.', 'All.'])
    expect(model.requests).toHaveLength(2)
  })

  it('is that of the inbox by default: 50', () => {
    expect(() =>
      createInbox({
        store: memoryStore(),
        id: String,
        key: String,
        answer: () => {},
        concurrency: 0,
      }),
    ).toThrow('concurrency')
  })
})

it('finding 18: an image is sent with its own turn; later turns have a line, and so has the store', async () => {
  const { graph, model, store, sendToBot, lastRequest } = await startBot()
  model.reply(say('Nice.'))
  const id = graph.hold(png(100_000), 'image/png')
  await sendToBot([image(id, 'my cat'), image(id, 'my dog')])
  expect(lastRequest(0).split('data:image/png').length - 1).toBe(2)
  await sendToBot(text('thanks'))
  expect(lastRequest()).not.toContain('data:image')
  expect(lastRequest()).toMatch(/my cat.*\[image\]/)
  const [number] = graph.sent.map((sent) => sent.phoneNumberId)
  const kept = (await store.read(`conversation:${number}:${person}`, 0)).join('')
  expect(kept).toContain('my cat')
  expect(kept.length).toBeLessThan(2_000)
})

describe('finding 20: the caps', () => {
  it('end the responses of people who have reached theirs, and of no others; notified once', async () => {
    const { model, sendToBot, texts, errors } = await startBot({ capUsd: 0.1 })
    model.script(dear, say('For the other.'))
    for (const body of ['one', 'two', 'three', 'four']) await sendToBot(text(body))
    await sendToBot(text('one'), { phoneNumberId: '106540352242922' })
    await sendToBot(text('hello', { from: '15550000' }))
    expect(texts()).toEqual(['Dear.', words.capped, 'For the other.'])
    expect(model.requests).toHaveLength(2)
    expect(errors).toEqual([])
  })

  it('hold over a restart and over processes', async () => {
    const first = await startBot({ capUsd: 0.1 })
    first.model.script(dear)
    await first.sendToBot(text('one'))
    const second = await startBot({ with: first, capUsd: 0.1 })
    first.graph.connect(second.url)
    await second.sendToBot(text('two'))
    expect(first.model.requests).toHaveLength(1)
    expect(first.texts()).toEqual(['Dear.', words.capped])
  })

  it('apply to all people together', async () => {
    const { model, sendToBot, texts } = await startBot({ capUsd: 100, capAllUsd: 0.1 })
    model.script(dear)
    await sendToBot(text('one'))
    for (const from of ['1', '2']) await sendToBot(text('two', { from }))
    expect(model.requests).toHaveLength(1)
    expect(texts()).toEqual(['Dear.', words.capped, words.capped])
  })

  it('count a model without a price', async () => {
    const { model, sendToBot, texts } = await startBot({
      capUsd: 0.1,
      model: 'openai/nobody-knows-me',
    })
    model.script(dear)
    await sendToBot(text('one'))
    await sendToBot(text('two'))
    expect(model.requests).toHaveLength(1)
    expect(texts()).toEqual(['Dear.', words.capped])
  })
})

it('finding 21: a long answer is at most three parts, then the person is asked', async () => {
  const { model, sendToBot, texts, lastRequest } = await startBot()
  const sentences = Array.from({ length: 900 }, (_, i) => `Sentence ${i} has a few words in it.`)
  model.script(say(sentences.join(' ')), say('The rest.'))
  await sendToBot(text('Tell me all'))
  expect(texts()).toHaveLength(3)
  for (const part of texts()) expect(part.length).toBeLessThanOrEqual(4096)
  expect(texts()[2]).toContain(words.goOn)
  await sendToBot(text('yes'))
  // the history ends where the person stopped reading
  expect(lastRequest()).toContain(words.goOn)
  expect(lastRequest()).not.toContain('Sentence 899')
})

describe('finding 23: unusable files', () => {
  it.each([
    ['too large', () => png(6 * 1024 * 1024), {}, words.tooLarge],
    ['too large, told small', () => png(6 * 1024 * 1024), { file_size: 1000 }, words.tooLarge],
    ['no picture', () => Buffer.from('<html>'), {}, words.unreadable],
    [
      'other bytes than were signed',
      () => png(),
      { sha256: createHash('sha256').digest('hex') },
      words.gone,
    ],
  ])('%s', async (_, bytes, claims, expected) => {
    const { graph, model, sendToBot, texts, errors } = await startBot()
    const id = graph.hold(bytes(), 'image/png', claims)
    await sendToBot(image(id))
    expect(texts()).toEqual([expected])
    expect(model.requests).toEqual([])
    expect(errors).toMatchObject([{ name: 'MediaError' }])
  })

  it('that no longer exist', async () => {
    const { sendToBot, texts } = await startBot()
    await sendToBot(image('404'))
    expect(texts()).toEqual([words.gone])
  })

  it('an expired link is requested again', async () => {
    const { graph, model, sendToBot, texts } = await startBot()
    model.script(say('A cat.'))
    const id = graph.hold(png(), 'image/png')
    graph.onRequest(({ call }) => {
      if (call === 'media' && graph.requests.filter((one) => one.call === 'media').length === 1)
        graph.expireLinks()
    })
    await sendToBot(image(id))
    expect(texts()).toEqual(['A cat.'])
    expect(graph.requests.filter(({ call }) => call === 'media')).toHaveLength(2)
  })

  it('beside a question, the model is informed', async () => {
    const { model, sendToBot, lastRequest, texts } = await startBot()
    model.script(say('Send it again, please.'))
    await sendToBot([image('404'), text('What is it?')])
    expect(lastRequest()).toMatch(/\[image: I could not open that.*What is it/)
    expect(texts()).toEqual(['Send it again, please.'])
  })
})

describe('finding 25: errors contain the remedy', () => {
  it('an expired token costs no model call, and is an alarm', async () => {
    const { graph, model, sendToBot, errors } = await startBot()
    graph.script('typing', { code: 190 }, { code: 190 }, { code: 190 })
    await sendToBot(text('Hi'))
    expect(model.requests).toEqual([])
    expect(errors).toMatchObject([{ name: 'GraphError', code: 190, status: 401, isAlarm: true }])
  })

  it('a failing typing indicator neither prevents an answer nor is reported', async () => {
    const { graph, model, sendToBot, texts, errors } = await startBot()
    graph.script('typing', { code: 131000 })
    model.script(say('Hello.'))
    await sendToBot(text('Hi'))
    expect(texts()).toEqual(['Hello.'])
    expect(errors).toEqual([])
  })

  it('an error has its code in the message', async () => {
    const { graph, model, sendToBot, errors } = await startBot()
    graph.script('message', { code: 131026 })
    model.script(say('Hello.'))
    await sendToBot(text('Hi'))
    expect(String(errors[0])).toMatch(/400, code 131026 from \/v[\d.]+\/\d+\/messages/)
  })
})

it('findings 19 and 22: a slow or failing person blocks no others', async () => {
  const { graph, model, idle, texts } = await startBot()
  const { opened, open } = gate()
  model.script(say('Slow.').hold(0, opened), fail(400), say('Quick.'))
  await graph.deliver(text('a', { from: '1' }))
  await model.request(0)
  await graph.deliver(text('b', { from: '2' }))
  await expect.poll(texts).toEqual([words.sorry])
  await graph.deliver(text('c', { from: '3' }))
  await expect.poll(texts).toEqual([words.sorry, 'Quick.'])
  open()
  await idle()
  expect(texts()).toEqual([words.sorry, 'Quick.', 'Slow.'])
})
