/** Findings 1 to 7 of the WhatsApp bot: no message is lost, no failure is silent. */
import { describe, expect, it } from 'vitest'
import { GraphError } from '../../examples/whatsapp/graph-error.js'
import { createIdle } from '../../examples/whatsapp/idle.js'
import { WebhookError } from '../../examples/whatsapp/webhook.js'
import { fail, messagesWebhook, say } from '../../src/testing/index.js'
import { gate, person, startBot, text } from './whatsapp-bot.js'

describe('finding 1: people with a username', () => {
  it('are read and answered by id', async () => {
    const { graph, model, sendToBot } = await startBot()
    model.script(say('Hello.'))
    await sendToBot({ from_user_id: 'US.134', type: 'text', text: { body: 'Hi' } })
    expect(graph.sent[0]?.body).toMatchObject({ recipient_type: 'individual', recipient: 'US.134' })
    expect(graph.sent[0]?.body).not.toHaveProperty('to')
  })

  it('stay one person when the id replaces the number', async () => {
    const { model, sendToBot, lastRequest } = await startBot()
    model.reply(say('Noted.'))
    await sendToBot(text('I am Ana'))
    await sendToBot(text('And', { from_user_id: 'US.134' }))
    await sendToBot({ from_user_id: 'US.134', type: 'text', text: { body: 'Who am I?' } })
    expect(lastRequest()).toMatch(/I am Ana.*And.*Who am I/)
  })

  it.each([
    ['number', 'user_changed_number', { from: person }, { wa_id: '15559' }, { from: '15559' }],
    [
      'user id',
      'user_changed_user_id',
      { from_user_id: 'US.1' },
      { user_id: 'US.2' },
      { from_user_id: 'US.2' },
    ],
  ])('keep their history with another %s', async (_, type, before, change, after) => {
    const { model, sendToBot, lastRequest, graph } = await startBot()
    model.reply(say('Noted.'))
    const textFrom = (body: string, who: object) => ({ ...who, type: 'text', text: { body } })
    await sendToBot(textFrom('I am Ana', before))
    await sendToBot({ ...before, type: 'system', system: { type, body: 'changed', ...change } })
    await sendToBot(textFrom('Who am I?', after))
    expect(lastRequest()).toMatch(/I am Ana.*Who am I/)
    expect(graph.sent).toHaveLength(2)
  })
})

describe('finding 1: a number that was given up', () => {
  it('belongs to somebody else later, who does not get its history', async () => {
    const { model, sendToBot, lastRequest } = await startBot()
    model.reply(say('Noted.'))
    await sendToBot(text('I am Ana'))
    const change = { type: 'user_changed_number', body: 'changed', wa_id: '15559' }
    const moved = { id: 'wamid.moved', from: person, type: 'system', system: change }
    await sendToBot([moved, moved])
    await sendToBot(text('I am Bo'))
    expect(lastRequest()).not.toContain('Ana')
    await sendToBot(moved)
    await sendToBot(text('Who am I?', { from: '15559' }))
    expect(lastRequest()).toMatch(/I am Ana.*Who am I/)
    expect(lastRequest()).not.toContain('Bo')
    await sendToBot(text('And I?'))
    expect(lastRequest()).toMatch(/I am Bo.*And I/)
  })
})

describe('finding 2: a restart', () => {
  it('loses neither running nor waiting turns, nor the history', async () => {
    const first = await startBot()
    const { graph, model, store } = first
    const { opened, open } = gate()
    model.script(say('Noted.'), say('half').hold(0, opened))
    await first.sendToBot(text('I am Ana'))
    await graph.deliver(text('Who am I?'))
    await model.request(1)
    await graph.deliver(text('Quick!'))
    const finished = first.app.finish()
    expect((await fetch(first.url.replace('webhook', 'health'))).status).toBe(503)
    open()
    await finished
    // running turns were answered; waiting ones are not lost
    expect(first.texts()).toEqual(['Noted.', 'half'])
    const second = await startBot({ with: first, store })
    model.script(say('Here.'))
    const sent = new Promise<void>((resolve) => graph.onSent(() => resolve()))
    await second.app.resume()
    await sent
    expect(second.lastRequest()).toMatch(/I am Ana.*Who am I.*half.*Quick/)
    expect(second.texts()).toEqual(['Noted.', 'half', 'Here.'])
  })
})

