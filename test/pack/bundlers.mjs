/**
 * The default import, a stack and a route, bundled for pages and edges, where no Node module
 * resolves.
 */
import { join } from 'node:path'
import { check, importTool, run, write } from './support.mjs'

/**
 * Prints evidence that everything runs: a provider, the layers, an error of the route; each
 * provider up to the error for an invalid key, after the imports of its first call and of a tool
 * schema; and the formats of the route.
 */
const app = `import { createClient } from 'tetrad'
import { handler } from 'tetrad/http/web'
import { standard, trace } from 'tetrad/middleware'
const ai = createClient({ use: standard() })
const route = handler(ai, { models: ['openai/gpt-5.1'], public: true })
const response = await route(new Request('http://app/api/chat', { method: 'PUT' }))
const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
const bad = 'not a\\nkey'
async function codesOfCalls() {
  const codes = []
  for (const model of ['openai/gpt-5.1', 'anthropic/claude-opus-4-5', 'gemini/gemini-2.5-flash', 'xai/grok-4'])
    await ai
      .generate({ model, messages: [{ role: 'user', content: 'Hi' }], tools }, { apiKeys: { openai: bad, anthropic: bad, gemini: bad, xai: bad } })
      .catch(({ code }) => codes.push(code))
  for (const path of ['api/chat?format=ui', 'v1/chat/completions']) {
    const messages = [{ id: '1', role: 'user', content: 'Hi', parts: [{ type: 'text', text: 'Hi' }] }]
    const headers = { 'content-type': 'application/json' }
    const keyless = await route(new Request('http://app/' + path, { method: 'POST', headers, body: JSON.stringify({ model: 'openai/gpt-5.1', messages }) }))
    codes.push((await keyless.json()).error.code)
  }
  return codes
}
// not awaited here: a file into which Rollup puts all has what is imported on demand below the body of the app
codesOfCalls().then((codes) => console.log(JSON.stringify({ codes, provider: ai.capabilities('gemini-2.5-flash').provider, status: response.status, trace: trace(ai) })))`

const layers = ['alias', 'tools', 'retry', 'params']

export async function checkBundlers(project) {
  const entry = join(write(project, { 'app.mjs': app }), 'app.mjs')
  for (const [name, build] of Object.entries(bundlers)) {
    const file = join(project, 'bundles', `${name.replace(/\W/g, '-')}.mjs`)
    await build(entry, file)
    const { codes, provider, status, trace } = JSON.parse(run(process.execPath, [file], project))
    check(`${name} builds it, and it runs`, provider === 'gemini' && status === 405)
    check(
      `what calls import on demand is there through ${name}`,
      codes.join() === [...Array(4).fill('bad_api_key'), ...Array(2).fill('not_configured')].join(),
    )
    check(
      `layers keep their names through ${name}`,
      layers.every((layer) => new RegExp(`${layer}$`, 'm').test(trace)),
    )
  }
}

const byEsbuild = (platform) => async (entry, outfile) => {
  const { build } = await importTool('esbuild')
  const format = 'esm'
  const { warnings } = await build({
    entryPoints: [entry],
    outfile,
    platform,
    format,
    bundle: true,
    minify: true,
    logLevel: 'error',
  })
  if (warnings.length > 0) throw new Error(JSON.stringify(warnings))
}

async function byWebpack(entry, outfile) {
  const { default: webpack } = await importTool('webpack')
  const compiler = webpack({
    entry,
    mode: 'production',
    target: 'web',
    experiments: { outputModule: true },
    output: {
      path: join(outfile, '..'),
      filename: outfile.split('/').at(-1),
      module: true,
      chunkFormat: 'module',
    },
    performance: false,
  })
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, done) => (error ? reject(error) : resolve(done))),
  )
  await new Promise((resolve) => compiler.close(resolve))
  if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString())
}

async function byVite(entry, outfile) {
  const { build } = await importTool('vite')
  await build({
    root: join(entry, '..'),
    configFile: false,
    logLevel: 'warn',
    build: {
      outDir: join(outfile, '..'),
      emptyOutDir: false,
      minify: true,
      target: 'es2022',
      lib: { entry, formats: ['es'], fileName: () => outfile.split('/').at(-1) },
    },
  })
}

async function byRollup(entry, file) {
  const { rollup } = await importTool('rollup')
  const { nodeResolve } = await importTool('@rollup/plugin-node-resolve')
  const bundle = await rollup({
    input: entry,
    plugins: [nodeResolve({ browser: true })],
    onwarn: (warning) => {
      throw new Error(warning.message)
    },
  })
  await bundle.write({ file, format: 'es', inlineDynamicImports: true })
  await bundle.close()
}

const bundlers = {
  'esbuild for a browser': byEsbuild('browser'),
  'esbuild for no platform': byEsbuild('neutral'),
  'webpack 5 for the web': byWebpack,
  Vite: byVite,
  Rollup: byRollup,
}
