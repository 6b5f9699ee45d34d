/** What each tenant costs, failed attempts included. `npx tsx examples/cost-ledger.ts` */
import { Ledger, standard } from 'tetrad/middleware'
import { fail, say } from 'tetrad/testing'
import { example } from './client.js'

const ledger = new Ledger()
const { ai, close } = await example(standard({ usage: { onUsage: ledger.add } }), [
  say('Short.').usage({ prompt_tokens: 1_200, completion_tokens: 300 }),
  fail(503),
  say('Long.').usage({ prompt_tokens: 40_000, completion_tokens: 2_000 }),
  say('Cheap.').usage({ prompt_tokens: 900, completion_tokens: 50 }),
])
const calls = [
  { model: 'openai/gpt-4.1-mini', tenant: 'acme' },
  { model: 'anthropic/claude-sonnet-4-5', tenant: 'acme' },
  { model: 'gemini/gemini-2.5-flash', tenant: 'globex' },
]
for (const { model, tenant } of calls) {
  const messages = [{ role: 'user', content: 'Say something.' }] as const
  const reply = await ai.generate({ model, messages }, { tags: { tenant } })
  console.log(tenant, reply.model, reply.usage.cost, 'USD')
}
console.log(String(ledger))
await close()
