/** Layers of your own: one that times, one that masks, one that answers from a cache. `npx tsx examples/own-middleware.ts` */
import { type ChatResponse, type Middleware, mapText } from 'tetrad'
import { retry } from 'tetrad/middleware'
import { fail, say } from 'tetrad/testing'
import { example } from './client.js'

/** One line a call, whatever its end. */
const timing: Middleware = async function timing(ctx, next) {
  const started = performance.now()
  try {
    await next()
  } finally {
    const ms = Math.round(performance.now() - started)
    console.log(`  [${ctx.attempts.length} attempts, ${ctx.usage.total_tokens} tokens, ${ms} ms]`)
  }
}

/** Masks e-mail addresses in the text, wherever the stream is cut. */
const maskMail: Middleware = function maskMail(ctx, next) {
  ctx.transform(
    mapText((text) => text.replace(/[\w.]{1,64}@[\w.]{1,64}/g, '•••'), { holdBack: 130 }),
  )
  return next()
}

/** The same question is answered once. */
const cache = (known = new Map<string, ChatResponse>()): Middleware =>
  async function cache(ctx, next) {
    const key = JSON.stringify(ctx.request)
    const hit = known.get(key)
    if (hit) ctx.response = hit
    else known.set(key, await next())
  }

const { ai, close } = await example(
  [timing, cache(), maskMail, retry()],
  [fail(503), say('Write to ada@example.com, she knows.')],
)
const messages = [{ role: 'user', content: 'Whom do I ask about engines?' }] as const
for (const attempt of ['first', 'second']) {
  process.stdout.write(`${attempt}: `)
  for await (const text of ai.stream({ model: 'openai/gpt-4.1-mini', messages }).textStream)
    process.stdout.write(text)
  console.log()
}
await close()
