/** Two layers of one's own: one watches each attempt, one edits what is said, in both modes. `npx tsx examples/own-middleware.ts` */
import { type Middleware, mapText } from 'tetrad'
import { createClient } from 'tetrad/client'
import { retry } from 'tetrad/middleware'
import { fail, say } from 'tetrad/testing'
import { model, providersOf } from './provider.js'

/** Tells how each provider call ended. Inside `retry` that is once an attempt, outside once a call. */
const watch: Middleware = async function watch(ctx, next) {
  try {
    await next()
  } finally {
    const attempt = ctx.attempts.at(-1)
    console.log(`[${attempt?.status}] ${attempt?.usage.total_tokens} tokens`)
  }
}

/** Masks e-mail addresses, wherever the stream is cut: 130 characters are held back until more is known. */
const maskMail: Middleware = function maskMail(ctx, next) {
  ctx.transform(mapText((text) => text.replace(/\S{1,64}@\S{1,64}/g, '•••'), { holdBack: 130 }))
  return next()
}

const answer = 'Write to jane@example.com or john@example.com for a copy.'
const { providers, close } = await providersOf(fail(503), say(answer), say(answer))
const ai = createClient({ providers, use: [maskMail, retry(), watch] })
const messages = [{ role: 'user', content: 'Invent two e-mail addresses.' }] as const

const reply = await ai.generate({ model, messages, max_tokens: 200 })
console.log('generate:', reply.text)

process.stdout.write('stream:   ')
for await (const text of ai.stream({ model, messages, max_tokens: 200 }).textStream)
  process.stdout.write(text)
console.log()
await close()
