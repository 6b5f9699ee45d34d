/** The chat page of examples/browser in a real Chromium, over real sockets, against a scripted provider. */
import type { BrowserContextOptions, Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chatClient, modelsOf } from '../../examples/browser/ai.js'
import { script } from '../../examples/browser/script.js'
import { chatServer } from '../../examples/browser/server.js'
import { callTool, mockServer, type Reply, type Step, say, think } from '../../src/testing/index.js'
import { hasChromium, lineTo, screenshot, serve, useChromium } from './support.js'

const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
}

describe.skipIf(!hasChromium)('the chat page', () => {
  const browser = useChromium()

  /** The page behind a line, and a provider that says what it is told. */
  async function open(steps: readonly Step[], options: BrowserContextOptions = {}) {
    const provider = await mockServer([...steps])
    onTestFinished(() => provider.close())
    const server = await chatServer(chatClient(provider), modelsOf())
    const line = await lineTo(await serve(server))
    const page = await browser.page({ reducedMotion: 'reduce', ...options })
    await page.goto(line.url)
    return { provider, line, page }
  }

  it('shows an answer while it grows, its thoughts folded, and what it took', async () => {
    const first = gate()
    const second = gate()
    const { page } = await open([
      think('They count.')
        .say('One two three four five six seven eight.')
        .splitEvents()
        .hold(10, first.opened)
        .hold(13, second.opened)
        .usage({ prompt_tokens: 1000, completion_tokens: 200 }),
    ])
    await ask(page, 'Count')
    await says(page, /^One/)
    const early = await textOf(page)
    expect(early).not.toContain('eight')
    expect(await page.isVisible('#stop')).toBe(true)
    expect(await page.getAttribute('.assistant', 'aria-busy')).toBe('true')

    first.open()
    await page.waitForFunction(
      (text) => document.querySelector('.text')?.textContent !== text,
      early,
    )
    const later = await textOf(page)
    expect(later.startsWith(early)).toBe(true)
    expect(later).not.toContain('eight')

    second.open()
    await isOver(page)
    expect(await textOf(page)).toBe('One two three four five six seven eight.')
    expect(await page.isVisible('#send')).toBe(true)
    expect(await page.textContent('.assistant .label')).toMatch(
      /^claude-sonnet-4-5 · 1,200 tokens · \$0\.0060 · \d+\.\d s$/,
    )
    const thought = page.locator('.thought > div')
    expect(await thought.isVisible()).toBe(false)
    await page.click('.thought summary')
    expect(await thought.isVisible()).toBe(true)
  })

  it('is used by keyboard alone', async () => {
    const { page, provider } = await open([stalling('One two three')])
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('input')
    await page.keyboard.type('first')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('second')
    await page.keyboard.press('Enter')
    await says(page, /^One/)
    expect(await page.textContent('.user')).toBe('first\nsecond')
    await page.keyboard.press('Escape')
    await isOver(page)
    expect(await page.textContent('.assistant .label')).toContain('Stopped')
    expect(await provider.requests[0]?.closed).toBe(true)
  })

  it('stops an answer at its provider, keeps what was said, and talks on from there', async () => {
    const { page, provider } = await open([stalling('One two three'), say('And on.')])
    await ask(page, 'Count')
    await says(page, /^One/)
    await page.click('#stop')
    expect(await provider.requests[0]?.closed).toBe(true)
    await isOver(page)
    const said = await textOf(page)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('input')

    await ask(page, 'Go on')
    await says(page, /And on\./)
    const asked = await provider.request(1)
    expect(asked.text).toContain('Count')
    expect(asked.text).toContain(said)
  })

  it('heals a line that broke in the middle of an answer: whole, and nothing twice', async () => {
    const { open: release, opened } = gate()
    const { page, line, provider } = await open([
      say('One two three four five six.').splitEvents().hold(5, opened),
    ])
    await ask(page, 'Count')
    await says(page, /^One/)
    line.down()
    await page.waitForSelector('#line[data-state=reconnecting]')
    release()
    line.up()
    await isOver(page)
    expect(await textOf(page)).toBe('One two three four five six.')
    expect(await page.textContent('#line')).toBe('')
    expect(provider.requests).toHaveLength(1)
  })

  it('can be stopped while the line is gone', async () => {
    const { page, line } = await open([stalling('One two three'), say('Back again.')])
    await ask(page, 'Count')
    await says(page, /^One/)
    line.down()
    await page.waitForSelector('#line[data-state=reconnecting]')
    await page.keyboard.press('Escape')
    await isOver(page)
    expect(await page.textContent('#line')).toBe('')
    line.up()
    await ask(page, 'Are you there?')
    await says(page, /Back again\./)
  })

  it('waits for the network when there is none, and goes on when it is back', async () => {
    const { open: release, opened } = gate()
    const { page, provider } = await open([
      say('One two three four five six.').splitEvents().hold(5, opened),
    ])
    await ask(page, 'Count')
    await says(page, /^One/)
    await page.context().setOffline(true)
    await page.waitForSelector('#line[data-state=offline]')
    release()
    await provider.requests[0]?.closed
    expect(await textOf(page)).not.toContain('six')
    await page.context().setOffline(false)
    await isOver(page)
    expect(await textOf(page)).toBe('One two three four five six.')
    expect(await page.textContent('#line')).toBe('')
  })

  it('goes on with an answer after a reload in its middle, and keeps it after another', async () => {
    const { open: release, opened } = gate()
    const { page, provider } = await open([
      say('One two three four five six.').splitEvents().hold(5, opened),
    ])
    await ask(page, 'Count')
    await says(page, /^One/)
    await page.reload()
    await says(page, /^One/)
    expect(await page.isVisible('#stop')).toBe(true)
    release()
    await isOver(page)
    for (let loads = 0; loads < 2; loads++) {
      expect(await page.locator('.user').allTextContents()).toEqual(['Count'])
      expect(await page.locator('.text').allTextContents()).toEqual([
        'One two three four five six.',
      ])
      await page.reload()
    }
    expect(provider.requests).toHaveLength(1)
  })

  it('stops an answer that it found running after a reload', async () => {
    const { page, provider } = await open([stalling('One two three')])
    await ask(page, 'Count')
    await says(page, /^One/)
    await page.reload()
    await says(page, /^One/)
    await page.click('#stop')
    expect(await provider.requests[0]?.closed).toBe(true)
    await isOver(page)
    expect(await page.textContent('.assistant .label')).toContain('Stopped')
  })

  it('shows a tool call with what went in and what came out', async () => {
    const { page } = await open([callTool('weather', { city: 'Lisbon' }), say('Clear, 24 °C.')])
    await ask(page, 'Weather?')
    await isOver(page)
    expect(await page.getAttribute('.tool', 'data-status')).toBe('done')
    await page.click('.tool summary')
    expect(await page.locator('.tool dd').allTextContents()).toEqual([
      'Lisbon',
      'clear',
      '24',
      'light, from the sea',
    ])
    expect(await textOf(page)).toBe('Clear, 24 °C.')
  })

  it.each([
    { choice: 'Allow', status: 'done', told: 'TR-4821' },
    { choice: 'Decline', status: 'failed', told: 'did not allow' },
  ])('runs a tool that needs a yes only when it was given: $choice', async (expected) => {
    const { page, provider } = await open([
      say('Shall I?').callTool('book_table', { restaurant: 'Ponto', guests: 2, time: '19:30' }),
      say('So be it.'),
    ])
    await ask(page, 'Book a table')
    await page.waitForSelector('.tool[data-status=waiting]')
    await isOver(page)
    expect(provider.requests).toHaveLength(1)
    // a yes can be given after a reload, too
    await page.reload()
    await page.getByRole('button', { name: expected.choice }).click()
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('log')
    await says(page, /So be it\./)
    await isOver(page)
    expect(await page.getAttribute('.tool', 'data-status')).toBe(expected.status)
    expect(provider.requests[1]?.text).toContain(expected.told)
    expect(await page.locator('.assistant').count()).toBe(1)
  })

  it('tells a failure kindly and tries again', async () => {
    const { page, provider } = await open([
      say('One two three').splitEvents().failAfter(5, 'overloaded'),
      say('All of it.'),
    ])
    await ask(page, 'Count')
    const alert = page.getByRole('alert')
    await alert.waitFor()
    expect(await alert.locator('p').textContent()).toMatch(/^[A-Z][^{}<>]+\.$/)
    expect(await alert.textContent()).not.toMatch(/overloaded/i)
    await page.getByRole('button', { name: 'Try again' }).click()
    await says(page, /All of it\./)
    await isOver(page)
    expect(await alert.count()).toBe(0)
    expect(await page.locator('.user').count()).toBe(1)
    expect(provider.requests).toHaveLength(2)
  })

  it('keeps a question that nobody could take, until it is asked again', async () => {
    const { page, line } = await open([say('Here I am.')])
    line.down()
    await ask(page, 'Anyone?')
    await page.getByRole('alert').waitFor()
    line.up()
    await page.getByRole('button', { name: 'Try again' }).click()
    await says(page, /Here I am\./)
  })

  it('shows what a model or a user says as text: nothing runs, nothing is loaded', async () => {
    const hostile = [
      '<img src="https://evil.example/a.png" onerror="window.hacked = 1">',
      '<script>window.hacked = 1</script>',
      '![x](https://evil.example/b.png?secret=1)',
      '[click](javascript:window.hacked=1)',
      '- <svg onload="window.hacked = 1">',
      '# <b>bold</b>',
      '```html\n<iframe src="https://evil.example/c"></iframe>\n```',
    ]
    const { page, line } = await open([
      think(hostile[0] ?? '')
        .say(hostile.join('\n\n'))
        .callTool('weather', { city: hostile[0], '<img src=x>': hostile[1] }),
      say('Done.'),
    ])
    const foreign: string[] = []
    page.on('request', (request) => {
      if (!request.url().startsWith(line.url)) foreign.push(request.url())
    })
    const [document] = await Promise.all([page.waitForResponse(`${line.url}/`), page.reload()])
    expect(document.headers()['content-security-policy']).toMatch(
      /default-src 'none'.*trusted-types/,
    )
    await ask(page, hostile.join(' '))
    await says(page, /Done\./)
    await isOver(page)
    for (const details of await page.locator('summary').all()) await details.click()
    // once drawn while it came, once drawn from what was kept
    for (let loads = 0; loads < 2; loads++) {
      expect(await page.textContent('.user')).toBe(hostile.join(' '))
      for (const line of [hostile[0], hostile[1], hostile[2], hostile[3], '<iframe src='])
        expect(await page.locator('.text').first().textContent()).toContain(line)
      const names = await page
        .locator('#log *')
        .evaluateAll((all) => all.map((one) => one.localName))
      expect(names).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(?:img|script|svg|iframe|a|b)$/)]),
      )
      expect(await page.evaluate(() => 'hacked' in window)).toBe(false)
      await page.reload()
    }
    expect(foreign).toEqual([])
  })

  it('draws the same text however it was cut', async () => {
    const text = [
      '# A *title*',
      'A line\nand **another**, `code`, 2 * 3 * 4, **open\n- one\n- two\n  goes on\n1. three\n2. four',
      '10) ten',
      '> quoted\n> twice',
      '```ts\nconst a = 1\n\n# no title\n```\nBehind it.',
      '---',
      'One paragraph.\n--- which goes on',
      'Another.',
      '```\nnever closed\n\n- no list',
    ].join('\n\n')
    const { page } = await open([say(text, { chunks: text.length }).splitEvents()])
    await ask(page, 'Write')
    await isOver(page)
    const drawn = await page.locator('.text').innerHTML()
    await page.reload()
    expect(await page.locator('.text').innerHTML()).toBe(drawn)
    expect(drawn).toBe(
      [
        '<h3>A <em>title</em></h3>',
        '<p>A line\nand <strong>another</strong>, <code>code</code>, 2 * 3 * 4, **open</p>',
        '<ul><li>one</li><li>two\n  goes on</li></ul>',
        '<ol start="1"><li>three</li><li>four</li></ol>',
        '<ol start="10"><li>ten</li></ol>',
        '<blockquote>quoted\ntwice</blockquote>',
        '<pre><code>const a = 1\n\n# no title</code></pre>',
        '<p>Behind it.</p>',
        '<hr>',
        '<p>One paragraph.\n--- which goes on</p>',
        '<p>Another.</p>',
        '<pre><code>never closed\n\n- no list</code></pre>',
      ].join(''),
    )
  })

  it('forgets a conversation when a new one is begun', async () => {
    const { page, provider } = await open([stalling('One two three'), say('Hello again.')])
    await ask(page, 'Remember me')
    await says(page, /^One/)
    await page.click('#clear')
    expect(await provider.requests[0]?.closed).toBe(true)
    await page.waitForSelector('#welcome')
    await page.click('#ideas button')
    await says(page, /Hello again\./)
    expect((await provider.request(1)).text).not.toContain('Remember me')
  })

  it('asks the model that was chosen', async () => {
    const { page, provider } = await open([say('Hi.')])
    await page.selectOption('#model', 'Gemini')
    await ask(page, 'Hi')
    await says(page, /Hi\./)
    expect(provider.requests[0]?.provider).toBe('gemini')
  })

  it('says so when an answer is no longer at hand, and asks again', async () => {
    const { page, provider } = await open([stalling('One two three'), say('All of it.')])
    await ask(page, 'Count')
    await says(page, /^One/)
    await page.evaluate(() => sessionStorage.setItem('tetrad.running', 'nobody-knows-it'))
    await page.reload()
    await page.getByRole('alert').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await says(page, /All of it\./)
    expect(provider.requests).toHaveLength(2)
  })

  it.each([
    { name: 'phone', screen: phone },
    { name: 'desktop', screen: { viewport: { width: 1120, height: 800 } } },
  ])('fits its screen, in the light and in the dark: $name', async ({ name, screen }) => {
    const partner = script()
    const { page, provider } = await open([], { ...screen, colorScheme: 'light' })
    provider.reply((request) => partner(request).delay({}))
    const shoot = async (what: string) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
        expect(Number(/\d+/.exec(paper)) > 128).toBe(colorScheme === 'light')
        await screenshot(page, `chat-${name}-${colorScheme}${what}`)
      }
      const [scrollWidth = 0, clientWidth] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement
        return [scrollWidth, clientWidth]
      })
      expect(scrollWidth).toBe(clientWidth)
      expect(await page.evaluate(() => document.getAnimations().length)).toBe(0)
    }
    await shoot('-welcome')
    await ask(page, 'How do layers work?')
    await isOver(page)
    await shoot('-text')
    await ask(page, 'Book a table for two tonight')
    await page.waitForSelector('.tool[data-status=waiting]')
    await isOver(page)
    await shoot('')
  })
})

/** A promise that is kept when the test says so. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** Says so much, and then nothing. */
const stalling = (text: string): Reply => say(text).splitEvents().stall(5)

async function ask(page: Page, question: string): Promise<void> {
  await page.fill('#input', question)
  await page.press('#input', 'Enter')
  await page.waitForSelector('.user:nth-last-child(-n+2)')
}

/** Waits until the last answer says it. */
const says = (page: Page, text: RegExp) =>
  page.locator('.assistant').last().locator('.text', { hasText: text }).first().waitFor()

/** Waits until no answer is being written. */
const isOver = (page: Page) => page.waitForSelector('#log:not(:has(.running)) .assistant')

const textOf = async (page: Page): Promise<string> =>
  (await page.locator('.assistant').last().locator('.text').allTextContents()).join('')
