/** Runs every example without keys and checks that it prints what it should. `npm run examples` */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const expected = {
  'own-middleware.ts': [
    /\[failed\] 0 tokens/,
    /generate: Write to ••• or ••• for a copy/,
    /stream: +Write to ••• or ••• for a copy/,
  ],
  'tools.ts': [
    /← .*"celsius":24/,
    /Rome is warmer/,
    /2 steps added assistant, tool, tool, assistant/,
  ],
  'cost-ledger.ts': [/acme paid 0\.\d+ USD/, /tenant +acme +2 +1 +2/, /total +3/],
  'history-file.ts': [/The Nile\./, /repaired:/, /6 650 kilometres/, /\d+ messages in the file/],
}

let failures = 0
for (const [name, patterns] of Object.entries(expected)) {
  const path = fileURLToPath(new URL(name, import.meta.url))
  const { status, stdout, stderr } = spawnSync('npx', ['tsx', path], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  const missing = patterns.filter((pattern) => !pattern.test(stdout))
  const isFine = status === 0 && missing.length === 0
  console.log(`${name}: ${isFine ? 'ok' : `failed (${status})`}`)
  if (isFine) continue
  failures++
  console.error(`${stdout}${stderr}missing: ${missing.join(' ')}`)
}
process.exitCode = failures > 0 ? 1 : 0