describe('a process that dies after a send', () => {
  it('before the turn is stored: the next attempt sends nothing and stores it', async () => {
    const { model, store, sendToBot, lastRequest, texts } = await startBot()
    model.script(say('Once.'), say('Next.'))
    const { append } = store
    const failing = { isOn: true }
    Object.assign(store, {
      append: (...given: Parameters<typeof append>) => {
        const isTurn = given[0].startsWith('conversation:') && given[1].length > 0
        if (!isTurn || !failing.isOn) return append(...given)
        failing.isOn = false
        return Promise.reject(new Error('down'))
      },
    })
    await sendToBot(text('first'))
    await sendToBot(text('second'))
    expect(texts()).toEqual(['Once.', 'Next.'])
    expect(model.requests).toHaveLength(2)
    expect(lastRequest()).toMatch(/first.*Once\..*second/)
  })

  it('when the turn is stored: it is there once', async () => {
    const idle = createIdle()
    const failing = { isOn: true }
    const { graph, model, lastRequest, texts } = await startBot({
      ...idle,
      onOver(messages) {
        if (failing.isOn) {
          failing.isOn = false
          throw new Error('killed')
        }
        idle.onOver(messages)
      },
    })
    model.script(say('Once.'), say('Next.'))
    for (const body of ['first', 'second']) {
      await graph.deliver(text(body))
      await idle.idle()
    }
    expect(texts()).toEqual(['Once.', 'Next.'])
    expect(lastRequest().split('first').length - 1).toBe(1)
  })
})

describe('finding 3: the Graph API rejects a send', () => {
  it.each([
    ['429, by its retry-after', { code: 130429, retryAfter: 1 }, 1000],
    ['a pair limit, by 4^n seconds', { code: 131056 }, 4000],
    ['500', { code: 131000 }, 1000],
    ['503', { code: 131016 }, 1000],
    ['80007', { code: 80007 }, 1000],
    ['4', { code: 4 }, 1000],
    ['a page of a proxy', { html: 502 }, 1000],
  ] as const)('a transient error is repeated: %s', async (_, answer, waitMs) => {
    const { graph, model, sendToBot, texts, waits, errors } = await startBot()
    model.script(say('Hello.'))
    graph.script('message', answer)
    await sendToBot(text('Hi'))
    expect(texts()).toEqual(['Hello.'])
    expect(waits).toEqual([waitMs])
    expect(errors).toEqual([])
    expect(model.requests).toHaveLength(1)
  })

  it('waits longer each time', async () => {
    const { graph, model, sendToBot, texts, waits } = await startBot()
    model.script(say('Hello.'))
    graph.script('message', { code: 131056 }, { code: 131056 }, { code: 131056 })
    await sendToBot(text('Hi'))
    expect(waits).toEqual([4_000, 16_000, 64_000])
    expect(texts()).toEqual(['Hello.'])
  })

  it.each([131047, 131026, 190])(
    'a final error is not repeated, and not stored: %s',
    async (code) => {
      const { graph, model, sendToBot, lastRequest, texts, errors, waits } = await startBot()
      model.script(say('Never seen.'), say('Seen.'))
      graph.script('message', { code })
      await sendToBot(text('first'))
      await sendToBot(text('second'))
      expect(texts()).toEqual(['Seen.'])
      expect(waits).toEqual([])
      expect(errors).toMatchObject([{ name: 'GraphError', code }])
      expect(lastRequest()).not.toContain('Never seen.')
    },
  )

  it('a message that may have arrived is not repeated, is reported, and is stored', async () => {
    const { graph, model, sendToBot, lastRequest, texts, errors } = await startBot({
      timeoutMs: 1_000,
    })
    model.script(say('Once.'), say('Next.'))
    graph.script('message', 'hang')
    await sendToBot(text('first'))
    expect(texts()).toEqual(['Once.'])
    expect(errors).toEqual([expect.any(GraphError)])
    expect(errors).toMatchObject([{ isUnknown: true }])
    await sendToBot(text('second'))
    expect(lastRequest()).toContain('Once.')
  })

  it('of part 2 of 3: it is sent in the next attempt, no part twice, and the model is paid once', async () => {
    const { graph, model, sendToBot, texts } = await startBot()
    const long = Array.from({ length: 260 }, (_, i) => `Sentence ${i} of some length is here.`)
    model.script(say(long.join(' ')))
    // five times: one send and its four repeats
    const down = Array.from({ length: 5 }, () => ({ code: 131016 }) as const)
    graph.script('message', 'ok', ...down)
    await sendToBot(text('Hi'))
    expect(texts()).toHaveLength(3)
    expect(new Set(texts()).size).toBe(3)
    expect(model.requests).toHaveLength(1)
  })

  it('of a part permanently: the history contains what arrived, and no more', async () => {
    const { graph, model, sendToBot, lastRequest, texts, errors } = await startBot()
    const long = `${'First words. '.repeat(320)}\n\n${'Later words. '.repeat(200)}`
    model.script(say(long), say('Yes.'))
    graph.script('message', 'ok', { code: 131026 })
    await sendToBot(text('Hi'))
    await sendToBot(text('Go on'))
    expect(texts()).toHaveLength(2)
    expect(errors).toMatchObject([{ code: 131026 }])
    expect(lastRequest()).toContain('First words.')
    expect(lastRequest()).not.toContain('Later words. Later words.')
  })
})

