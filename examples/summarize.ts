/** A long conversation in few tokens: what is old is summed up by a small model. `npx tsx examples/summarize.ts` */
import { layer, type Message } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { say } from 'tetrad/testing'
import { example } from './client.js'

interface SummarizeOptions {
  readonly model: string
  /** Above this the old part is summed up. */
  readonly maxTokens: number
  /** What stays as it is, counted in messages, from a question on. */
  readonly keep: number
}

const textOf = ({ role, content }: Message) =>
  `${role}: ${typeof content === 'string' ? content : JSON.stringify(content)}`

const isSystem = ({ role }: Message) => role === 'system' || role === 'developer'

const summarize = ({ model, maxTokens, keep }: SummarizeOptions) =>
  layer(
    'summarize',
    async (ctx, next) => {
      const { tokens } = await ctx.client.countTokens(ctx.request)
      if (tokens <= maxTokens) return next()
      const { messages } = ctx.request
      const said = messages.filter((message) => !isSystem(message))
      // a tool's result stays with its call: the cut is before a question
      const cut = said.findLastIndex(
        ({ role }, index) => role === 'user' && index <= said.length - keep,
      )
      if (cut < 1) return next()
      const old = said.slice(0, cut).map(textOf).join('\n')
      const { text } = await ctx.client.generate({
        model,
        messages: [{ role: 'user', content: `Sum up, with all names and numbers:\n${old}` }],
      })
      const summary = { role: 'user', content: `What was said before: ${text}` } as const
      ctx.request = {
        ...ctx.request,
        messages: [...messages.filter(isSystem), summary, ...said.slice(cut)],
      }
      return next()
    },
    { place: 'outside history' },
  )

const { ai, close } = await example(
  standard({ with: [summarize({ model: 'openai/gpt-5-nano', maxTokens: 200, keep: 2 })] }),
  [
    say('Ada plans a week in Lisbon, and pays at most 900 EUR.'),
    (request) => say(`I read ${JSON.stringify(request.body).length} characters.`),
  ],
)
const messages: Message[] = [{ role: 'system', content: 'You plan travels.' }]
for (let day = 1; day <= 20; day++)
  messages.push(
    { role: 'user', content: `On day ${day} I, Ada, want to see Lisbon for less than 900 EUR.` },
    { role: 'assistant', content: `Day ${day}: the castle, the river, and a tram in between.` },
  )
messages.push({ role: 'user', content: 'And what do I wear?' })

const before = JSON.stringify(messages).length
const reply = await ai.generate({ model: 'openai/gpt-5-mini', messages })
console.log(`of ${before} characters:`, reply.text)
console.log(reply.attempts.map(({ model }) => model).join(' → '))
await close()
