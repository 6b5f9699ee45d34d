/**
 * A WhatsApp bot. `npx tsx examples/whatsapp/main.ts`
 *
 * With WHATSAPP_TOKEN, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN and a provider's key it serves the Cloud API on
 * HOST (0.0.0.0) and PORT (3000), paths /webhook and /health. Without them this terminal is the phone, against a fake
 * Graph API and a fake model.
 */
import { memoryStore } from 'tetrad/store'
import { createApp } from './app.js'
import { readSettings, type Settings } from './environment.js'
import { listen } from './listen.js'
import { openStore } from './open-store.js'
import { phone } from './phone.js'

async function serve(settings: Settings): Promise<void> {
  const opened = await openStore(process.env)
  console.log(
    opened?.about ??
      'This Node has no SQLite (22 has), and REDIS_URL is not set: all is kept in memory, and lost with the process.',
  )
  const store = opened?.store ?? memoryStore()
  const app = createApp({ ...settings, graph: { token: settings.token }, store })
  await app.resume()
  const { url, close } = await listen(app.server, settings.port, settings.host)
  console.log(`The webhook listens on ${url}/webhook`)
  const end = async () => {
    app.drain()
    await Promise.all([close(), app.finish()])
    await opened?.close()
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end())
}

try {
  const settings = readSettings(process.env)
  await (settings ? serve(settings) : phone())
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
