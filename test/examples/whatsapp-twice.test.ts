/** Findings 8 to 16 of the WhatsApp bot: one answer each, and only to messages that need one. */
import { describe, expect, it } from 'vitest'
import { messagesWebhook, type PersonMessage, say } from '../../src/testing/index.js'
import { gate, person, startBot, text } from './whatsapp-bot.js'

const hour = 3600

describe('finding 8: the same message again', () => {
  it('after a restart, at another process, at two at once, after 10,000 others: one answer', async () => {
    const first = await startBot()
    const { graph, model, store } = first
    model.script(say('Once.'))
    await first.sendToBot(text('Hello'))
    const second = await startBot({ with: first, store })
    const other = { url: second.url }
    const again = await Promise.all([
      graph.redeliver(),
      graph.redeliver(other.url),
      graph.redeliver(other.url),
    ])
    expect(again).toEqual([200, 200, 200])
    await Promise.all([first.idle(), second.idle()])
    // its turn would come before that of the next message
    model.script(say('Next.'))
    await first.sendToBot(text('Next'))
    expect(model.requests).toHaveLength(2)
    expect(first.texts()).toEqual(['Once.', 'Next.'])
  })
})

describe('finding 9: two processes', () => {
  it('share the history', async () => {
    const first = await startBot()
    const second = await startBot({ with: first })
    first.model.script(say('One.'), say('Two.'))
    await first.sendToBot(text('one'))
    first.graph.connect(second.url)
    await second.sendToBot(text('two'))
    expect(second.lastRequest()).toMatch(/one.*One\..*two/)
  })

  it('answer one person sequentially', async () => {
    const first = await startBot()
    const second = await startBot({ with: first })
    const { graph, model } = first
    const { opened, open } = gate()
    model.script(say('One.').hold(0, opened), say('Two.'))
    await graph.deliver(text('one'))
    await model.request(0)
    graph.connect(second.url)
    await graph.deliver(text('two'))
    expect(model.requests).toHaveLength(1)
    open()
    await expect.poll(first.texts).toEqual(['One.', 'Two.'])
    expect(second.lastRequest()).toMatch(/one.*One\..*two/)
  })
})

describe('finding 10: several short messages', () => {
  const bodies = ['hi', 'i ordered', 'shoes', 'size 43', 'where are they?']

  it('are one question', async () => {
    const { model, sendToBot, lastRequest, texts } = await startBot({ inbox: { quietMs: 50 } })
    model.script(say('In the post.'))
    await sendToBot(bodies.map((body) => text(body)))
    expect(model.requests).toHaveLength(1)
    expect(lastRequest()).toMatch(new RegExp(bodies.join('.*').replace('?', '\\?')))
    expect(texts()).toEqual(['In the post.'])
  })

  it('that arrive while an answer is generated are the next', async () => {
    const { graph, model, idle, texts } = await startBot()
    const { opened, open } = gate()
    model.script(say('Yes?').hold(0, opened), say('In the post.'))
    await graph.deliver(text('hi'))
    await model.request(0)
    for (const body of bodies.slice(1)) await graph.deliver(text(body))
    open()
    await idle()
    expect(texts()).toEqual(['Yes?', 'In the post.'])
    expect(model.requests).toHaveLength(2)
  })
})

