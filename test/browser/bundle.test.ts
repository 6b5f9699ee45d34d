import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

const root = new URL('../..', import.meta.url).pathname

describe('the browser client in a bundle', () => {
  const bundled = build({
    absWorkingDir: root,
    stdin: {
      contents: `export { createBrowserClient } from './src/browser/index.js'`,
      resolveDir: root,
    },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
  })

  it('is smaller than 5.3 kB gzipped', async () => {
    const { outputFiles } = await bundled
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(5300)
  })

  it('contains no provider, no server and nothing of Node', async () => {
    const { metafile, outputFiles } = await bundled
    const inputs = Object.values(metafile.outputs)[0]?.inputs ?? {}
    const used = Object.keys(inputs).filter((path) => (inputs[path]?.bytesInOutput ?? 0) > 0)
    expect(used).not.toEqual([])
    for (const path of used) expect(path).toMatch(/^src\/(browser|chat|core)\//)
    expect(outputFiles[0]?.text).not.toMatch(/api[._-]?key|\bnode:|process\.|api\.openai\.com/i)
  })
})
