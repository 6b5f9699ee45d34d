/** Findings 26 to 29 of the WhatsApp bot: formatting of answers, and voice. */
import { describe, expect, it } from 'vitest'
import { words } from '../../examples/whatsapp/words.js'
import { say } from '../../src/testing/index.js'
import { person, startBot, text } from './whatsapp-bot.js'

it("finding 26: Markdown is converted to WhatsApp's own syntax", async () => {
  const { model, sendToBot, texts } = await startBot()
  model.script(
    say('## Steps\n\n- **Open** [the page](https://a.example)\n\n| a | b |\n|---|---|\n| 1 | 2 |'),
  )
  await sendToBot(text('How?'))
  const [answer = ''] = texts()
  expect(answer).toContain('*Steps*')
  expect(answer).toContain('- *Open* the page (https://a.example)')
  expect(answer).not.toMatch(/##|\*\*|\|---/)
})

it('finding 27: a fence is closed before a split and opened again after it', async () => {
  const { model, sendToBot, texts } = await startBot()
  const code = Array.from(
    { length: 200 },
    (_, i) => `    line ${i} of some code that is long`,
  ).join('\n')
  model.script(say(`\`\`\`js\n${code}\n\`\`\``, { chunks: 20 }))
  await sendToBot(text('Code?'))
  expect(texts().length).toBeGreaterThan(1)
  for (const part of texts()) {
    expect(part.length).toBeLessThanOrEqual(4096)
    expect(part.match(/```/g)?.length).toBe(2)
    expect(part).toContain('    line')
  }
})

it('finding 28: a truncated answer is marked as such, and can be continued', async () => {
  const { model, sendToBot, texts, lastRequest } = await startBot()
  model.script(say('The first half of').finish('length'), say('the second half.'))
  await sendToBot(text('Tell me'))
  expect(texts()).toEqual([`The first half of\n\n${words.goOn}`])
  await sendToBot(text('yes'))
  expect(lastRequest()).toMatch(/The first half of.*Shall I go on.*yes/)
})

describe('finding 29: voice notes', () => {
  const ogg = Buffer.from('OggS and what was said')
  const voice = (id: string) => ({
    from: person,
    type: 'audio',
    audio: { id, mime_type: 'audio/ogg; codecs=opus', voice: true },
  })

  it.each(['openai/gpt-4.1-mini', 'anthropic/claude-haiku-4-5'])(
    'reach %s as text, once',
    async (model) => {
      const bot = await startBot({ model, hearModel: 'gemini/gemini-2.5-flash' })
      bot.model.script(say('Where are my shoes?'), say('In the post.'), say('Welcome.'))
      await bot.sendToBot(voice(bot.graph.hold(ogg, 'audio/ogg; codecs=opus')))
      await bot.sendToBot(text('thanks'))
      expect(bot.lastRequest(0)).toContain(ogg.toString('base64'))
      expect(bot.lastRequest(1)).toContain('Where are my shoes?')
      expect(bot.lastRequest(2)).toContain('Where are my shoes?')
      expect(bot.lastRequest(2)).not.toContain(ogg.toString('base64'))
      expect(bot.model.requests).toHaveLength(3)
      expect(bot.texts()).toEqual(['In the post.', 'Welcome.'])
    },
  )

  it('reach Gemini unchanged', async () => {
    const bot = await startBot({ model: 'gemini/gemini-2.5-flash' })
    bot.model.script(say('In the post.'))
    await bot.sendToBot(voice(bot.graph.hold(ogg, 'audio/ogg; codecs=opus')))
    expect(bot.model.requests).toHaveLength(1)
    expect(bot.lastRequest()).toContain('audio/ogg')
  })

  it('are declined in words if no model can transcribe them', async () => {
    const bot = await startBot()
    await bot.sendToBot(voice(bot.graph.hold(ogg, 'audio/ogg')))
    expect(bot.texts()).toEqual([words.noVoice])
    expect(bot.model.requests).toEqual([])
  })
})
