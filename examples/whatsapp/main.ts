/**
 * A WhatsApp bot. `npx tsx examples/whatsapp/main.ts`
 *
 * With WHATSAPP_TOKEN, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN and a provider's key it serves the Cloud API on
 * PORT (3000), path /webhook. Without them this terminal is the phone, against a fake Graph API and a fake model.
 */
import { createApp } from './app.js'
import { listen } from './listen.js'
import { phone } from './phone.js'

const { WHATSAPP_TOKEN, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN, MODEL, PORT } = process.env

if (WHATSAPP_TOKEN && WHATSAPP_APP_SECRET && WHATSAPP_VERIFY_TOKEN) {
  const { server } = createApp({
    appSecret: WHATSAPP_APP_SECRET,
    verifyToken: WHATSAPP_VERIFY_TOKEN,
    graph: { token: WHATSAPP_TOKEN },
    model: MODEL ?? 'anthropic/claude-haiku-4-5',
  })
  const { url } = await listen(server, Number(PORT ?? 3000))
  console.log(`The webhook listens on ${url}/webhook`)
} else await phone()
