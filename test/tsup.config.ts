/** The build: one entry for each subpath that package.json exports, shared code in chunks. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { parse } from 'acorn'
import { transform } from 'esbuild'
import MagicString from 'magic-string'
import { type ManualChunkMeta, type OutputChunk, rollup } from 'rollup'
import { defineConfig, type Options } from 'tsup'

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
const paths = (Object.values(exports) as string[])
  .map((file) => /^\.\/dist\/(.*)\.js$/.exec(file)?.[1])
  .filter((path) => path !== undefined)

/** `http/web` is src/http/web.ts, `store` is src/store/index.ts, `middleware/retry` is middleware/retry.ts. */
function sourceOf(path: string): string {
  const base = path.startsWith('middleware/') ? path : `src/${path}`
  const places = [`${base}/index.ts`, `${base}.ts`]
  const found = places.find((place) => existsSync(place))
  if (!found)
    throw new Error(`package.json exports ${path}, and there is no ${places.join(' or ')}`)
  return found
}

/**
 * `{ ...a, b: 1 }` becomes `{ ...null, ...a, b: 1 }`, which is the same object. V8 of Node 20 clones what a literal begins
 * with, and a clone that gets another member gets a hidden class of its own: 4 µs in place of 0.1, each time, and
 * garbage that no young collection takes. A call makes some fifty such objects.
 */
function withoutClones(code: string) {
  const edited = new MagicString(code)
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    const { type, properties: [first, ...others] = [] } = node as Literal
    if (type === 'ObjectExpression' && first?.type === 'SpreadElement' && others.length > 0)
      edited.appendLeft(first.start, '...null,')
    Object.values(node).forEach(visit)
  }
  visit(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }))
  return edited.toString()
}

interface Literal {
  readonly type?: string
  readonly properties?: readonly { readonly type: string; readonly start: number }[]
}

const entries = Object.fromEntries(paths.map((path) => [path, sourceOf(path)]))

const esm = {
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  external: [/^node:/, 'eventsource-parser', '@opentelemetry/api'],
} satisfies Options

const providers = paths.filter((path) => path.startsWith('providers/'))
/** Entries that load little of what a client loads. */
const small = ['browser', 'text', 'store', 'inbox']

/** The file for a chunk that these entries load at once; undefined: one of its own. */
function fileFor(isLoadedBy: (entry: string) => boolean) {
  const isSmall = small.some(isLoadedBy)
  const isOfAdapters = providers.filter(isLoadedBy).length > 2
  const isOfRoutes = isLoadedBy('http/web')
  const isOfLayers = isLoadedBy('middleware/index')
  if (!isOfAdapters && !isLoadedBy('client')) {
    if (isSmall || !isOfLayers) return undefined
    return isOfRoutes ? 'shared' : 'middleware'
  }
  if (isSmall) return 'base'
  if (isLoadedBy('client') || isLoadedBy('index')) return 'core'
  return isOfLayers || isOfRoutes ? 'shared' : 'adapters'
}

/**
 * esbuild writes a chunk for each set of entries that share some code: 26 for a client, a provider and `standard()`. Node
 * takes a millisecond or two for a file, whatever its size, so what is loaded together becomes one file.
 */
async function mergeChunks() {
  const fileOf = (path: string) => resolve(`dist/${path}.js`)
  const input = Object.fromEntries(paths.map((path) => [path, fileOf(path)]))
  const bundle = await rollup({
    input,
    external: esm.external,
    treeshake: { moduleSideEffects: false },
  })
  const loaded = new Map<string, ReadonlySet<string>>()
  const { output } = await bundle.generate({
    hoistTransitiveImports: false,
    chunkFileNames: ({ name }) => `${name.replace(/-[A-Z\d]{8}$/, '')}-[hash].js`,
    manualChunks(id, meta) {
      for (const path of paths)
        if (!loaded.has(path)) loaded.set(path, importsOf(fileOf(path), meta))
      const file = fileFor((path) => loaded.get(path)?.has(id) === true)
      // without a name it would go into a file that imports it
      return file ?? (id.includes('/chunk-') ? basename(id, '.js') : undefined)
    },
  })
  for (const file of readdirSync('dist', { encoding: 'utf8', recursive: true }))
    if (file.endsWith('.js')) rmSync(`dist/${file}`)
  for (const chunk of output) if (chunk.type === 'chunk') await write(chunk)
}

/** All that is loaded with a file, itself included. */
function importsOf(file: string, meta: ManualChunkMeta, found = new Set<string>()) {
  if (found.has(file)) return found
  found.add(file)
  for (const imported of meta.getModuleInfo(file)?.importedIds ?? [])
    importsOf(imported, meta, found)
  return found
}

async function write({ fileName, code }: OutputChunk) {
  const minified = await transform(code, { minify: true, format: 'esm', target: esm.target })
  // behind the minifier, which would take the `...null` out again
  writeFileSync(`dist/${fileName}`, withoutClones(minified.code))
}

export default defineConfig({
  ...esm,
  entry: entries,
  // without it `node:` is cut off, and edges know these modules by no other name
  removeNodeProtocol: false,
  splitting: true,
  clean: true,
  onSuccess: mergeChunks,
  dts: { entry: entries, compilerOptions: { ignoreDeprecations: '6.0' } },
})
