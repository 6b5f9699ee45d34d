/** The build: one entry for each subpath that package.json exports, shared code in chunks. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'acorn'
import { type BuildOptions, build } from 'esbuild'
import MagicString from 'magic-string'
import { defineConfig } from 'tsup'

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
  return { code: edited.toString() }
}

interface Literal {
  readonly type?: string
  readonly properties?: readonly { readonly type: string; readonly start: number }[]
}

const entriesOf = (some: readonly string[]) =>
  Object.fromEntries(some.map((path) => [path, sourceOf(path)]))

const esm = {
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  external: ['node:*', 'eventsource-parser', '@opentelemetry/api'],
} satisfies BuildOptions

/** The names that each layer of `tetrad/middleware` exports at its own subpath too. */
async function standardLayers(): Promise<ReadonlyMap<string, readonly string[]>> {
  const entryPoints = entriesOf(paths.filter((path) => path.startsWith('middleware/')))
  const { metafile } = await build({
    ...esm,
    entryPoints,
    bundle: true,
    write: false,
    metafile: true,
    outdir: '.',
  })
  const namesOf = (path: string) => metafile.outputs[`${path}.js`]?.exports ?? []
  const all = new Set(namesOf('middleware/index'))
  const isStandard = (path: string) =>
    path !== 'middleware/index' && namesOf(path).every((name) => all.has(name))
  return new Map(
    Object.keys(entryPoints)
      .filter(isStandard)
      .map((path) => [path, namesOf(path)]),
  )
}

/**
 * A layer of `tetrad/middleware` is in one file with the others: as an entry each would have code that it alone shares with
 * some, in a file for each such set, and Node takes a millisecond or two for a file, whatever its size.
 */
const layers = await standardLayers()
function writeLayers() {
  for (const [path, names] of layers)
    writeFileSync(`dist/${path}.js`, `export{${names.join()}}from"./index.js";\n`)
}

export default defineConfig({
  ...esm,
  entry: entriesOf(paths.filter((path) => !layers.has(path))),
  // without it `node:` is cut off, and edges know these modules by no other name
  removeNodeProtocol: false,
  external: [/^node:/],
  splitting: true,
  minify: true,
  plugins: [{ name: 'without-clones', renderChunk: withoutClones }],
  clean: true,
  onSuccess: async () => writeLayers(),
  dts: { entry: entriesOf(paths), compilerOptions: { ignoreDeprecations: '6.0' } },
})