describe('finding 5: a 200 without success', () => {
  it('with an error inside is that error: repeated by its code', async () => {
    const { graph, model, sendToBot, texts, waits } = await startBot()
    model.script(say('Hello.'))
    graph.script('message', { code: 131000, status: 200 })
    await sendToBot(text('Hi'))
    expect(texts()).toEqual(['Hello.'])
    expect(waits).toEqual([1000])
  })

  it('with an HTML page is reported, and not repeated: the outcome is unknown', async () => {
    const { graph, model, sendToBot, texts, errors } = await startBot()
    model.script(say('Hello.'))
    graph.script('message', { html: 200 })
    await sendToBot(text('Hi'))
    expect(texts()).toEqual([])
    expect(errors).toMatchObject([{ name: 'GraphError', isUnknown: true, status: 200 }])
  })
})

describe('finding 6: failures that arrive later', () => {
  it('a failed status has its code and message', async () => {
    const { graph, model, sendToBot, errors } = await startBot()
    model.script(say('Hello.'))
    await sendToBot(text('Hi'))
    const [sent] = graph.sent
    if (!sent) throw new Error('nothing was sent')
    await graph.status(sent, 'read')
    expect(errors).toEqual([])
    await graph.status(sent, { failed: 131047 })
    expect(errors).toEqual([expect.any(WebhookError)])
    expect(errors).toMatchObject([
      { details: { code: 131047, messageId: sent.id, isAlarm: false } },
    ])
  })

  it('errors and changes of the account are alarms', async () => {
    const { graph, errors } = await startBot()
    await graph.post(messagesWebhook({ errors: [{ code: 131031, title: 'Locked' }] }))
    await graph.account('account_update', { event: 'DISABLED_UPDATE' })
    await graph.account('message_template_status_update', { event: 'APPROVED' })
    expect(errors).toMatchObject([
      { details: { code: 131031, isAlarm: true } },
      { details: { isAlarm: true }, message: expect.stringContaining('DISABLED_UPDATE') },
    ])
  })
})

describe('finding 7: an invalid part does not affect others', () => {
  const good = { id: 'wamid.good', timestamp: '4000000000', ...text('good') }
  const change = (messages: readonly unknown[], id: unknown = '111') => ({
    field: 'messages',
    value: { metadata: { phone_number_id: id }, messages },
  })

  it.each([
    ['an entry without changes', [{ id: '1' }, { changes: [change([good])] }], 1],
    ['changes that are null', [{ changes: null }, { changes: [change([good])] }], 1],
    [
      'a value that is null',
      [{ changes: [{ field: 'messages', value: null }, change([good])] }],
      1,
    ],
    ['a message that is null', [{ changes: [change([null, good])] }], 1],
    ['a message of nobody', [{ changes: [change([{ ...good, from: null, id: 'x' }, good])] }], 1],
    ['a text with an image that is null', [{ changes: [change([{ ...good, image: null }])] }], 0],
    ['a number of ours that is a number', [{ changes: [change([good], 111)] }], 0],
    ['a time that is null', [{ changes: [change([{ ...good, timestamp: null }])] }], 0],
    ['a time that is no number', [{ changes: [change([{ ...good, timestamp: 'now' }])] }], 0],
    ['a context that is a text', [{ changes: [change([{ ...good, context: 'x' }])] }], 0],
  ])('%s', async (_, entry, problems) => {
    const { graph, model, idle, texts, errors } = await startBot()
    model.script(say('Hello.'))
    expect(await graph.post({ object: 'whatsapp_business_account', entry })).toBe(200)
    await idle()
    expect(texts()).toEqual(['Hello.'])
    expect(errors).toHaveLength(problems)
    for (const error of errors) expect(error).toBeInstanceOf(WebhookError)
  })

  it('an image whose caption is null', async () => {
    const { graph, model, sendToBot, texts } = await startBot()
    const id = graph.hold(Buffer.from('89504e47', 'hex'), 'image/png')
    model.script(say('A dot.'))
    await sendToBot({ from: person, type: 'image', image: { id, caption: null } })
    expect(texts()).toEqual(['A dot.'])
  })

  it('a store that is down: not 200, so that it is delivered again', async () => {
    const { graph, model, store, sendToBot, idle, texts, errors } = await startBot()
    model.script(say('Hello.'))
    const { get } = store
    Object.assign(store, { get: () => Promise.reject(new Error('down')) })
    expect(await graph.deliver(text('Hi'))).toBe(503)
    Object.assign(store, { get })
    expect(errors.length).toBeGreaterThan(0)
    expect(await graph.retryUndelivered()).toEqual([200])
    await idle()
    await sendToBot([])
    expect(texts()).toEqual(['Hello.'])
  })
})

describe('finding 22: a provider that is down', () => {
  it('causes one apology for all waiting messages, and for a minute', async () => {
    const { model, sendToBot, texts } = await startBot({ inbox: { quietMs: 0 } })
    model.reply(fail(400, { message: 'no' }))
    for (const body of ['1', '2', '3', '4']) await sendToBot(text(body))
    expect(texts()).toHaveLength(1)
  })
})
