// Size of the core with one provider, minified; import time of the core over an empty module. node test/bench/size.mjs
import { execFileSync } from 'node:child_process'
import { build } from 'esbuild'

const dist = new URL('../../dist/', import.meta.url)
const bundle = async (code) => {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: new URL('.', import.meta.url).pathname },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0].contents.length
}
const client = new URL('client.js', dist).pathname
const sizes = {}
for (const provider of ['openai', 'anthropic', 'gemini', 'xai', 'compatible']) {
  const path = new URL(`providers/${provider}.js`, dist).pathname
  const code = `export { createClient } from ${JSON.stringify(client)}; export { ${provider} } from ${JSON.stringify(path)}`
  sizes[`core + ${provider}`] = { kB: Number(((await bundle(code)) / 1000).toFixed(1)) }
}
console.table(sizes)

const time = (code) => {
  const script = `const t = performance.now(); ${code}; console.log(performance.now() - t)`
  const runs = Array.from({ length: 15 }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', script])),
  )
  return runs.sort((a, b) => a - b)[7]
}
const empty = time("await import('data:text/javascript,')")
const core = time(`await import(${JSON.stringify(client)})`)
console.table({
  'import of tetrad/client over an empty module': { ms: Number((core - empty).toFixed(1)) },
})
