/** What each tenant costs, failed and aborted calls included. `npx tsx examples/cost-ledger.ts` */
import { createClient } from 'tetrad/client'
import { Ledger, standard } from 'tetrad/middleware'
import { say } from 'tetrad/testing'
import { model, providersOf } from './provider.js'

const answer = say('The Nile, the Danube and the Mekong.')
const { providers, close } = await providersOf(
  answer.usage({ prompt_tokens: 1_200, completion_tokens: 30 }),
  answer.usage({ prompt_tokens: 4_000, completion_tokens: 30 }),
  answer,
)
const ledger = new Ledger()
const ai = createClient({ providers, use: standard({ usage: { onUsage: ledger.add } }) })
const request = {
  model,
  messages: [{ role: 'user', content: 'Name three rivers.' }],
  max_tokens: 100,
} as const

for (const tenant of ['acme', 'globex']) {
  const reply = await ai.generate(request, { tags: { tenant } })
  console.log(`${tenant} paid ${reply.usage.cost} USD`)
}

// a reader who leaves in the middle is charged for what was said
for await (const chunk of ai.stream(request, { tags: { tenant: 'acme' } }))
  if (chunk.type === 'text-delta') break

console.log(String(ledger))
await close()
