/** `npx tsx examples/usechat/main.ts`: a React chat on a free port, answered by a script; `--live` asks the model. */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { mockServer } from 'tetrad/testing'
import { chatClient } from './ai.js'
import { answer } from './script.js'
import { chatServer } from './server.js'

const provider = process.argv.includes('--live') ? undefined : await mockServer()
provider?.reply(answer)

// a secret of your own outlives a restart, and with it the conversations that pages keep
const secret = process.env.CHAT_SECRET ?? randomBytes(32).toString('hex')
const server = await chatServer(chatClient(provider), { secret })
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  // a TCP server that listens has an address with a port
  console.log(`useChat over tetrad: http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
