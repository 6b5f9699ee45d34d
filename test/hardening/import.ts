/** The import of the package has no effect on a process. */
import { spawn } from 'node:child_process'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { expect } from 'vitest'
import type { HardeningCase } from './case.js'

const root = new URL('../..', import.meta.url).pathname

/** What apps import; test helpers are separate. */
const entries = [
  './src/index.ts',
  './src/client.ts',
  './middleware/index.ts',
  './src/providers/openai/index.ts',
  './src/providers/anthropic/index.ts',
  './src/providers/gemini/index.ts',
  './src/providers/xai/index.ts',
  './src/providers/compatible/index.ts',
  './src/openai/index.ts',
  './src/store/index.ts',
]

/** Reports each connection and DNS lookup by itself, even if the error is caught. */
const witness = `
import dns from 'node:dns'
import net from 'node:net'
import { syncBuiltinESMExports } from 'node:module'
const tell = (what) => function () { console.error('asked the network:', what); throw new Error(what) }
net.Socket.prototype.connect = tell('connect')
dns.lookup = tell('lookup')
dns.promises.lookup = tell('lookup')
globalThis.fetch = tell('fetch')
syncBuiltinESMExports()
`

/** All of them in one file: exported, so that nothing is tree-shaken. */
const bundle = (outfile: string) =>
  build({
    stdin: {
      contents: entries.map((path, at) => `export * as entry${at} from '${path}'`).join('\n'),
      resolveDir: root,
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  })

interface Run {
  readonly code: number | null
  readonly output: string
}

/** A process that may only read the bundle, without environment variables. */
function run(file: string): Promise<Run> {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission'
  const preload = `data:text/javascript,${encodeURIComponent(witness)}`
  const child = spawn(
    process.execPath,
    ['--no-warnings', flag, `--allow-fs-read=${file}`, `--import=${preload}`, file],
    { cwd: dirname(file), env: {}, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece) => (printed += piece))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output: printed }))
  })
}

export const imports: readonly HardeningCase[] = [
  {
    id: 13,
    title:
      'to import the package asks no network, reads no file but its own, says nothing, and keeps nothing running',
    run: async () => {
      const directory = await realpath(await mkdtemp(join(tmpdir(), 'import-')))
      try {
        const file = join(directory, 'bundle.mjs')
        await bundle(file)
        expect(await run(file)).toEqual({ code: 0, output: '' })
      } finally {
        await rm(directory, { recursive: true })
      }
    },
  },
]
