/**
 * Requirements of the tests beside npm: installs missing commands where possible (Debian, as root),
 * otherwise lists the suites that are skipped. The first step of `npm test`. In CI nothing is
 * skipped: a missing command fails.
 */
import { execFileSync } from 'node:child_process'
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Commands, named like Debian's packages, and how the source of a suite shows that it needs one.
 */
const needs: Readonly<Record<string, RegExp>> = {
  'redis-server': /\/(?:redis-server|use-redis)\.js'/,
  chromium: /\buseChromium\(/,
  curl: /execFile\('curl'/,
}

/** The path of a command, by PATH; Chromium also by CHROMIUM_PATH. */
export function findCommand(name: string): string | undefined {
  if (name === 'chromium' && process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const missing = () => Object.keys(needs).filter((name) => findCommand(name) === undefined)

const folder = fileURLToPath(new URL('.', import.meta.url))
const suites = () =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.test.ts') && !path.includes('node_modules'),
  )

const suitesFor = (name: string) =>
  suites()
    .filter((path) => needs[name]?.test(readFileSync(join(folder, path), 'utf8')))
    .map((path) => `test/${path}`)

/** The suites that cannot run on this machine. */
export const skippedSuites = (): readonly string[] => missing().flatMap(suitesFor)

function install(names: readonly string[]): void {
  if (process.getuid?.() !== 0 || !findCommand('apt-get')) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const stdio = ['ignore', 'ignore', 'inherit'] as const
  try {
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: [...stdio] })
    const options = ['-y', '-qq', '--no-install-recommends']
    execFileSync('apt-get', ['install', ...options, ...names], { env, stdio: [...stdio] })
  } catch {
    // no network, or no permission: missing commands are listed below
  }
}

/** Run as a command. */
function main(): void {
  if (missing().length > 0) install(missing())
  for (const name of missing())
    console.log(
      `SKIPPED for want of ${name} (apt-get install ${name}): ${suitesFor(name).join(', ')}`,
    )
  if (process.env.CI && missing().length > 0) process.exit(1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