describe('finding 11: messages that are no question', () => {
  it.each<[string, PersonMessage]>([
    ['a reaction', { type: 'reaction', reaction: { message_id: 'wamid.1', emoji: '👍' } }],
    ['a reaction that was removed', { type: 'reaction', reaction: { message_id: 'wamid.1' } }],
    ['a system message', { type: 'system', system: { type: 'customer_identity_changed' } }],
    ['an unsupported one', { type: 'unsupported', errors: [{ code: 131051 }] }],
    ['a request to chat', { type: 'request_welcome' }],
    ['a type of tomorrow', { type: 'hologram', hologram: {} }],
  ])('%s is not marked as read, typed for or answered', async (_, message) => {
    const { graph, model, sendToBot, lastRequest, errors } = await startBot()
    model.script(say('Hello.'))
    await sendToBot({ from: person, id: 'wamid.odd', ...message })
    await sendToBot(text('Hi', { id: 'wamid.text' }))
    expect(graph.requests.map(({ body }) => body.message_id ?? body.to)).toEqual([
      'wamid.text',
      person,
    ])
    expect(lastRequest()).not.toContain('emoji')
    expect(errors).toEqual([])
  })

  const edit = (id: string, body: string) => ({
    from: person,
    type: 'edit',
    edit: { original_message_id: id, message: { type: 'text', text: { body } } },
  })
  const secondsAgo = (seconds: number) => String(Date.now() / 1000 - seconds)
  const revoke = (id: string) => ({
    from: person,
    type: 'revoke',
    revoke: { original_message_id: id },
  })

  it('an edit replaces the text while it waits, and in the history', async () => {
    const { model, sendToBot, lastRequest } = await startBot()
    model.reply(say('Noted.'))
    await sendToBot([text('sive 43', { id: 'wamid.a' }), edit('wamid.a', 'size 43')])
    expect(lastRequest()).toContain('size 43')
    expect(lastRequest()).not.toContain('sive 43')
    await sendToBot(edit('wamid.a', 'size 44'))
    await sendToBot(text('Which size?'))
    expect(lastRequest()).toMatch(/size 44.*Which size/)
    expect(lastRequest()).not.toContain('size 43')
    expect(model.requests).toHaveLength(2)
  })

  it('edits that come twice or late change nothing: the latest counts, a deletion is final', async () => {
    const { sendToBot, model, lastRequest } = await startBot()
    model.reply(say('Noted.'))
    const early = { ...edit('wamid.a', 'size 43'), timestamp: secondsAgo(60) }
    const late = { ...edit('wamid.a', 'size 44'), timestamp: secondsAgo(30) }
    // before the message it edits
    await sendToBot(late)
    await sendToBot(text('size 42', { id: 'wamid.a' }))
    expect(lastRequest()).toContain('size 44')
    await sendToBot(early)
    await sendToBot(text('Which size?'))
    expect(lastRequest()).toContain('size 44')
    expect(lastRequest()).not.toMatch(/size 4[23]/)
    await sendToBot(revoke('wamid.a'))
    await sendToBot([early, late])
    await sendToBot(text('And now?', { context: { id: 'wamid.a' } }))
    expect(lastRequest()).not.toContain('size 4')
    expect(lastRequest()).toContain('taken back')
  })

  it('an edited caption keeps its picture', async () => {
    const { graph, model, sendToBot, lastRequest } = await startBot()
    model.reply(say('A dot.'))
    const id = graph.hold(Buffer.from('89504e47', 'hex'), 'image/png')
    const image = { type: 'image', image: { id, caption: 'Waht is it?' } }
    const message = { type: 'image', image: { id, caption: 'What is it?' } }
    await sendToBot([
      { from: person, id: 'wamid.a', ...image },
      { from: person, type: 'edit', edit: { original_message_id: 'wamid.a', message } },
    ])
    expect(lastRequest()).toMatch(/What is it.*data:image\/png/)
    expect(lastRequest()).not.toContain('Waht')
  })

  it('a deleted message is removed from the queue and the history', async () => {
    const { graph, model, sendToBot, lastRequest } = await startBot()
    model.reply(say('Noted.'))
    await sendToBot([text('my PIN is 1234', { id: 'wamid.a' }), revoke('wamid.a')])
    expect(graph.requests).toEqual([])
    await sendToBot([text('my PIN is 5678', { id: 'wamid.b' }), text('Hi')])
    await sendToBot(revoke('wamid.b'))
    await sendToBot(text('What is my PIN?'))
    expect(lastRequest()).not.toMatch(/1234|5678/)
    expect(lastRequest()).toContain('taken back')
  })
})

