/** Checks the layers and the code style of the package by parsing its sources. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const layers = ['chat', 'core', 'schema', 'sse', 'transport', 'providers', 'client'] as const
const roofs = ['openai', 'ai-sdk', 'store', 'http', 'browser', 'inbox', 'text', 'testing'] as const

function* sources(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) yield* sources(path)
    else if (/\.tsx?$/.test(name)) yield relative(root, path)
  }
}

const files = [...sources(join(root, 'src')), ...sources(join(root, 'middleware'))]
/** Line counts of the functions that have a name or a body. */
function* lengthsOf(file: string): Generator<readonly [lines: number, place: string]> {
  const text = readFileSync(join(root, file), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const line = (at: number) => source.getLineAndCharacterOfPosition(at).line + 1
  const waiting: ts.Node[] = [source]
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const start = line(node.getStart())
      yield [line(node.end) - start + 1, `${file}:${start}`]
    }
    node.forEachChild((child) => void waiting.push(child))
  }
}
/** Assignments of a function expression to a member. */
function* assignedFunctions(file: string): Generator<string> {
  const text = readFileSync(join(root, file), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const waiting: ts.Node[] = [source]
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
      ts.isPropertyAccessExpression(node.left) &&
      ts.isFunctionLike(node.right)
    )
      yield `${file}: ${node.getText().slice(0, 60)}`
    node.forEachChild((child) => void waiting.push(child))
  }
}
/** Number of casts in a file; a double cast through `unknown` counts once. */
function castsOf(source: ts.Node): number {
  const isCast = (node: ts.Node) =>
    ts.isTypeAssertionExpression(node) ||
    (ts.isAsExpression(node) && !ts.isConstTypeReference(node.type))
  let casts = isCast(source) && !isCast(source.parent) ? 1 : 0
  source.forEachChild((child) => {
    casts += castsOf(child)
  })
  return casts
}
const importsOf = (file: string): string[] =>
  [
    ...readFileSync(join(root, file), 'utf8').matchAll(
      /^(?:import|export)[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/gms,
    ),
  ].map((match) => match[1] ?? match[2] ?? '')
/** Type-only modules of a provider's official SDK: they describe its wire and load nothing. */
const isType = (file: string, path: string) =>
  /^src\/providers\/\w+\/wire\.ts$/.test(file) &&
  /^(openai|@anthropic-ai\/sdk|@google\/genai)(\/|$)/.test(path) &&
  readFileSync(join(root, file), 'utf8')
    .split(/^(?=import )/m)
    .every((statement) => !statement.includes(`'${path}'`) || statement.startsWith('import type'))
const local = (file: string) =>
  importsOf(file)
    .filter((path) => path.startsWith('.'))
    .map((path) => relative(root, resolve(root, dirname(file), path)).replace(/\.js$/, '.ts'))

/** The area of a file: `core`, `providers/openai`, `client`, `middleware`. */
function areaOf(file: string): string {
  const [top = '', second = '', third] = file.split('/')
  if (top === 'middleware') return 'middleware'
  if (third === undefined) return 'client'
  return second
}

const allowed = (from: string): readonly string[] => {
  if (from === 'middleware') return ['chat', 'core', 'schema', 'store']
  // src/client.ts imports the providers, so it may import every layer
  const at = layers.indexOf(from as (typeof layers)[number])
  return at >= 0 ? layers.slice(0, at) : layers
}

describe('the architecture', () => {
  it.each(files)('%s imports only from lower layers', (file) => {
    const here = areaOf(file)
    for (const target of local(file)) {
      const there = areaOf(target)
      if (there === here) continue
      // formats and the test server use Chat Completions objects, handlers keep answers in a store
      const isShared = roofs.includes(here as never) && (there === 'openai' || there === 'store')
      expect([...allowed(here), ...(isShared ? [there] : [])], `${file} → ${target}`).toContain(
        there,
      )
    }
  })

  it('every import resolves to a file', () => {
    const known = new Set(files)
    const broken = files.flatMap((file) =>
      local(file)
        .filter((target) => !known.has(target))
        .map((target) => `${file} → ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('has no import cycles, type imports included', () => {
    const done = new Set<string>()
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file))
        throw new Error(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
      if (done.has(file)) return
      for (const target of local(file)) walk(target, [...path, file])
      done.add(file)
    }
    for (const file of files) walk(file, [])
    expect(done.size).toBe(files.length)
  })

  it('middleware never imports a provider, a provider never imports another', () => {
    const own = (file: string) => file.match(/^src\/providers\/(\w+)\//)?.[1]
    for (const file of files) {
      for (const target of local(file)) {
        const provider = own(target)
        const isFrontDoor = file === 'src/default-client.ts'
        // xai extends openai
        const isThinVariant = own(file) === 'xai' && provider === 'openai'
        if (!provider || provider === own(file) || isFrontDoor || isThinVariant) continue
        throw new Error(`${file} → ${target}`)
      }
    }
    expect(files.length).toBeGreaterThan(50)
  })

  it('each provider folder has the same files, xai only those that differ from openai', () => {
    const own = ['index', 'errors', 'models', 'request', 'usage']
    const common = [...own, 'parts', 'sdk', 'stream', 'tools', 'turns', 'wire']
    for (const [provider, names] of Object.entries({
      openai: [...common, 'thinking'],
      anthropic: [...common, 'thinking'],
      gemini: [...common, 'thinking'],
      compatible: common,
      xai: own,
    }))
      for (const name of [...names, provider])
        expect(files).toContain(`src/providers/${provider}/${name}.ts`)
  })

  it('docs/architecture.md names only existing files and exports', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
    const paths = [...page.matchAll(/`((?:src|middleware|test)\b[\w./-]*)`/g)].map(
      ([, path]) => path,
    )
    expect(paths.length).toBeGreaterThan(50)
    for (const path of paths) expect(existsSync(join(root, path ?? '')), path).toBe(true)
    const steps = [...page.matchAll(/^\|[^|]+\| `([^`]+)` \| `(\w+)` \|$/gm)]
    expect(steps.length).toBeGreaterThan(25)
    for (const [, file = '', name] of steps)
      expect(readFileSync(join(root, file), 'utf8'), `${file} has ${name}`).toMatch(
        new RegExp(
          `(function|class|const|async|private)\\s*\\*?\\s*${name}\\b|^ +(async )?\\*?${name}\\(`,
          'm',
        ),
      )
  })

  it('functions are short: median at most 8 lines, 90th percentile 30, maximum 80', () => {
    const lengths = files.flatMap((file) => [...lengthsOf(file)]).sort(([a], [b]) => a - b)
    const at = (share: number) => lengths[Math.floor((lengths.length - 1) * share)]?.[0]
    expect(at(0.5)).toBeLessThanOrEqual(8)
    expect(at(0.9)).toBeLessThanOrEqual(30)
    expect(lengths.filter(([lines]) => lines > 80)).toEqual([])
  })

  it('assigns no function expression to a member: V8 would promote it, and all it references, to old space', () => {
    expect(files.flatMap((file) => [...assignedFunctions(file)])).toEqual([])
  })

  it('has fewer than three casts in 1,000 lines', () => {
    const texts = files.map((file) => readFileSync(join(root, file), 'utf8'))
    const lines = texts.reduce((sum, text) => sum + text.split('\n').length, 0)
    const casts = texts
      .map((text) => castsOf(ts.createSourceFile('', text, ts.ScriptTarget.Latest, true)))
      .reduce((sum, count) => sum + count)
    expect((casts / lines) * 1_000).toBeLessThan(3)
  })

  it('only index files re-export everything, and they do nothing else', () => {
    for (const file of files) {
      const code = readFileSync(join(root, file), 'utf8')
      const isIndex = /(^|\/)index\.ts$/.test(file)
      if (isIndex)
        expect(code.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''), file).not.toMatch(
          /\b(function|const|class)\b/,
        )
      else expect(/^export \* from/m.test(code), file).toBe(false)
    }
  })

  it('the package has one runtime dependency, imported only where it is needed', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(Object.keys(manifest.dependencies)).toEqual(['eventsource-parser'])
    const outside = new Set<string>()
    for (const file of files)
      for (const path of importsOf(file))
        if (!path.startsWith('.') && !path.startsWith('node:') && !isType(file, path))
          outside.add(path)
    const peers = Object.keys(manifest.peerDependencies ?? {})
    for (const path of outside) {
      const name = path
        .split('/')
        .slice(0, path.startsWith('@') ? 2 : 1)
        .join('/')
      expect(['eventsource-parser', ...peers]).toContain(name)
    }
  })

  it('node: modules are imported only by code that is specific to Node', () => {
    const node = files.filter((file) => importsOf(file).some((path) => path.startsWith('node:')))
    for (const file of node)
      expect(file).toMatch(/^src\/(testing\/|http\/node|transport\/(node|download-network)\.ts)/)
  })
})
