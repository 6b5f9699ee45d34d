// Runs every example as a user would, and checks that it says what it is for. node examples/run.mjs
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'

const expected = {
  'own-middleware.ts': ['Write to •••, she knows.', '[2 attempts', '[0 attempts'],
  'tools.ts': ['It is 24 °C in Lisbon.', 'waits for a yes: 1', 'The mail is on its way.'],
  'cost-ledger.ts': ['acme', 'globex', 'total'],
  'redaction.ts': [
    'to the provider: Write to <EMAIL_1> about <CASE_1>.',
    'the tool gets: {"to":"ada@example.com","about":"C-123456"}',
    'Yes: ada@example.com has it.',
  ],
  'history-file.ts': ['I said seven.', 'repaired:', 'All is well.'],
  'fallback.ts': [
    'falling back to anthropic/claude-sonnet-4-5',
    'at 24 °C.',
    'openai failed, anthropic ok',
  ],
  'telemetry.ts': [
    '└ chat gpt-5-mini',
    '(failed, ok)',
    '└ execute_tool weather',
    'It is clear, at 24 °C.',
  ],
  'cost-cap.ts': ['ann 0.0045 USD', 'ann has used 0.009 USD', 'bob 0.0045 USD'],
  'cache.ts': [
    'at once: The Rhine, the Rhône and the Po. | The Rhine, the Rhône and the Po.',
    'streamed: The Rhine',
    'calls of a model: 0 cost: 0',
  ],
  'mcp.ts': ['tool: Lisbon: 24 °C, clear', 'assistant: It is 24 °C in Lisbon.'],
  'summarize.ts': ['I read 498 characters.', 'gpt-5-nano → gpt-5-mini'],
  'moderation.ts': [
    'Name a river. The Rhine is a river.',
    'bomb? refused: The question',
    'story. refused: The answer',
  ],
  'repair.ts': ['Requested the answer again: guests', '{"name":"Ada","guests":4}', '2 attempts'],
  'demo/main.ts': ['It is a red square', 'xai/grok-4', 'Lisbon has a clear sky'],
}

let failed = 0
for (const [file, sentences] of Object.entries(expected)) {
  const path = new URL(file, import.meta.url).pathname
  const output = execFileSync(process.execPath, ['--import', 'tsx', path], { encoding: 'utf8' })
  const missing = sentences.filter((sentence) => !output.includes(sentence))
  console.log(
    missing.length === 0
      ? `✓ ${file}`
      : `✗ ${file} does not say: ${missing.join(' | ')}\n${output}`,
  )
  failed += missing.length
}
/** Servers: started, asked once, stopped. */
const servers = [
  ['express/main.ts', 'terrace', { authorization: 'Bearer token-of-ann' }],
  ['servers/main.ts hono', 'Danube', {}],
  ['servers/main.ts fastify', 'Danube', {}],
  ['servers/main.ts node-http', 'Danube', {}],
]
for (const [command, word, headers] of servers) {
  const [file, ...args] = command.split(' ')
  const path = new URL(file, import.meta.url).pathname
  const env = { ...process.env, PORT: '0' }
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], { env })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  const response = await fetch(/http:\S+/.exec(line)[0], {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"stream":false,"messages":[{"role":"user","content":"Hi"}]}',
  })
  const output = await response.text()
  child.kill()
  console.log(
    output.includes(word) ? `✓ ${command}` : `✗ ${command} does not say: ${word}\n${output}`,
  )
  if (!output.includes(word)) failed++
}
process.exit(failed === 0 ? 0 : 1)
