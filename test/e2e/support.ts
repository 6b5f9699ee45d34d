/**
 * Real Chromium, servers and a network line that can be cut, for tests of whole pages. Everything a
 * test opens is closed with it.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer, type RequestListener, Server } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import { fileURLToPath } from 'node:url'
import axeCore from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { findCommand } from '../needs.js'

const executablePath = findCommand('chromium') ?? ''

/** Page tests run if a browser is installed. */
export const hasChromium = existsSync(executablePath)

export interface TestBrowser {
  /**
   * A page in its own context, closed with its test; an uncaught error or a console error fails the
   * test.
   */
  page(options?: BrowserContextOptions): Promise<Page>
}

/** Starts Chromium with an empty profile before the tests of a file and closes it after them. */
export function useChromium(): TestBrowser {
  let browser: Browser | undefined
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  })
  afterAll(() => browser?.close())
  return {
    async page(options) {
      if (!browser) throw new Error('Chromium is not running: open pages in tests')
      const context = await browser.newContext(options)
      const page = await context.newPage()
      const errors: Error[] = []
      page.on('pageerror', (error) => errors.push(error))
      // a cut line is part of a test, any other console output is not
      page.on('console', (entry) => {
        const isOurs = entry.type() === 'error' && !/Failed to load resource/.test(entry.text())
        if (isOurs) errors.push(new Error(entry.text()))
      })
      onTestFinished(async () => {
        await context.close()
        expect(errors).toEqual([])
      })
      return page
    },
  }
}

/** Serves on a free loopback port until the test is over; returns the URL. */
export async function serve(server: Server | RequestListener): Promise<string> {
  const listening = server instanceof Server ? server : createServer(server)
  const url = await listen(listening)
  onTestFinished(() => {
    listening.closeAllConnections()
    return closed(listening)
  })
  return url
}

/**
 * A network line to a server: it can be cut in the middle of a response, and stay down for a while.
 */
export interface Line {
  readonly url: string
  /** Number of connections, including rejected ones. */
  readonly connections: number
  /** Resets open connections and rejects new ones. */
  down(): void
  /** Accepts connections again. */
  up(): void
}

/** Puts a TCP proxy in front of a server. */
export async function lineTo(url: string): Promise<Line> {
  const { port } = new URL(url)
  const sockets = new Set<Socket>()
  let isDown = false
  let connections = 0
  const proxy = createNetServer((near) => {
    connections++
    if (isDown) {
      near.resetAndDestroy()
      return
    }
    const far = connect(Number(port), '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  const breakAll = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const address = await listen(proxy)
  onTestFinished(() => {
    breakAll()
    return closed(proxy)
  })
  return {
    url: address,
    get connections() {
      return connections
    },
    down() {
      isDown = true
      breakAll()
    },
    up() {
      isDown = false
    },
  }
}

/** Serious and critical findings of axe-core on a page; `colors`: only colour contrast. */
export async function graveFaults(page: Page, only?: 'colors'): Promise<readonly string[]> {
  await page.evaluate(axeCore.source)
  const { violations } = await page.evaluate(
    (rules) => globalThis.axe.run(rules ? { runOnly: rules } : {}),
    only && ['color-contrast', 'link-in-text-block'],
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    )
}

/** Whether the page scrolls sideways. */
export const isWide = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth > innerWidth)

/** The text direction that a browser computes for an element. */
export const directionOf = (page: Page, selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((element) => getComputedStyle(element).direction)

interface Work {
  frames: number
  /** Milliseconds from the first redraw to the last. */
  ms: number
  /** Batches of mutations inside responses. */
  redraws: number
  /** Mutations of blocks that are followed by others. */
  settledRedraws: number
}

declare global {
  var axe: typeof import('axe-core')
  /** Filled by `countWork` in a page. */
  var work: Work
  var seen: Set<string>
}

/** Runs in a page: counts frames and mutations in responses, until it is closed. */
export function countWork(block: string): void {
  globalThis.work = { frames: 0, ms: 0, redraws: 0, settledRedraws: 0 }
  let first: number | undefined
  const { work } = globalThis
  const frame = () => {
    work.frames++
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  const settled = new Set<Element>()
  new MutationObserver((records) => {
    const changed = records.map(({ target }) =>
      target instanceof Element ? target : target.parentElement,
    )
    if (!changed.some((target) => target?.closest('.text'))) return
    work.redraws++
    first ??= performance.now()
    work.ms = performance.now() - first
    const removed = records.flatMap(({ removedNodes }) => [...removedNodes])
    for (const one of settled)
      if (removed.includes(one) || changed.some((target) => target && one.contains(target)))
        work.settledRedraws++
    const blocks = [...document.querySelectorAll(`.assistant .text ${block}`)]
    for (const one of blocks.slice(0, -2)) settled.add(one)
  }).observe(document.body, { childList: true, characterData: true, subtree: true })
}

const artefacts = fileURLToPath(new URL('../../artefacts/', import.meta.url))

/** Saves a screenshot of the page as `artefacts/<name>.png`. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(artefacts, { recursive: true })
  await page.screenshot({ path: `${artefacts}${name}.png` })
}

async function listen(server: NetServer): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  // a TCP server that listens has an address with a port
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

const closed = (server: NetServer) => new Promise<void>((resolve) => server.close(() => resolve()))
