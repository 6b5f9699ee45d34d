/** The `useChat` example in a real browser: one page, one handler, a scripted model. */
import type { Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chatClient } from '../../examples/usechat/ai.js'
import { answer } from '../../examples/usechat/script.js'
import { chatServer } from '../../examples/usechat/server.js'
import { callTool, fail, mockServer, type Reply, say, think } from '../../src/testing/index.js'
import {
  countWork,
  directionOf,
  graveFaults,
  hasChromium,
  isWide,
  lineTo,
  screenshot,
  serve,
  useChromium,
} from './support.js'

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
    // the page looks for a response to resume
    const isReady = page.waitForResponse(/\/stream$/)
    await page.goto(line.url)
    await isReady
    return { provider, line, page, ...handsOn(page) }
  }

  it('shows text as it grows', async () => {
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

  it('shows thoughts, a tool with its input and output, and sources', async () => {
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
  ])(
    'requests approval before a tool runs, whatever is reloaded: %s',
    async (button, state, result) => {
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

      // text and tool parts of the model are sent back signed, and accepted, thoughts included
      await ask('Thanks')
      await expect.poll(() => last.textContent()).toContain('Good night.')
      const history = JSON.stringify(provider.requests[2]?.body)
      expect(history).toContain('function_call_output')
      expect(history).toContain('encrypted_content')
      expect(await page.getByRole('alert').count()).toBe(0)
    },
  )

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
  ])('resumes after a reload in the middle of a response, by the id of %s', async (_, lost) => {
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

  it('has the whole response after a reload, though it ended in between', async () => {
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

  it('resumes when the connection is cut in the middle of a response', async () => {
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

  it('sends the question again if it was lost', async () => {
    const { page, line, provider, ask, last } = await open(say('One'))
    line.down()
    await ask('Count')
    await page.getByText('Reconnecting…').waitFor()
    line.up()
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => last.textContent()).toContain('One')
    expect(provider.requests).toHaveLength(1)
  })

  it('reports failures before and in the middle of a response, and retries', async () => {
    const { page, provider, ask, last } = await open([
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
    // the provider receives what the page shows: one question, and no partial response
    const asked = provider.requests.at(-1)?.text ?? ''
    expect(asked.split('Count')).toHaveLength(2)
    expect(asked).not.toContain('One two')
    expect(await alert.count()).toBe(0)
  })

  it('sends images and shows them', async () => {
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

  it('renders Markdown completely, and hostile content as harmless', async () => {
    const text = [
      '# Title\n## Below',
      '- one\n  - inside\n    1. deeper\n- two',
      '10. ten\n11. eleven',
      '- [x] done\n- [ ] open',
      '| a | b |\n| :-- | --: |\n| 1 | `x\\|y` |',
      '```sh\nnpm i tetrad\n```',
      '[a link][ref] ~~gone~~',
      '<img src=x onerror="window.hacked=1"> <script>window.hacked=1</script>',
      '[js](javascript:window.hacked=1) [data](data:text/html,x) ![pic](https://evil.example/p.png)',
      '[ref]: https://example.com/a',
    ].join('\n\n')
    const gate = gateOf()
    // inside the last URL
    const reply = say(text, { chunks: text.length })
      .splitEvents()
      .hold(text.length - 10, gate.closed)
    const { page, ask, last } = await open(reply)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.evaluate(countWork, '> div')
    await ask('Write')
    await last.getByText('data', { exact: false }).waitFor()
    gate.open()
    await last.locator('footer').waitFor()
    const { ms, redraws, settledRedraws } = await page.evaluate(() => globalThis.work)
    // the one whose link was completed later
    expect(settledRedraws).toBeLessThanOrEqual(1)
    // one in the page's throttle of 40 ms, and both ends
    expect(redraws).toBeLessThanOrEqual(ms / 40 + 3)
    const count = (selector: string) => last.locator(`.text ${selector}`).count()
    expect(await count('h3')).toBe(1)
    expect(await count('h4')).toBe(1)
    expect(await count('li li li')).toBe(1)
    expect(await last.locator('.text ol[start="10"] > li').allTextContents()).toEqual([
      'ten',
      'eleven',
    ])
    expect(
      await last.locator('input').evaluateAll((all) => all.map((one) => one.matches(':checked'))),
    ).toEqual([true, false])
    expect(await last.locator('td').allTextContents()).toEqual(['1', 'x|y'])
    expect(await last.locator('del').textContent()).toBe('gone')
    expect(await last.locator('.text').textContent()).toContain('<script>window.hacked=1</script>')
    expect(
      await last
        .locator('a')
        .evaluateAll((all) =>
          all.map((one) => ['href', 'target', 'rel'].map((name) => one.getAttribute(name))),
        ),
    ).toEqual([
      ['https://example.com/a', '_blank', 'noopener noreferrer nofollow'],
      ['https://evil.example/p.png', '_blank', 'noopener noreferrer nofollow'],
    ])
    expect(await last.locator('img, script, iframe').count()).toBe(0)
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false)
    expect(await last.locator('.bar span').textContent()).toBe('sh')
    await last.getByRole('button', { name: 'Copy' }).focus()
    await page.keyboard.press('Enter')
    await last.getByRole('button', { name: 'Copied' }).waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('npm i tetrad')
  })

  it('keeps the focus: at first, after a suggestion, a stop and a decision; Esc stops', async () => {
    const { page, provider, last } = await open([
      say('One two three').stall(6),
      say('Four five').stall(6),
      callTool('book_table', { restaurant: 'Nunes', people: 2, time: '20:00' }),
      say('Done.'),
    ])
    const focus = () => page.evaluate(() => document.activeElement?.localName)
    await expect.poll(focus).toBe('textarea')
    await page.locator('.welcome button').first().focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => last.textContent()).toContain('One')
    expect(await focus()).toBe('main')
    await page.getByRole('button', { name: 'Stop' }).focus()
    await page.keyboard.press('Enter')
    await idle(page)
    expect(await focus()).toBe('textarea')
    await page.keyboard.type('Go on')
    await page.keyboard.press('Enter')
    await expect.poll(() => last.textContent()).toContain('Four')
    await page.keyboard.press('Escape')
    await idle(page)
    expect(await provider.requests[1]?.closed).toBe(true)
    expect(await focus()).toBe('textarea')
    await page.keyboard.type('Book')
    await page.keyboard.press('Enter')
    const allow = page.getByRole('button', { name: 'Allow', exact: true })
    await allow.focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => last.textContent()).toContain('Done.')
    expect(await focus()).toBe('main')
  })

  it('has a button to the end, and leaves room to read on a phone in landscape', async () => {
    const story = Array.from({ length: 60 }, (_, at) => `Line ${at}.`).join('\n\n')
    const { page, ask, last } = await open(say(story), {
      ...phone,
      viewport: { width: 740, height: 340 },
    })
    await ask('Write')
    await last.locator('footer').waitFor()
    await page.locator('main').evaluate((main) => main.scrollTo(0, -main.scrollHeight))
    const latest = page.getByRole('button', { name: 'Jump to latest' })
    await latest.focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => latest.count()).toBe(0)
    expect(await page.evaluate(() => document.activeElement?.localName)).toBe('main')
    await page.getByRole('textbox').fill('A line\n'.repeat(30))
    const box = await page.locator('form').boundingBox()
    expect(box?.height).toBeLessThanOrEqual(100)
  })

  const screens = [
    { name: 'phone', screen: phone },
    { name: 'desktop', screen: { viewport: { width: 1120, height: 800 } } },
  ]
  it.each(
    screens.flatMap((one) =>
      [
        { what: 'table', question: 'Compare three rivers.' },
        { what: 'rtl', question: 'كيف أطبخ الأرز؟' },
      ].map((asked) => ({ ...one, ...asked })),
    ),
  )('fits its screen, in light and dark mode: $name, $what', async (shown) => {
    const { page, provider, ask, last } = await open([], shown.screen)
    provider.reply((request) => answer(request).delay({}))
    await ask(shown.question)
    await last.locator('footer').waitFor()
    const direction = shown.what === 'rtl' ? 'rtl' : 'ltr'
    for (const selector of ['.user .text', '.assistant .text > div', '.assistant table'])
      expect(await directionOf(page, selector)).toBe(direction)
    await page.locator('main').evaluate((main) => main.scrollTo(0, -main.scrollHeight))
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await screenshot(page, `usechat-${shown.name}-${colorScheme}-${shown.what}`)
      expect(await graveFaults(page, colorScheme === 'dark' ? 'colors' : undefined)).toEqual([])
    }
    await page.setViewportSize({ width: 320, height: 568 })
    expect(await isWide(page)).toBe(false)
  })

  it('can be read and stopped only by its own visitor', async () => {
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

/** Holds a reply until the gate is opened. */
function gateOf() {
  let open = () => {}
  const closed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { closed, open: () => open() }
}

/** The actions of a visitor, and the last response. */
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
