/**
 * Reports the minified size of an app that imports a part of the package. A budget is asserted for
 * `browser`.
 */
import { readFileSync } from 'node:fs'
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
  browser: `export { createBrowserClient } from './browser.js'`,
}

/** Bytes that are loaded at once: modules imported on demand are counted separately. */
async function bundle(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: join(root, 'dist') },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*'],
    mainFields: ['module', 'main'],
    outdir: join(root, 'dist'),
    write: false,
    metafile: true,
    logLevel: 'error',
  })
  const chunks = new Map(Object.entries(metafile.outputs))
  const atOnce = new Set()
  const follow = (path) => {
    if (atOnce.has(path)) return
    atOnce.add(path)
    for (const { path: next, kind } of chunks.get(path).imports)
      if (kind === 'import-statement' && chunks.has(next)) follow(next)
  }
  follow([...chunks.keys()].find((path) => chunks.get(path).entryPoint === '<stdin>'))
  const isAtOnce = ({ path }) => [...atOnce].some((name) => path.endsWith(name))
  const sizes = (files) =>
    files.map(({ contents: bytes }) => [bytes.length, gzipSync(bytes).length])
  return {
    first: total(sizes(outputFiles.filter(isAtOnce))),
    later: total(sizes(outputFiles.filter((file) => !isAtOnce(file)))),
  }
}

const total = (sizes) => [0, 1].map((i) => sizes.reduce((sum, size) => sum + size[i], 0) / 1000)

const rows = {}
for (const [name, code] of Object.entries(parts)) {
  const { first, later } = await bundle(code)
  rows[name] = { kB: first[0], 'kB gzipped': first[1], 'kB on demand': later[0] }
}
console.table(rows)

/** Maximum size of each part, in kB. The targets are 30 and 95. */
const bounds = {
  core: 63,
  'core + openai': 173,
  'core + anthropic': 178,
  'core + gemini': 172.5,
  'core + xai': 175,
  'core + compatible': 158,
  'all four': 87,
}
for (const [name, most] of Object.entries(bounds))
  check(`${name} is at most ${most} kB`, rows[name].kB <= most)
check('a route is at most 57 kB above the client', rows['core + http/web'].kB - rows.core.kB <= 57)
check('browser is at most 5.3 kB gzipped', rows.browser['kB gzipped'] <= 5.3)

/** Files that Node opens at once for these entries: each costs it a millisecond or two. */
async function filesOf(...entries) {
  const { metafile } = await build({
    entryPoints: entries.map((entry) => join(root, 'dist', `${entry}.js`)),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*', 'eventsource-parser'],
    outdir: join(root, 'dist'),
    write: false,
    metafile: true,
    logLevel: 'error',
  })
  const found = new Set()
  const follow = (path) => {
    if (found.has(path)) return
    found.add(path)
    for (const { path: next, kind } of metafile.inputs[path]?.imports ?? [])
      if (kind === 'import-statement' && metafile.inputs[next]) follow(next)
  }
  for (const { entryPoint } of Object.values(metafile.outputs)) follow(entryPoint)
  return found.size
}

const mostFiles = {
  'client providers/openai middleware/index': 11,
  'http/web': 9,
  inbox: 5,
  store: 3,
  browser: 2,
}
for (const [entries, most] of Object.entries(mostFiles)) {
  const files = await filesOf(...entries.split(' '))
  check(`${entries.replaceAll(' ', ' + ')}: ${files} files, at most ${most}`, files <= most)
}

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const [, mostTold] = /core with one provider is [\d.]+ to ([\d.]+) kB/.exec(readme)
const largest = Math.max(
  ...Object.keys(bounds).map((name) => (/ \+ /.test(name) ? rows[name].kB : 0)),
)
check(
  `README says at most ${mostTold} kB of the core with one provider`,
  largest <= Number(mostTold) + 0.5,
)
