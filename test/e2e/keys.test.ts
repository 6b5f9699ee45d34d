/** A server key in a page: rejected before anything is sent, in a window and in a worker. */
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { hasChromium, serve, useChromium } from './support.js'

const root = new URL('../..', import.meta.url).pathname

const script = `
import { createClient } from './src/client.js'
import { anthropic } from './src/providers/anthropic/index.js'
import { compatible } from './src/providers/compatible/index.js'
import { gemini } from './src/providers/gemini/index.js'
import { openai } from './src/providers/openai/index.js'
import { xai } from './src/providers/xai/index.js'

globalThis.ask = async (allowed) => {
  const sent = []
  const fetch = async (url) => {
    sent.push(String(url))
    throw new TypeError('no network')
  }
  const options = { apiKey: 'canary-key', fetch, ...(allowed && { dangerouslyAllowBrowser: true }) }
  const own = { ...options, name: 'own', baseURL: 'http://own.test/v1' }
  const ai = createClient({
    providers: [openai(options), anthropic(options), gemini(options), xai(options), compatible(own)],
  })
  const names = []
  for (const provider of ['openai', 'anthropic', 'gemini', 'xai', 'own'])
    await ai
      .generate({ model: provider + '/any', messages: [{ role: 'user', content: 'Hi' }] })
      .catch((error) => names.push(error.name + (error.message.includes('canary') ? ' with key' : '')))
  return { names, sent: sent.length }
}
globalThis.onmessage = async ({ data }) => {
  if (typeof document === 'undefined') postMessage(await ask(data))
}
`

describe.skipIf(!hasChromium)('a provider in a page', () => {
  const browser = useChromium()

  it.each(['window', 'worker'] as const)('keeps its key to itself: %s', async (place) => {
    const { outputFiles } = await build({
      stdin: { contents: script, resolveDir: root, loader: 'js' },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      // files are fetched only on servers
      external: ['node:*'],
      write: false,
    })
    const url = await serve((request, response) => {
      const isScript = request.url === '/keys.js'
      response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
      response.end(
        isScript ? outputFiles[0]?.text : '<script type="module" src="/keys.js"></script>',
      )
    })
    const page = await browser.page()
    await page.goto(url)
    const ask = (isAllowed: boolean) =>
      page.evaluate(
        ([place, isAllowed]) =>
          place === 'window'
            ? (globalThis as never as { ask(allowed: boolean): unknown }).ask(isAllowed)
            : new Promise((resolve) => {
                const worker = new Worker('/keys.js', { type: 'module' })
                worker.onmessage = ({ data }) => resolve(data)
                worker.postMessage(isAllowed)
              }),
        [place, isAllowed] as const,
      )
    expect(await ask(false)).toEqual({ names: Array(5).fill('MisuseError'), sent: 0 })
    expect(await ask(true)).toEqual({ names: Array(5).fill('APIConnectionError'), sent: 5 })
  })
})
