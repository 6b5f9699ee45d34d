/** Personal data stays here: the provider gets placeholders, the client and the tools get the originals. `npx tsx examples/redaction.ts` */
import type { Message } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { redact } from 'tetrad/middleware/redact'
import { memoryStore } from 'tetrad/store'
import { callTool, say } from 'tetrad/testing'
import { example } from './client.js'

/** Case numbers of our own, beside what is built in. */
const caseNumber = { name: 'case', pattern: /\bC-\d{6}\b/, maxLength: 8, chars: /[C\d-]/ }

const privacy = redact({
  restore: true,
  rules: ['email', 'iban', caseNumber],
  scope: () => 'conversation-1',
  store: memoryStore(),
})

/** Shows what leaves this process: the text of the last message. */
const wire = async (...[ctx, next]: Parameters<(typeof privacy)[number]>) => {
  console.log('  to the provider:', ctx.request.messages.at(-1)?.content)
  return next()
}

const sendMail = {
  description: 'Sends a mail.',
  execute: (mail: unknown) => {
    console.log('  the tool gets:', JSON.stringify(mail))
    return { delivered: true }
  },
}

const { ai, close } = await example(
  standard({ with: [privacy], tools: { sendMail }, outside: { retry: wire } }),
  [
    callTool('sendMail', { to: '<EMAIL_1>', about: '<CASE_1>' }),
    say('I wrote to <EMAIL_1> about <CASE_1>.'),
    say('Yes: email_1 has it.'),
  ],
)
const messages: Message[] = []
for (const question of [
  'Write to ada@example.com about C-123456.',
  'Has ada@example.com got it?',
]) {
  messages.push({ role: 'user', content: question })
  const reply = await ai.generate({ model: 'anthropic/claude-sonnet-4-5', messages })
  messages.push(...reply.messages)
  console.log(reply.text)
}
await close()
