/** `npm run demo:web`: a chat page on a free port. With a provider's key in the environment it is asked, else a script answers. */
import type { AddressInfo } from 'node:net'
import { mockServer } from 'tetrad/testing'
import { chatClient, modelsOf } from './ai.js'
import { script } from './script.js'
import { chatServer } from './server.js'

const live = modelsOf(process.env)
const isLive = Object.keys(live).length > 0
const provider = isLive ? undefined : await mockServer()
provider?.reply(script())

const models = isLive ? live : modelsOf()
const server = await chatServer(chatClient(provider), models, (error) => console.error(`${error}`))
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  // a TCP server that listens has an address with a port
  const { port } = server.address() as AddressInfo
  const who = isLive ? Object.keys(live).join(', ') : 'a script answers, no keys needed'
  console.log(`tetrad chat: http://localhost:${port}  (${who})`)
})
