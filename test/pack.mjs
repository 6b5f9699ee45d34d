// The package as a user gets it: packed, installed in an empty folder, imported and type-checked. node test/pack.mjs
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'pack-'))
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
const check = (what, isTrue) => {
  if (!isTrue) throw new Error(what)
  console.log(`✓ ${what}`)
}
const sizeOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size

try {
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  )
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  run(
    'npm',
    ['i', '--omit=peer', '--no-audit', '--no-fund', '--loglevel=error', join(folder, filename)],
    folder,
  )
  const modules = join(folder, 'node_modules')
  const packages = readdirSync(modules).filter((name) => !name.startsWith('.'))
  check(
    `installs ${packages.join(' and ')} and nothing else`,
    packages.sort().join() === 'eventsource-parser,tetrad',
  )
  const bytes = packages.reduce((sum, name) => sum + sizeOf(join(modules, name)), 0)
  check(`the install is ${(bytes / 1e6).toFixed(2)} MB, under 1`, bytes < 1e6)
  const manifest = JSON.parse(readFileSync(join(modules, 'tetrad/package.json'), 'utf8'))
  check(
    'no install scripts',
    !Object.keys(manifest.scripts ?? {}).some((name) => /install|prepare/.test(name)),
  )

  const wild = (name) =>
    readdirSync(join(modules, `tetrad/dist/${name}`)).filter(
      (file) => file.endsWith('.js') && file !== 'index.js',
    )
  const subpaths = Object.keys(manifest.exports).flatMap((path) =>
    path.includes('*')
      ? wild(path.split('/')[1]).map((file) => path.replace('*', file.replace('.js', '')))
      : [path],
  )
  const names = subpaths
    .filter((path) => path !== './package.json')
    .map((path) => `tetrad${path.slice(1)}`)
  // handlers read requests with zod, an optional peer: it is what their user has
  const plain = names.filter((name) => !name.includes('/http/'))
  writeFileSync(
    join(folder, 'all.mjs'),
    plain.map((name) => `await import(${JSON.stringify(name)})`).join('\n'),
  )
  run(process.execPath, ['all.mjs'], folder)
  check(`${plain.length} subpaths import`, plain.length > 15)

  const readme = readFileSync(join(root, 'README.md'), 'utf8').match(/```ts\n([\s\S]*?)```/)[1]
  writeFileSync(join(folder, 'readme.ts'), readme)
  const compiler = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    noEmit: true,
    types: [],
    lib: ['es2023', 'dom', 'dom.iterable'],
    skipLibCheck: false,
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { ...compiler, exactOptionalPropertyTypes: true },
      files: ['readme.ts'],
    }),
  )
  writeFileSync(
    join(folder, 'readme.ts'),
    `declare const process: { stdout: { write(text: string): void } }\n${readme}`,
  )
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], folder)
  check('the first lines of the README type-check', true)

  writeFileSync(
    join(folder, 'call.mjs'),
    `import { createClient } from 'tetrad'
import { standard, trace } from 'tetrad/middleware'
import { anthropic } from 'tetrad/providers/anthropic'
import { mockServer, say } from 'tetrad/testing'
const server = await mockServer([say('The Rhine.')])
const ai = createClient({ providers: [anthropic(server.options('anthropic'))], use: standard() })
const reply = await ai.generate({ model: 'anthropic/claude-sonnet-4-5', messages: [{ role: 'user', content: 'A river?' }] })
console.log(JSON.stringify({ text: reply.text, trace: trace(ai) }))
await server.close()`,
  )
  const { text, trace } = JSON.parse(run(process.execPath, ['call.mjs'], folder))
  check('a first call answers', text === 'The Rhine.')
  check(
    'layers keep their names',
    ['alias', 'tools', 'retry', 'params'].every((name) => new RegExp(`${name}$`, 'm').test(trace)),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
