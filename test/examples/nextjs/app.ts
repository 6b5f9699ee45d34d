/** The Next.js example as a user has it: copied into an empty folder, installed, built, started. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))
const example = join(root, 'examples/nextjs')
const plainRoute = join(root, 'test/examples/nextjs/route.ts')

type Env = Readonly<Record<string, string>>

export interface BuiltApp {
  /** Serves the app on a free port, with only these environment variables. */
  start(env?: Env): Promise<RunningApp>
  remove(): Promise<void>
}

export interface RunningApp {
  readonly url: string
  stop(): Promise<void>
}

/**
 * Builds the example with two more routes: /api/plain and /api/edge. The package comes from `dist`:
 * build that first.
 */
export async function buildApp(): Promise<BuiltApp> {
  const folder = await mkdtemp(join(tmpdir(), 'nextjs-'))
  const next = (...args: readonly string[]) => [
    join(folder, 'node_modules/next/dist/bin/next'),
    ...args,
  ]
  await cp(example, folder, { recursive: true, filter: isSource })
  await addRoute(folder, 'plain')
  // the edge has no Node modules: the build fails if one is needed
  await addRoute(folder, 'edge', "export const runtime = 'edge'\n")
  await pointTo(root, join(folder, 'package.json'))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
  await run(process.execPath, next('build'), { cwd: folder, env: clean() })
  return {
    start: (env = {}) =>
      listening(
        spawn(process.execPath, next('start', '--hostname', '127.0.0.1', '--port', '0'), {
          cwd: folder,
          env: { ...clean(), ...env },
          stdio: ['ignore', 'pipe', 'inherit'],
        }),
      ),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

const isSource = (path: string) =>
  !['node_modules', '.next', 'next-env.d.ts', '.env.local'].includes(basename(path))

async function addRoute(folder: string, name: string, head = ''): Promise<void> {
  const place = join(folder, `app/api/${name}/[[...path]]`)
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'route.ts'), head + (await readFile(plainRoute, 'utf8')))
}

/** `file:../..` resolves to the package only from the example's own folder. */
async function pointTo(folder: string, manifest: string): Promise<void> {
  const { dependencies, ...rest } = JSON.parse(await readFile(manifest, 'utf8'))
  const moved = { ...rest, dependencies: { ...dependencies, tetrad: `file:${folder}` } }
  await writeFile(manifest, JSON.stringify(moved))
}

/** The environment of a fresh terminal: no provider key, nothing of the test runner. */
const clean = (): NodeJS.ProcessEnv => {
  const { PATH, HOME } = process.env
  return { PATH, HOME, NODE_ENV: 'production' }
}

async function listening(server: ChildProcess): Promise<RunningApp> {
  const closed = once(server, 'close')
  const stop = async () => {
    server.kill()
    await closed
  }
  if (!server.stdout) throw new Error('The output of the server is not piped')
  for await (const line of createInterface({ input: server.stdout })) {
    const [url] = /http:\/\/\S+:\d+/.exec(line) ?? []
    if (url === undefined) continue
    // an unread pipe fills up
    server.stdout.resume()
    return { url, stop }
  }
  throw new Error('The server ended before it listened')
}
