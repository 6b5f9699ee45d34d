/** `npm run demo:web`: a chat page on a free port, answered by a script; `-- --live` asks the real providers. */
import { mockServer } from 'tetrad/testing'
import { chatClient } from './ai.js'
import { answer } from './script.js'
import { serve } from './server.js'

const isLive = process.argv.includes('--live')
const provider = isLive ? undefined : await mockServer()
provider?.reply(answer)
const { url } = await serve(chatClient(provider), { port: Number(process.env.PORT ?? 0) })
console.log(`tetrad chat: ${url}${isLive ? '' : '  (answers come from a script, no keys needed)'}`)
