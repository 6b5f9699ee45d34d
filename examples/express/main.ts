/** The concierge of a hotel. `npx tsx examples/express/main.ts`, with ANTHROPIC_API_KEY by a real model. */
import type { AddressInfo } from 'node:net'
import { chatClient, models, scriptedModel } from './ai.js'
import { createApp } from './app.js'

const port = Number(process.env.PORT ?? 3000)
const ai = process.env.ANTHROPIC_API_KEY ? chatClient() : chatClient([await scriptedModel()])
const server = createApp({ ai, models }).listen(port, '127.0.0.1', () => {
  // a server that listens on TCP has an address with a port
  const { port } = server.address() as AddressInfo
  console.log(`The concierge answers at http://127.0.0.1:${port}/api/chat`)
})
