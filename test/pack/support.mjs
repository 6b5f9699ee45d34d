/** Helpers of the package checks: commands, projects, one line per passed check. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a command to its end and returns its output; stderr is shown. Throws if it fails. */
export const run = (command, args, cwd) =>
  execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    // no key of this machine
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' },
  })

export const npm = (cwd, ...args) =>
  run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], cwd)

/** Prints a line if the check passes, throws if it fails. */
export function check(what, isTrue) {
  if (!isTrue) throw new Error(`does not hold: ${what}`)
  console.log(`✓ ${what}`)
}

/** Writes files into a folder, and creates it if it is missing. */
export function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof text === 'string' ? text : JSON.stringify(text))
  }
  return folder
}

const manifest = fileURLToPath(new URL('package.json', import.meta.url))
const toolFolder = join(root, 'artefacts/pack-tools')

/** Installs bundlers, compilers and runtimes once; later runs reuse them. */
export function installTools() {
  const installed = join(toolFolder, 'package.json')
  const isThere =
    existsSync(join(toolFolder, 'node_modules')) &&
    readFileSync(installed, 'utf8') === readFileSync(manifest, 'utf8')
  if (isThere) return
  mkdirSync(toolFolder, { recursive: true })
  cpSync(manifest, installed)
  npm(toolFolder, 'i', '--ignore-scripts')
}

/** The path of a file of a tool. */
export const tool = (path) => join(toolFolder, 'node_modules', path)

const requireTool = createRequire(join(toolFolder, 'package.json'))

/** The module of a tool. */
export const importTool = (name) => import(requireTool.resolve(name))
