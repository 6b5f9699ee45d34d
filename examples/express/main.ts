/** The concierge of a hotel. `npx tsx examples/express/main.ts`, with ANTHROPIC_API_KEY by a real model. */
import { chatClient, models, scriptedModel } from './ai.js'
import { createApp } from './app.js'

const port = Number(process.env.PORT ?? 3000)
const ai = process.env.ANTHROPIC_API_KEY ? chatClient() : chatClient([await scriptedModel()])
createApp({ ai, models }).listen(port, '127.0.0.1', () => {
  console.log(`The concierge answers at http://127.0.0.1:${port}/api/chat`)
})
