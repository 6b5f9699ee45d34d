/** A route in workerd, with and without Node compatibility. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { check, importTool, root, write } from './support.mjs'

/**
 * `/keyless` finds no key; `/` has one, and calls the provider given by the environment of the
 * worker. A layer reports each call to `HOOK`, later than the response: a worker ends with it
 * unless `waitUntil` is called.
 */
const worker = `import { createClient } from 'tetrad'
import { handler } from 'tetrad/http/web'
import { standard } from 'tetrad/middleware'
import { openai } from 'tetrad/providers/openai'
const options = { models: ['openai/gpt-5.1'], public: true }
export default {
  async fetch(request, env, context) {
    const heard = []
    const onError = (error) => heard.push(error)
    const providers = new URL(request.url).pathname === '/keyless' ? undefined : [openai(JSON.parse(env.OPENAI))]
    const later = () => new Promise((resolve) => setTimeout(resolve, 100))
    const note = (ctx, next) => {
      ctx.defer(later().then(() => fetch(env.HOOK, { method: 'POST', body: ctx.request.model })))
      return next()
    }
    const ai = createClient({ providers, use: [note, ...standard()] })
    const response = await handler(ai, { ...options, onError })(request, context)
    const body = await response.text()
    return Response.json({ status: response.status, body, heard: heard.map(({ name, code, message }) => ({ name, code, message })) })
  }
}`

const ask = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ messages: [{ role: 'user', content: 'A river?' }] }),
}

export async function checkWorkers(project) {
  const { build } = await importTool('esbuild')
  const { Miniflare } = await importTool('miniflare')
  // the loopback server is that of the package under test
  const { mockServer, say } = await import(join(root, 'dist/testing.js'))
  const outfile = join(project, 'bundles/worker.mjs')
  write(project, { 'worker.mjs': worker })
  await build({
    entryPoints: [join(project, 'worker.mjs')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
  })
  for (const flags of [[], ['nodejs_compat']]) {
    const name = `workerd ${flags.length > 0 ? 'with' : 'without'} nodejs_compat`
    const server = await mockServer([say('The Rhine.')])
    const hook = createServer()
    await new Promise((resolve) => hook.listen(0, '127.0.0.1', resolve))
    const noted = once(hook, 'request', { signal: AbortSignal.timeout(30_000) })
    const miniflare = new Miniflare({
      modules: true,
      script: readFileSync(outfile, 'utf8'),
      compatibilityDate: '2026-01-01',
      compatibilityFlags: flags,
      bindings: {
        OPENAI: JSON.stringify(server.options('openai')),
        HOOK: `http://127.0.0.1:${hook.address().port}`,
      },
    })
    try {
      const post = async (path) => (await miniflare.dispatchFetch(`http://app${path}`, ask)).json()
      const answer = await post('/')
      check(`${name} answers`, answer.status === 200 && answer.body.includes('Rhine'))
      const [note, reply] = await noted
      reply.end()
      check(`${name}: what a layer defers outlives the answer`, note.method === 'POST')
      const { heard, body, status } = await post('/keyless')
      check(
        `${name}: a key that is not found is named to the app, and to nobody else`,
        status === 500 &&
          JSON.parse(body).error.code === 'not_configured' &&
          heard[0]?.code === 'missing_api_key' &&
          /OPENAI_API_KEY/.test(heard[0].message) &&
          /apiKey/.test(heard[0].message) &&
          !body.includes('OPENAI_API_KEY'),
      )
    } finally {
      await miniflare.dispose()
      await server.close()
      hook.closeAllConnections()
      hook.close()
    }
  }
}
