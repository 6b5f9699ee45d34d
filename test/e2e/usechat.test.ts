/** The `useChat` example in a real browser: one page, one handler, a scripted model behind it. */
import type { Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chatClient } from '../../examples/usechat/ai.js'
import { answer } from '../../examples/usechat/script.js'
import { chatServer } from '../../examples/usechat/server.js'
import { fail, mockServer, type Reply, say, think } from '../../src/testing/index.js'
import { hasChromium, lineTo, screenshot, serve, useChromium } from './support.js'

const secret = 'a secret of at least 32 characters'
const phone = {
  viewport: { width: 390, height: 780 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
} as const

describe.skipIf(!hasChromium)('the useChat example', { timeout: 60_000 }, () => {
  const browser = useChromium()

  async function open(script: Reply | readonly Reply[] = [], options: object = {}) {
    const provider = await mockServer(script)
    onTestFinished(() => provider.close())
    const line = await lineTo(await serve(await chatServer(chatClient(provider), { secret })))
    const page = await browser.page({ reducedMotion: 'reduce', ...options })
    // the page looks for an answer to read on
    const isReady = page.waitForResponse(/\/stream$/)
    await page.goto(line.url)
    await isReady
    return { provider, line, page, ...handsOn(page) }
  }

  it('shows a text that grows', async () => {
    const gate = gateOf()
    const { page, ask, last } = await open(say('One two three four').hold(6, gate.closed), phone)
    await screenshot(page, 'usechat-welcome-phone')
    await ask('Count')
    await expect.poll(() => last.textContent()).toContain('One')
    expect(await last.textContent()).not.toContain('four')
    gate.open()
    await idle(page)
    expect(await last.locator('.text').textContent()).toBe('One two three four')
    expect(await last.locator('footer').textContent()).toMatch(/^\d+ tokens · \$0\.\d{4}$/)
  })

  it('shows thoughts, a tool with what goes in and comes out, and sources', async () => {
    const gate = gateOf()
    const { page, provider, ask, last } = await open([
      think('The tool knows. It does.').hold(6, gate.closed).callTool('weather', { city: 'Faro' }),
      say('Clear.').cite(
        { url: 'https://ipma.example/faro', title: 'IPMA' },
        { url: 'javascript:alert(1)', title: 'A trap' },
      ),
    ])
    await ask('Weather in Faro?')
    const thoughts = last.locator('.thought')
    await expect.poll(() => thoughts.getAttribute('open')).toBe('')
    expect(await thoughts.textContent()).toContain('Thinking…')
    gate.open()
    await idle(page)
    expect(await thoughts.getAttribute('open')).toBeNull()
    await last.getByText('weather').click()
    const [input, output] = await last.locator('pre').allTextContents()
    expect(JSON.parse(input ?? '')).toEqual({ city: 'Faro' })
    expect(JSON.parse(output ?? '')).toEqual({ city: 'Faro', sky: 'clear', celsius: 24 })
    expect(await last.getByRole('link').allTextContents()).toEqual(['IPMA'])
    expect(await last.getByRole('listitem').allTextContents()).toEqual(['IPMA', 'A trap'])
    expect(provider.requests).toHaveLength(2)
    await screenshot(page, 'usechat-tool')
  })

  it.each([
    ['Allow', 'done', 'booked'],
    ['Do not allow', 'not allowed', 'did not allow'],
  ])('asks before a tool runs, whatever is reloaded: %s', async (button, state, result) => {
    const gate = gateOf()
    const { page, provider, ask, last } = await open(
      [
        think('They want a table.').callTool('book_table', {
          restaurant: 'Nunes',
          people: 2,
          time: '20:00',
        }),
        say('So be it.').hold(6, gate.closed),
        say('Good night.'),
      ],
      { ...phone, colorScheme: 'dark' },
    )
    await ask('A table for two')
    await page.getByRole('button', { name: button, exact: true }).waitFor()
    await screenshot(page, 'usechat-approval-dark')
    await page.reload()
    await page.getByRole('button', { name: button, exact: true }).click()
    await expect.poll(() => last.locator('.text').textContent()).toContain('So')
    await page.reload()
    await page.getByRole('button', { name: 'Stop' }).waitFor()
    gate.open()
    await expect.poll(() => last.locator('.text').allTextContents()).toEqual(['So be it.'])
    await idle(page)
    expect(await last.locator('summary span').textContent()).toBe(state)
    expect(JSON.stringify(provider.requests[1]?.body)).toContain(result)

    // what model and tool said comes back signed, and is taken, thoughts of the model among it
    await ask('Thanks')
    await expect.poll(() => last.textContent()).toContain('Good night.')
    const history = JSON.stringify(provider.requests[2]?.body)
    expect(history).toContain('function_call_output')
    expect(history).toContain('encrypted_content')
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it('stops, and the model with it', async () => {
    const { page, provider, ask, last } = await open([say('One two three').stall(6), say('Four')])
    await ask('Count')
    await expect.poll(() => last.textContent()).toContain('One')
    await page.getByRole('button', { name: 'Stop' }).click()
    const [request] = provider.requests
    expect(await request?.closed).toBe(true)
    await idle(page)
    expect(await last.textContent()).toContain('One')
    await ask('Go on')
    await expect.poll(() => last.textContent()).toContain('Four')
  })

  it.each([
    ['the answer', /^nothing/],
    ['the chat', /^answer/],
  ])('reads on after a reload in the middle of an answer, by the id of %s', async (_, lost) => {
    const gate = gateOf()
    const { page, provider, ask, last } = await open(say('One two three four').hold(6, gate.closed))
    await ask('Count')
    await expect.poll(() => last.textContent()).toContain('One')
    const read = page.waitForRequest((request) => request.url().endsWith('/stream'))
    await page.evaluate((keys) => {
      for (const key of Object.keys(sessionStorage))
        if (keys.test(key)) sessionStorage.removeItem(key)
    }, lost)
    await page.reload()
    await read
    await page.getByRole('button', { name: 'Stop' }).waitFor()
    gate.open()
    await expect.poll(() => last.locator('footer').count()).toBe(1)
    expect(await page.locator('.text').allTextContents()).toEqual(['Count', 'One two three four'])
    expect(provider.requests).toHaveLength(1)
  })

  it('has the whole answer after a reload, though it ended in between', async () => {
    const gate = gateOf()
    const { page, line, provider, ask, last } = await open(
      say('One two three four').hold(6, gate.closed),
    )
    await ask('Count')
    await expect.poll(() => last.textContent()).toContain('One')
    await page.goto('about:blank')
    gate.open()
    expect(await provider.requests[0]?.closed).toBe(false)
    await page.goto(line.url)
    await expect.poll(() => last.locator('footer').count()).toBe(1)
    expect(await page.locator('.text').allTextContents()).toEqual(['Count', 'One two three four'])
  })

  it('heals when the connection is cut in the middle of an answer', async () => {
    const gate = gateOf()
    const { page, line, provider, ask, last } = await open(
      say('One two three four').hold(6, gate.closed),
    )
    await ask('Count')
    await expect.poll(() => last.textContent()).toContain('One')
    line.down()
    await page.getByText('Reconnecting…').waitFor()
    expect(await last.textContent()).toContain('One')
    expect(await page.getByRole('alert').count()).toBe(0)
    line.up()
    await expect.poll(() => page.getByText('Reconnecting…').count()).toBe(0)
    gate.open()
    await expect.poll(() => last.locator('footer').count()).toBe(1)
    expect(await page.locator('.text').allTextContents()).toEqual(['Count', 'One two three four'])
    expect(provider.requests).toHaveLength(1)
  })

  it('asks again where the question was lost on its way', async () => {
    const { page, line, provider, ask, last } = await open(say('One'))
    line.down()
    await ask('Count')
    await page.getByText('Reconnecting…').waitFor()
    line.up()
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => last.textContent()).toContain('One')
    expect(provider.requests).toHaveLength(1)
  })

  it('tells what went wrong, before and in the middle of an answer, and tries again', async () => {
    const { page, ask, last } = await open([
      fail(401, { message: 'canary' }),
      say('One two three four').failAfter(6, 'overloaded'),
      say('Five'),
    ])
    await ask('Count')
    const alert = page.getByRole('alert')
    await expect.poll(() => alert.textContent()).toBe('The model cannot be reached at the moment.')
    const again = page.getByRole('button', { name: 'Try again' })
    await again.click()
    await expect.poll(() => last.textContent()).toContain('One')
    await expect.poll(() => alert.textContent()).toBe('The model cannot be reached at the moment.')
    await screenshot(page, 'usechat-error')
    await again.click()
    await expect.poll(() => page.locator('.text').allTextContents()).toEqual(['Count', 'Five'])
    expect(await alert.count()).toBe(0)
  })

  it('takes pictures and shows them', async () => {
    const { page, provider, ask, last } = await open([], { ...phone, colorScheme: 'dark' })
    provider.reply((request) => answer(request).delay({}))
    await page.getByLabel('Add pictures').setInputFiles({
      name: 'dot.gif',
      mimeType: 'image/gif',
      buffer: Buffer.from('R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=', 'base64'),
    })
    await ask('Paint me a sunset like this.')
    await expect.poll(() => last.getByRole('img').count()).toBe(1)
    await idle(page)
    expect(JSON.stringify(provider.requests[0]?.body)).toContain('data:image/gif;base64,R0lGOD')
    const isWide = await page.evaluate(() => document.body.scrollWidth > innerWidth)
    expect(isWide).toBe(false)
    await screenshot(page, 'usechat-dark-phone')
  })

  it('is read and stopped by its own visitor alone', async () => {
    const gate = gateOf()
    const { page, line, ask, last } = await open(say('One two three').hold(6, gate.closed))
    await ask('Count')
    await expect.poll(() => last.textContent()).toContain('One')
    expect(await page.evaluate(() => document.cookie)).toBe('')

    const { id } = JSON.parse(
      await page.evaluate(() => sessionStorage.getItem('conversation') ?? '{}'),
    )
    const stranger = await browser.page()
    await stranger.goto(line.url)
    const statuses = await stranger.evaluate(async (chat) => {
      const read = await fetch(`/api/chat/${chat}/stream`)
      const stop = await fetch(`/api/chat/${chat}/stop`, { method: 'POST' })
      return [read.status, stop.status]
    }, id)
    expect(statuses).toEqual([204, 404])
    gate.open()
    await expect.poll(() => last.textContent()).toContain('three')
  })
})

/** Holds a reply until it is opened. */
function gateOf() {
  let open = () => {}
  const closed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { closed, open: () => open() }
}

/** What a visitor does, and the answer that came last. */
function handsOn(page: Page) {
  const box = page.getByRole('textbox', { name: 'Message' })
  return {
    last: page.locator('article.assistant').last(),
    async ask(text: string) {
      await box.fill(text)
      await box.press('Enter')
    },
  }
}

/** Resolves when the page waits for its visitor again. */
const idle = (page: Page) => page.getByRole('button', { name: 'Send' }).waitFor()
