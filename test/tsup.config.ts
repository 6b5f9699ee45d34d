/** The build: one entry for each subpath that package.json exports, shared code in chunks. */
import { existsSync, readFileSync } from 'node:fs'
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

export default defineConfig({
  entry: Object.fromEntries(paths.map((path) => [path, sourceOf(path)])),
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  // without it `node:` is cut off, and edges know these modules by no other name
  removeNodeProtocol: false,
  external: [/^node:/],
  splitting: true,
  minify: true,
  clean: true,
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
})