describe('finding 12: every type with content', () => {
  it.each<[string, object, string]>([
    [
      'button_reply',
      {
        type: 'interactive',
        interactive: { type: 'button_reply', button_reply: { id: 'y', title: 'Yes, please' } },
      },
      'Yes, please',
    ],
    [
      'list_reply',
      {
        type: 'interactive',
        interactive: { list_reply: { id: '1', title: 'Monday', description: '9 am' } },
      },
      'Monday: 9 am',
    ],
    [
      'nfm_reply',
      { type: 'interactive', interactive: { nfm_reply: { response_json: '{"size":43}' } } },
      'size',
    ],
    [
      'button',
      { type: 'button', button: { payload: 'p', text: 'Track my order' } },
      'Track my order',
    ],
    [
      'location',
      { type: 'location', location: { latitude: 52.5, longitude: 13.4, name: 'Shop' } },
      'location Shop 52.5, 13.4',
    ],
    [
      'contacts',
      {
        type: 'contacts',
        contacts: [{ name: { formatted_name: 'Bo' }, phones: [{ phone: '+49 1' }] }],
      },
      'contacts Bo +49 1',
    ],
    [
      'order',
      {
        type: 'order',
        order: {
          product_items: [
            { product_retailer_id: 'shoe', quantity: 2, item_price: 10, currency: 'USD' },
          ],
          text: 'by Friday',
        },
      },
      '2 × shoe 10 USD by Friday',
    ],
    ['video', { type: 'video', video: { id: '1', caption: 'Look' } }, 'video Look'],
    ['sticker', { type: 'sticker', sticker: { id: '1' } }, '[sticker]'],
  ])('%s', async (_, message, expected) => {
    const { model, sendToBot, lastRequest, texts } = await startBot()
    model.script(say('Noted.'))
    // a message of the Cloud API
    await sendToBot({ from: person, ...message } as PersonMessage)
    expect(lastRequest()).toContain(expected)
    expect(texts()).toEqual(['Noted.'])
  })

  it('a PDF is a file', async () => {
    const { graph, model, sendToBot, lastRequest } = await startBot()
    const id = graph.hold(Buffer.from('%PDF-1.7 bill'), 'application/pdf')
    model.script(say('A bill.'))
    await sendToBot({
      from: person,
      type: 'document',
      document: { id, filename: 'bill.pdf', caption: 'What is it?' },
    })
    expect(lastRequest()).toContain('bill.pdf')
    expect(lastRequest()).toContain('data:application/pdf;base64')
    expect(lastRequest()).toContain('What is it?')
  })

  it('a quoted message is included, from either side', async () => {
    const { graph, model, sendToBot, lastRequest } = await startBot()
    model.reply(say('Blue or red?'))
    await sendToBot(text('The shoes with laces', { id: 'wamid.mine' }))
    const id = graph.sent[0]?.id
    await sendToBot(text('The first', { context: { from: '1', id } }))
    expect(lastRequest()).toContain('[about: Blue or red?]')
    await sendToBot(text('How much?', { context: { from: person, id: 'wamid.mine' } }))
    expect(lastRequest()).toContain('[about: The shoes with laces]')
    await sendToBot(text('And?', { context: { id: 'wamid.nobody-knows' } }))
    expect(graph.sent).toHaveLength(4)
  })
})

describe('finding 13: groups', () => {
  const inGroup = text('Hi all', { group_id: 'group-1' })

  it('are ignored', async () => {
    const { graph, model, sendToBot, lastRequest } = await startBot()
    model.script(say('Hello.'))
    await sendToBot(inGroup)
    await sendToBot(text('Private'))
    expect(graph.sent).toHaveLength(1)
    expect(lastRequest()).not.toContain('Hi all')
  })

  it('or answered in the group, separate from private chats', async () => {
    const { graph, model, sendToBot, lastRequest } = await startBot({ groups: true })
    model.reply(say('Hello.'))
    await sendToBot(inGroup)
    await sendToBot(text('Private'))
    expect(graph.sent[0]?.body).toMatchObject({ recipient_type: 'group', to: 'group-1' })
    expect(graph.sent[1]?.body).toMatchObject({ recipient_type: 'individual', to: person })
    expect(lastRequest()).not.toContain('Hi all')
  })
})

it.each(['standby', 'history', 'smb_message_echoes'])(
  'finding 14: messages of the field %s are answered by another service',
  async (field) => {
    const { graph, model, sendToBot, lastRequest } = await startBot()
    model.script(say('Hello.'))
    await sendToBot(text('not for us'), { field })
    await sendToBot(text('for us'))
    expect(graph.sent).toHaveLength(1)
    expect(lastRequest()).not.toContain('not for us')
  },
)

describe('finding 15: old messages', () => {
  const ago = (seconds: number) => ({ timestamp: String(Math.floor(Date.now() / 1000) - seconds) })

  it('are stored, and not answered', async () => {
    const { graph, model, sendToBot, lastRequest, errors } = await startBot()
    model.script(say('Sorry for that.'))
    await sendToBot(text('Are you there?', ago(6 * 24 * hour)))
    expect(graph.requests).toEqual([])
    expect(model.requests).toEqual([])
    await sendToBot(text('Hello?'))
    expect(lastRequest()).toMatch(/Are you there.*too late.*Hello/)
    expect(graph.sent).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('waiting messages are read in the order they were sent', async () => {
    const { model, sendToBot, lastRequest } = await startBot({ inbox: { quietMs: 50 } })
    model.script(say('Noted.'))
    await sendToBot([text('second', ago(10)), text('first', ago(20))])
    expect(lastRequest()).toMatch(/first.*second/)
  })
})

it('finding 16: one person, two of our numbers: two histories, each answered from its own', async () => {
  const { graph, model, sendToBot, lastRequest } = await startBot()
  model.reply(say('Hello.'))
  await sendToBot(text('sales please'), { phoneNumberId: '111' })
  await sendToBot(text('support please'), { phoneNumberId: '222' })
  expect(lastRequest()).not.toContain('sales')
  expect(graph.sent.map(({ phoneNumberId }) => phoneNumberId)).toEqual(['111', '222'])
  // ids belong to a number: the same id at the other one is another message
  await graph.post(messagesWebhook({ messages: [] }))
})
