/** What all the servers share: the client, and what its route allows. Without a key a loopback server plays the model. */
import { createClient } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { openai } from 'tetrad/providers/openai'
import { mockServer, say } from 'tetrad/testing'

const hasKey = Boolean(process.env.OPENAI_API_KEY)
const mock = hasKey ? undefined : await mockServer()
mock?.reply(say('Three rivers: the Danube, the Niger and the Mekong.').delay({ eachMs: 40 }))

export const ai = createClient({
  ...(mock && { providers: [openai(mock.options('openai'))] }),
  use: standard(),
})

export const options = { models: { fast: 'openai/gpt-5.1' }, public: true } as const
