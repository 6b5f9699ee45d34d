/**
 * Checks the built site in a real browser: its home, its search, its API, and that no page is wider
 * than a phone.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { findCommand } from '../needs.js'

const site = fileURLToPath(new URL('../../artefacts/site', import.meta.url))
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
}

/** Like a static host with clean URLs: `/http` is http.html, `/api/` its index. */
const server = createServer((request, response) => {
  const path = join(site, new URL(request.url ?? '/', 'http://site').pathname)
  const file = [join(path, 'index.html'), `${path}.html`, path].find(
    (name) => existsSync(name) && extname(name) !== '',
  )
  if (!file) return response.writeHead(404).end()
  response.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' })
  response.end(readFileSync(file))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
// a server that listens on TCP has an address with a port
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const executablePath = findCommand('chromium')
assert(executablePath, 'The check of the site wants chromium')
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
try {
  const desk = await browser.newPage()
  const errors: unknown[] = []
  desk.on('pageerror', (error) => errors.push(error))
  await desk.goto(url)
  await desk.locator('h1').getByText('tetrad').waitFor()

  await desk.getByRole('button', { name: 'Search' }).first().click()
  await desk.locator('#localsearch-input').fill('StreamInterruptedError')
  await desk.locator('a.result').first().click()
  await desk.waitForURL((address) => address.pathname !== '/')
  await desk.locator('main').getByText('StreamInterruptedError').first().waitFor()
  console.log('✓ home, search')

  await desk.goto(`${url}/api/`)
  await desk.getByRole('link', { name: 'tetrad/middleware/retry' }).first().click()
  await desk.getByText('retryBudget').first().waitFor()
  console.log('✓ API')

  const phone = await browser.newPage({ viewport: { width: 360, height: 740 } })
  phone.on('pageerror', (error) => errors.push(error))
  const pages = readdirSync(site).filter((name) => name.endsWith('.html') && name !== '404.html')
  for (const name of pages) {
    await phone.goto(`${url}/${name.replace(/(index)?\.html$/, '')}`)
    const width = await phone.evaluate(() => document.documentElement.scrollWidth)
    assert(width <= 360, `${name} is ${width} pixels wide on a phone of 360`)
  }
  console.log(`✓ ${pages.length} pages at a width of 360`)
  assert.deepEqual(errors, [])
} finally {
  await browser.close()
  server.close()
}
