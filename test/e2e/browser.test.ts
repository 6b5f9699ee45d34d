/**
 * The chat page of examples/browser in real Chromium, over real sockets, against a scripted
 * provider.
 */
import type { BrowserContextOptions, Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chatClient, modelsOf } from '../../examples/browser/ai.js'
import { script } from '../../examples/browser/script.js'
import { chatServer } from '../../examples/browser/server.js'
import { callTool, mockServer, type Reply, type Step, say, think } from '../../src/testing/index.js'
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

const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
}

describe.skipIf(!hasChromium)('the chat page', { timeout: 60_000 }, () => {
  const browser = useChromium()

  /** The page behind a network line, and a scripted provider. */
  async function open(steps: readonly Step[], options: BrowserContextOptions = {}) {
    const provider = await mockServer([...steps])
    onTestFinished(() => provider.close())
    const server = await chatServer(chatClient(provider), modelsOf())
    const line = await lineTo(await serve(server))
    const page = await browser.page({ reducedMotion: 'reduce', ...options })
    await page.goto(line.url)
    return { provider, line, page }
  }

  it('shows a growing response, its collapsed thoughts, and its usage', async () => {
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
    await waitForAnswer(page, /^One/)
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

  it('is usable with the keyboard alone', async () => {
    const { page, provider } = await open([stalling('One two three')])
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('input')
    await page.keyboard.type('first')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('second')
    await page.keyboard.press('Enter')
    await waitForAnswer(page, /^One/)
    expect(await page.textContent('.user p')).toBe('first\nsecond')
    await page.keyboard.press('Escape')
    await isOver(page)
    expect(await page.textContent('.assistant .label')).toContain('Stopped')
    expect(await provider.requests[0]?.closed).toBe(true)
  })

  it('stops a response at its provider, keeps the text, and continues the conversation', async () => {
    const { page, provider } = await open([stalling('One two three'), say('And on.')])
    await ask(page, 'Count')
    await waitForAnswer(page, /^One/)
    await page.click('#stop')
    expect(await provider.requests[0]?.closed).toBe(true)
    await isOver(page)
    const shownText = await textOf(page)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('input')

    await ask(page, 'Go on')
    await waitForAnswer(page, /And on\./)
    const asked = await provider.request(1)
    expect(asked.text).toContain('Count')
    expect(asked.text).toContain(shownText)
  })

  it('resumes after a connection lost in the middle of a response: complete, and nothing twice', async () => {
    const { open: release, opened } = gate()
    const { page, line, provider } = await open([
      say('One two three four five six.').splitEvents().hold(5, opened),
    ])
    await ask(page, 'Count')
    await waitForAnswer(page, /^One/)
    line.down()
    await page.waitForSelector('#line[data-state=reconnecting]')
    release()
    line.up()
    await isOver(page)
    expect(await textOf(page)).toBe('One two three four five six.')
    expect(await page.textContent('#line')).toBe('')
    expect(provider.requests).toHaveLength(1)
  })

  it('can be stopped while offline', async () => {
    const { page, line } = await open([stalling('One two three'), say('Back again.')])
    await ask(page, 'Count')
    await waitForAnswer(page, /^One/)
    line.down()
    await page.waitForSelector('#line[data-state=reconnecting]')
    await page.keyboard.press('Escape')
    await isOver(page)
    expect(await page.textContent('#line')).toBe('')
    line.up()
    await ask(page, 'Are you there?')
    await waitForAnswer(page, /Back again\./)
  })

  it('waits while offline, and continues when it is online', async () => {
    const { open: release, opened } = gate()
    const { page, provider } = await open([
      say('One two three four five six.').splitEvents().hold(5, opened),
    ])
    await ask(page, 'Count')
    await waitForAnswer(page, /^One/)
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

  it('resumes a response after a reload in its middle, and keeps it after another', async () => {
    const { open: release, opened } = gate()
    const { page, provider } = await open([
      say('One two three four five six.').splitEvents().hold(5, opened),
    ])
    await ask(page, 'Count')
    await waitForAnswer(page, /^One/)
    await page.reload()
    await waitForAnswer(page, /^One/)
    expect(await page.isVisible('#stop')).toBe(true)
    release()
    await isOver(page)
    for (let loads = 0; loads < 2; loads++) {
      expect(await page.locator('.user p').allTextContents()).toEqual(['Count'])
      expect(await page.locator('.text').allTextContents()).toEqual([
        'One two three four five six.',
      ])
      await page.reload()
    }
    expect(provider.requests).toHaveLength(1)
  })

  it('stops a response that it resumed after a reload', async () => {
    const { page, provider } = await open([stalling('One two three')])
    await ask(page, 'Count')
    await waitForAnswer(page, /^One/)
    await page.reload()
    await waitForAnswer(page, /^One/)
    await page.click('#stop')
    expect(await provider.requests[0]?.closed).toBe(true)
    await isOver(page)
    expect(await page.textContent('.assistant .label')).toContain('Stopped')
  })

  it('shows a tool call with its input and output', async () => {
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
  ])('runs a tool that needs approval only when approved: $choice', async (expected) => {
    const { page, provider } = await open([
      say('Shall I?').callTool('book_table', { restaurant: 'Ponto', guests: 2, time: '19:30' }),
      say('So be it.'),
    ])
    await ask(page, 'Book a table')
    await page.waitForSelector('.tool[data-status=waiting]')
    await isOver(page)
    expect(provider.requests).toHaveLength(1)
    // an approval can be given after a reload, too
    await page.reload()
    await page.getByRole('button', { name: expected.choice }).click()
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('log')
    await waitForAnswer(page, /So be it\./)
    await isOver(page)
    expect(await page.getAttribute('.tool', 'data-status')).toBe(expected.status)
    expect(provider.requests[1]?.text).toContain(expected.told)
    expect(await page.locator('.assistant').count()).toBe(1)
  })

  it('reports a failure in plain words and retries', async () => {
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
    await waitForAnswer(page, /All of it\./)
    await isOver(page)
    expect(await alert.count()).toBe(0)
    expect(await page.locator('.user').count()).toBe(1)
    expect(provider.requests).toHaveLength(2)
    const asked = provider.requests[1]?.text ?? ''
    expect(asked.split('Count')).toHaveLength(2)
    expect(asked).not.toContain('One two')
  })

  it('sends the same text twice as two questions', async () => {
    const { page, provider } = await open([say('Heads.'), say('Tails.')])
    await ask(page, 'Flip a coin')
    await waitForAnswer(page, /Heads\./)
    await isOver(page)
    await ask(page, 'Flip a coin')
    await waitForAnswer(page, /Tails\./)
    expect((await provider.request(1)).text.split('Flip a coin')).toHaveLength(3)
    expect((await provider.request(1)).text).toContain('Heads.')
  })

  it('keeps a question that could not be sent, until it is sent again', async () => {
    const { page, line } = await open([say('Here I am.')])
    line.down()
    await ask(page, 'Anyone?')
    await page.getByRole('alert').waitFor()
    line.up()
    await page.getByRole('button', { name: 'Try again' }).click()
    await waitForAnswer(page, /Here I am\./)
  })

  it('renders hostile Markdown as harmless: nothing runs, nothing is loaded, no misleading link', async () => {
    const hostile = [
      '<img src="https://evil.example/a.png" onerror="window.hacked = 1">',
      '<script>window.hacked = 1</script>',
      '![x](https://evil.example/b.png?secret=1)',
      '[click](javascript:window.hacked=1) [data](data:text/html,<script>window.hacked=1</script>)',
      '[tab](java&#9;script:window.hacked=1) <javascript:window.hacked=1> [file](file:///etc/passwd)',
      '[quote](https://evil.example/"onmouseover="window.hacked=1)',
      '- <svg onload="window.hacked = 1">',
      '# <b onclick="window.hacked = 1">bold</b>',
      '| <form action="https://evil.example"><input name="x"> |\n| --- |\n| <math><mi xlink:href="javascript:1"> |',
      '```html"><img src=x onerror=window.hacked=1>\n<iframe src="https://evil.example/c"></iframe>\n```',
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
    await waitForAnswer(page, /Done\./)
    await isOver(page)
    for (const details of await page.locator('summary').all()) await details.click()
    // rendered once while streaming, once from storage
    for (let loads = 0; loads < 2; loads++) {
      expect(await page.textContent('.user p')).toBe(hostile.join(' '))
      const text = page.locator('.text').first()
      for (const shown of [hostile[0], hostile[1], '<svg onload', '<b onclick', '<iframe src='])
        expect(await text.textContent()).toContain(shown)
      const links = await page
        .locator('#log a[href]')
        .evaluateAll((all) =>
          all.map((one) => ['href', 'target', 'rel'].map((name) => one.getAttribute(name))),
        )
      const safe = ['_blank', 'noopener noreferrer nofollow']
      expect(links).toEqual([
        // a web URL is a link wherever it is
        ['https://evil.example/a.png', ...safe],
        ['https://evil.example/b.png?secret=1', ...safe],
        ['https://evil.example/%22onmouseover=%22window.hacked=1', ...safe],
        ['https://evil.example%22%3E', ...safe],
      ])
      const odd = await page
        .locator('#log *')
        .evaluateAll((all) =>
          all
            .filter(
              (one) =>
                /^(?:img|script|svg|iframe|form|math|style)$/.test(one.localName) ||
                one.getAttributeNames().some((name) => /^(?:on|src|style|id|name)/.test(name)),
            )
            .map((one) => one.outerHTML),
        )
      expect(odd).toEqual([])
      expect(await page.evaluate(() => 'hacked' in window)).toBe(false)
      await page.reload()
    }
    expect(foreign).toEqual([])
  })

  it('renders the same text however it was split', async () => {
    const text = [
      '# A *title*\n## Below it',
      'A line\nand **another**, `code`, 2 * 3 * 4, **open\n- one\n  - inside\n    1. deeper\n- two\n  goes on\n',
      '10) ten\n11) eleven',
      '- [x] done\n- [ ] open',
      '> quoted\n> twice',
      '| a | b |\n| :-- | --: |\n| 1 | `x\\|y` |\n| 2 | |',
      '```ts\nconst a = 1\n\n# no title\n```\nBehind it [a link][ref], ~~gone~~.',
      '---',
      'One paragraph.\r\n--- which goes on',
      '[ref]: https://example.com/a "Title"',
      '```\nnever closed\n\n- no list',
    ].join('\n\n')
    const { page } = await open([say(text, { chunks: text.length }).splitEvents()])
    await ask(page, 'Write')
    await isOver(page)
    const drawn = await page.locator('.text').innerHTML()
    await page.reload()
    expect(await page.locator('.text').innerHTML()).toBe(drawn)
    expect(drawn.replace(/>\n+/g, '>').replace(/\n+</g, '<')).toBe(
      [
        '<h3 dir="auto">A <em>title</em></h3>',
        '<h4 dir="auto">Below it</h4>',
        '<p dir="auto">A line\nand <strong>another</strong>, <code>code</code>, 2 * 3 * 4, **open</p>',
        '<ul dir="auto"><li>one<ul><li>inside<ol><li>deeper</li></ol></li></ul></li>',
        '<li>two\ngoes on</li></ul>',
        '<ol start="10" dir="auto"><li>ten</li><li>eleven</li></ol>',
        '<ul dir="auto"><li><input type="checkbox" aria-label="Done" disabled="" checked=""> done</li>',
        '<li><input type="checkbox" aria-label="Done" disabled=""> open</li></ul>',
        '<blockquote dir="auto"><p>quoted\ntwice</p></blockquote>',
        '<div class="table" tabindex="0" role="region" aria-label="Table" dir="auto"><table>',
        '<thead><tr><th align="left">a</th><th align="right">b</th></tr></thead>',
        '<tbody><tr><td align="left">1</td><td align="right"><code>x|y</code></td></tr>',
        '<tr><td align="left">2</td><td align="right"></td></tr></tbody></table></div>',
        '<div class="code" dir="ltr"><div class="bar"><span>ts</span><button type="button">Copy</button></div>',
        '<pre tabindex="0"><code>const a = 1\n\n# no title</code></pre></div>',
        '<p dir="auto">Behind it <a href="https://example.com/a" title="Title" target="_blank" rel="noopener noreferrer nofollow">a link</a>, <del>gone</del>.</p>',
        '<hr>',
        '<p dir="auto">One paragraph.\n--- which goes on</p>',
        '<div class="code" dir="ltr"><div class="bar"><span>text</span><button type="button">Copy</button></div>',
        '<pre tabindex="0"><code>never closed\n\n- no list</code></pre></div>',
      ].join(''),
    )
  })

  it('renders a long response once: at most per frame, and never again what is complete', async () => {
    const paragraphs = Array.from({ length: 120 }, (_, at) => `Paragraph ${at} is **short**.`)
    const { page } = await open([say(paragraphs.join('\n\n'), { chunks: 2_000 }).splitEvents()])
    await page.evaluate(countWork, 'p')
    await ask(page, 'Write')
    await isOver(page)
    const { frames, redraws, settledRedraws } = await page.evaluate(() => globalThis.work)
    expect(await page.locator('.text > p').count()).toBe(120)
    expect(settledRedraws).toBe(0)
    expect(redraws).toBeLessThanOrEqual(frames)
  })

  it('shows no Markdown syntax while a response streams, only its meaning', async () => {
    const text =
      'Some **bold words** and [a link](https://example.com/long/address).\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```js\nlet a\n```\n\n- one\n- two'
    // split inside each mark, with what the page shows at that point
    const cuts = [
      ['Some *', /^Some\s*$/],
      ['Some **bo', /^Some bo$/],
      ['[a li', /and a li$/],
      ['[a link]', /and a link$/],
      ['https://exam', /and a link$/],
      ['| 1', /a\s+b\s*$/],
      ['```js\nle', /le\s*$/],
      ['- on', /on\s*$/],
    ] as const
    const gates = cuts.map(gate)
    // Anthropic sends three events before the first delta
    const reply = cuts.reduce(
      (reply, [cut], at) =>
        reply.hold(3 + text.indexOf(cut) + cut.length, (gates[at] ?? gate()).opened),
      say(text, { chunks: text.length }).splitEvents(),
    )
    const { page } = await open([reply])
    await page.evaluate(() => {
      globalThis.seen = new Set<string>()
      new MutationObserver(() => {
        for (const one of document.querySelectorAll('.text'))
          globalThis.seen.add(one.textContent ?? '')
      }).observe(document.body, { childList: true, characterData: true, subtree: true })
    })
    await ask(page, 'Write')
    for (const [at, [, shown]] of cuts.entries()) {
      await waitForAnswer(page, shown)
      gates[at]?.open()
    }
    await isOver(page)
    const seen = await page.evaluate(() => [...globalThis.seen])
    // what it waited for; a busy page may show no text in between
    const shown = new Set(cuts.map(([, pattern]) => pattern.source))
    expect(seen.length).toBeGreaterThanOrEqual(shown.size)
    for (const text of seen) expect(text).not.toMatch(/[*|`[\](]|--|https/)
  })

  it('sets each text in its own direction, code always left to right', async () => {
    const { page } = await open([
      say(
        'שלום, `npm i`!\n\n1. ראשון\n2. שני\n\n| א | ב |\n|---|---|\n| 1 | 2 |\n\n```js\nlet a\n```\n\nIn English.',
      ),
    ])
    await page.fill('#input', 'مرحبا')
    expect(await directionOf(page, '#input')).toBe('rtl')
    await ask(page, 'مرحبا')
    await isOver(page)
    expect(await directionOf(page, '.user p')).toBe('rtl')
    for (const [selector, direction] of [
      ['.text > p:first-child', 'rtl'],
      ['.text ol', 'rtl'],
      ['.text table', 'rtl'],
      ['.text pre', 'ltr'],
      ['.text > p:last-child', 'ltr'],
    ] as const)
      expect([selector, await directionOf(page, selector)]).toEqual([selector, direction])
  })

  it('copies code, by keyboard too, and lets it be selected where the clipboard is denied', async () => {
    const { page } = await open([say('```sh\nnpm i tetrad\nnpm test\n```')])
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await ask(page, 'How?')
    await isOver(page)
    expect(await page.textContent('.code .bar span')).toBe('sh')
    const copy = page.locator('.code button')
    await copy.focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => copy.textContent()).toBe('Copied')
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('npm i tetrad\nnpm test')
    await page.context().clearPermissions()
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error('no'))
    })
    await copy.click()
    await expect.poll(() => copy.textContent()).toBe('Selected')
    expect(await page.evaluate(() => `${getSelection()}`)).toBe('npm i tetrad\nnpm test')
  })

  it('names the speaker, and announces a response to a screen reader once', async () => {
    const { page } = await open([say('**Hello** there.\n\n- one')])
    await page.evaluate(() => {
      globalThis.seen = new Set<string>()
      const news = document.querySelector('#news')
      const note = () => globalThis.seen.add(news?.textContent ?? '')
      if (news) new MutationObserver(note).observe(news, { childList: true })
    })
    await ask(page, 'Hi')
    await isOver(page)
    expect(await page.evaluate(() => [...globalThis.seen].slice(0, 2))).toEqual([
      'The assistant is answering',
      'The assistant: Hello there.\none',
    ])
    expect(await page.locator('article h2').allTextContents()).toEqual(['You', 'Assistant'])
    expect(await page.getAttribute('#log', 'aria-live')).toBe('off')
  })

  it('keeps the focus: after a suggestion, a stop by keyboard and a decision', async () => {
    const { page } = await open([
      stalling('One two three'),
      callTool('book_table', { restaurant: 'Ponto', guests: 2, time: '19:30' }),
      say('Done.'),
    ])
    const focus = () => page.evaluate(() => document.activeElement?.id)
    await page.locator('#ideas button').first().focus()
    await page.keyboard.press('Enter')
    await waitForAnswer(page, /^One/)
    expect(await focus()).toBe('log')
    await page.keyboard.press('Tab')
    expect(await focus()).toBe('input')
    await page.keyboard.press('Tab')
    expect(await focus()).toBe('stop')
    await page.keyboard.press('Enter')
    await isOver(page)
    expect(await focus()).toBe('input')
    await page.keyboard.type('Book a table')
    await page.keyboard.press('Enter')
    const allow = page.getByRole('button', { name: 'Allow' })
    await allow.waitFor()
    await isOver(page)
    for (
      let steps = 0;
      steps < 6 && !(await allow.evaluate((one) => one.matches(':focus')));
      steps++
    )
      await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await waitForAnswer(page, /Done\./)
    expect(await focus()).toBe('log')
  })

  it('keeps the scroll position of its reader, with a button to the end', async () => {
    const { open: release, opened } = gate()
    const story = Array.from({ length: 60 }, (_, at) => `Line ${at}.`).join('\n\n')
    const { page } = await open([say(story).splitEvents().hold(100, opened)])
    await ask(page, 'Write')
    await waitForAnswer(page, /Line 20/)
    await page.locator('#log').evaluate((log) => log.scrollTo(0, 0))
    const latest = page.getByRole('button', { name: 'Jump to latest' })
    await latest.waitFor()
    release()
    await isOver(page)
    expect(await page.locator('#log').evaluate((log) => log.scrollTop)).toBe(0)
    await latest.focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => latest.isVisible()).toBe(false)
    const left = await page
      .locator('#log')
      .evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)
    expect(left).toBeLessThan(2)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('log')
  })

  it('leaves room to read on a phone in landscape, however long the input is', async () => {
    const { page } = await open([], { ...phone, viewport: { width: 740, height: 340 } })
    await page.fill('#input', 'A line\n'.repeat(30))
    const box = await page.locator('#form').boundingBox()
    expect(box?.height).toBeLessThanOrEqual(100)
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(340)
  })

  it('clears a conversation when a new one is started', async () => {
    const { page, provider } = await open([stalling('One two three'), say('Hello again.')])
    await ask(page, 'Remember me')
    await waitForAnswer(page, /^One/)
    await page.click('#clear')
    expect(await provider.requests[0]?.closed).toBe(true)
    await page.waitForSelector('#welcome')
    await page.click('#ideas button')
    await waitForAnswer(page, /Hello again\./)
    expect((await provider.request(1)).text).not.toContain('Remember me')
  })

  it('sends the selected model', async () => {
    const { page, provider } = await open([say('Hi.')])
    await page.selectOption('#model', 'Gemini')
    await ask(page, 'Hi')
    await waitForAnswer(page, /Hi\./)
    expect(provider.requests[0]?.provider).toBe('gemini')
  })

  it('reports when a response is no longer available, and sends the question again', async () => {
    const { page, provider } = await open([stalling('One two three'), say('All of it.')])
    await ask(page, 'Count')
    await waitForAnswer(page, /^One/)
    await page.evaluate(() => sessionStorage.setItem('tetrad.running', 'nobody-knows-it'))
    await page.reload()
    await page.getByRole('alert').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await waitForAnswer(page, /All of it\./)
    expect(provider.requests).toHaveLength(2)
  })

  const screens = [
    { name: 'phone', screen: phone },
    { name: 'desktop', screen: { viewport: { width: 1120, height: 800 } } },
  ]
  const questions = {
    welcome: '',
    text: 'How do layers work?',
    table: 'Compare three rivers',
    rtl: 'كيف أطبخ الأرز؟',
    approval: 'Book a table for two tonight',
  }
  it.each(
    screens.flatMap((one) =>
      Object.entries(questions).map(([what, question]) => ({ ...one, what, question })),
    ),
  )('fits its screen, in light and dark mode: $name, $what', async (shown) => {
    const partner = script()
    const { page, provider } = await open([], shown.screen)
    provider.reply((request) => partner(request).delay({}))
    if (shown.question) {
      await ask(page, shown.question)
      await isOver(page)
      await page.locator('#log').evaluate((log) => log.scrollTo(0, 0))
    }
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      expect(Number(/\d+/.exec(paper)) > 128).toBe(colorScheme === 'light')
      await screenshot(page, `chat-${shown.name}-${colorScheme}-${shown.what}`)
      expect(await graveFaults(page, colorScheme === 'dark' ? 'colors' : undefined)).toEqual([])
    }
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0)
    expect(await isWide(page)).toBe(false)
    await page.setViewportSize({ width: 320, height: 568 })
    expect(await isWide(page)).toBe(false)
  })
})

/** A promise that the test resolves. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** Emits so much, then nothing. */
const stalling = (text: string): Reply => say(text).splitEvents().stall(5)

async function ask(page: Page, question: string): Promise<void> {
  await page.fill('#input', question)
  await page.press('#input', 'Enter')
  await page.waitForSelector('.user:nth-last-child(-n+2)')
}

/** Waits until the last response contains it. */
const waitForAnswer = (page: Page, text: RegExp) =>
  page.locator('.assistant').last().locator('.text', { hasText: text }).first().waitFor()

/** Waits until no response is streaming. */
const isOver = (page: Page) => page.waitForSelector('#log:not(:has(.running)) .assistant')

const textOf = async (page: Page): Promise<string> =>
  (await page.locator('.assistant').last().locator('.text').allTextContents()).join('')
