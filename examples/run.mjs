// Runs every example as a user would, and checks that it says what it is for. node examples/run.mjs
import { execFileSync } from 'node:child_process'

const expected = {
  'own-middleware.ts': ['Write to •••, she knows.', '[2 attempts', '[0 attempts'],
  'tools.ts': ['It is 24 °C in Lisbon.', 'waits for a yes: 1', 'The mail is on its way.'],
  'cost-ledger.ts': ['acme', 'globex', 'total'],
  'history-file.ts': ['I said seven.', 'repaired:', 'All is well.'],
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
process.exit(failed === 0 ? 0 : 1)
