/** The build: one entry a subpath, shared code in chunks. */
import { existsSync, readdirSync } from 'node:fs'
import { defineConfig } from 'tsup'

const layers = readdirSync('middleware')
  .filter((name) => name.endsWith('.ts') && name !== 'index.ts')
  .map((name) => name.slice(0, -3))
const rooms = ['testing', 'openai', 'store', 'browser']
const doors = ['http/web', 'http/node']

const entry: Record<string, string> = {
  index: 'src/index.ts',
  client: 'src/client.ts',
  'middleware/index': 'middleware/index.ts',
  'middleware/prices': 'middleware/prices/index.ts',
}
for (const name of rooms)
  if (existsSync(`src/${name}/index.ts`)) entry[name] = `src/${name}/index.ts`
for (const name of doors) if (existsSync(`src/${name}.ts`)) entry[name] = `src/${name}.ts`
for (const name of layers) entry[`middleware/${name}`] = `middleware/${name}.ts`
for (const name of readdirSync('src/providers'))
  if (existsSync(`src/providers/${name}/${name}.ts`))
    entry[`providers/${name}`] = `src/providers/${name}/index.ts`

/** A layer is named like its factory, and a bundler numbers the inner one: traces and errors want it back. */
const numbered = new RegExp(`\\bfunction (${layers.join('|')})\\d+\\(`, 'g')

export default defineConfig({
  entry,
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  external: [/^node:/],
  splitting: true,
  treeshake: true,
  clean: true,
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  esbuildOptions(options) {
    options.minifyWhitespace = true
  },
  plugins: [
    {
      name: 'layer-names',
      renderChunk: (code) => ({ code: code.replace(numbered, 'function $1(') }),
    },
  ],
})
