/** A structured answer that does not fit its schema is asked for again. `npx tsx examples/repair.ts` */
import { standard } from 'tetrad/middleware'
import { repair } from 'tetrad/middleware/repair'
import { say } from 'tetrad/testing'
import { z } from 'zod'
import { example } from './client.js'

const { ai, close } = await example(standard({ with: [repair()] }), [
  say('{"name":"Ada","guests":"a few"}'),
  say('```json\n{"name":"Ada","guests":4}\n```'),
])
const { parsed, warnings, attempts } = await ai.generate({
  model: 'gemini/gemini-2.5-flash',
  messages: [{ role: 'user', content: 'Book a table for Ada and three friends.' }],
  response_format: z.object({ name: z.string(), guests: z.number().int() }),
})
for (const { message } of warnings) console.log(message)
console.log(JSON.stringify(parsed), `after ${attempts.length} attempts`)
await close()
