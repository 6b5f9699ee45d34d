/**
 * instructor-js over `openaiClient`, which needs older peers than the rest: install.mjs runs this
 * beside openai@4 and zod@3. On each provider: an object, one that is requested again, a stream, an
 * error, an abort.
 */
import assert from 'node:assert/strict'
import Instructor from '@instructor-ai/instructor'
import OpenAI from 'openai'
import { createClient } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { openaiClient } from 'tetrad/openai'
import { anthropic } from 'tetrad/providers/anthropic'
import { gemini } from 'tetrad/providers/gemini'
import { openai } from 'tetrad/providers/openai'
import { xai } from 'tetrad/providers/xai'
import { callTool, fail, mockServer, say } from 'tetrad/testing'
import { z } from 'zod'

const models = {
  openai: 'openai/gpt-5.1',
  anthropic: 'anthropic/claude-sonnet-4-5',
  gemini: 'gemini/gemini-2.5-flash',
  xai: 'xai/grok-4',
}
const rome = { city: 'Rome', people: 2_800_000 }
const place = {
  name: 'Place',
  schema: z.object({ city: z.string(), people: z.number().int() }),
}
// it prints failures with their stack
console.warn = console.error = () => {}

const messages = [{ role: 'user', content: 'How many live in Rome?' }]

for (const [provider, model] of Object.entries(models)) {
  const server = await mockServer([
    callTool('Place', rome),
    callTool('Place', { ...rome, people: 'many' }),
    callTool('Place', rome),
    callTool('Place', rome),
    fail(429),
    say('{').splitEvents().stall(1),
  ])
  const ai = createClient({
    providers: [openai, anthropic, gemini, xai].map((make) => {
      const { name } = make()
      return make(server.options(name))
    }),
    use: standard({ retry: false }),
  })
  const { completions } = Instructor({ client: openaiClient(ai, OpenAI), mode: 'TOOLS' }).chat
  const ask = async (more, options) => {
    const params = { model, messages, response_model: place, ...more }
    const { _meta, ...answer } = await completions.create(params, options)
    return answer
  }

  assert.deepEqual(await ask(), rome)
  assert.deepEqual(await ask({ max_retries: 1 }), rome)
  assert.match(JSON.stringify(server.requests[2].body), /Expected number/)

  const parts = await completions.create({ model, messages, response_model: place, stream: true })
  let last
  for await (const { _meta, ...part } of parts) last = part
  assert.deepEqual(last, rome)

  await assert.rejects(ask(), OpenAI.RateLimitError)

  const controller = new AbortController()
  const aborted = assert.rejects(ask({}, { signal: controller.signal }), OpenAI.APIUserAbortError)
  const request = await server.request(5)
  controller.abort()
  await aborted
  assert.equal(await request.closed, true)
  await server.close()
  console.log(`${provider}: ${server.requests.length} requests`)
}
