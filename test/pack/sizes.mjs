/** Reports what an app that imports a part of the package ships, minified. A budget is asserted for `browser`. */
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { check, root } from './support.mjs'

const provider = (name) => `export { ${name} } from './providers/${name}.js'`
const client = `export { createClient } from './client.js'`
const parts = {
  core: client,
  'core + openai': `${client}\n${provider('openai')}`,
  'core + anthropic': `${client}\n${provider('anthropic')}`,
  'core + gemini': `${client}\n${provider('gemini')}`,
  'core + xai': `${client}\n${provider('xai')}`,
  'core + compatible': `${client}\n${provider('compatible')}`,
  'all four': `export { createClient } from './index.js'`,
  'core + http/web': `${client}\nexport { handler } from './http/web.js'`,
  browser: `export * from './browser.js'`,
}

async function bundle(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(root, 'dist') },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*'],
    mainFields: ['module', 'main'],
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0].contents
}

const rows = {}
for (const [name, code] of Object.entries(parts)) {
  const bytes = await bundle(code)
  rows[name] = { kB: bytes.length / 1000, 'kB gzipped': gzipSync(bytes).length / 1000 }
}
console.table(rows)
check('browser is at most 5.2 kB gzipped', rows.browser['kB gzipped'] <= 5.2)
