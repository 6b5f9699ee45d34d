/**
 * The package as a user gets it: packed, installed in an empty folder, imported by every runtime,
 * bundled by every bundler, type-checked. node test/pack/main.mjs [the tarball]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkBundlers } from './bundlers.mjs'
import { checkInstall, checkInstructor, checkPeers, subpathsOf } from './install.mjs'
import { checkGettingStarted } from './newcomer.mjs'
import { checkRuntimes } from './runtimes.mjs'
import { installTools, npm, root, write } from './support.mjs'
import { checkManifest, checkTypes } from './types.mjs'
import { checkWorkers } from './workers.mjs'

const folder = mkdtempSync(join(tmpdir(), 'pack-'))

/** `npm pack` builds the package first, and prints the build output before the file name. */
function pack() {
  const printed = npm(root, 'pack', '--silent', '--pack-destination', folder)
  return join(folder, printed.trim().split('\n').at(-1))
}

try {
  const tarball = process.argv[2] ? resolve(process.argv[2]) : pack()
  const project = write(join(folder, 'project'), {
    'package.json': { private: true, type: 'module' },
  })
  npm(project, 'i', tarball)
  checkInstall(project)
  await checkGettingStarted(join(folder, 'newcomer'), join(project, 'node_modules/tetrad'), tarball)
  checkPeers(join(folder, 'peers'), tarball)
  checkInstructor(join(folder, 'instructor'), tarball)
  installTools()
  checkManifest(tarball)
  const names = subpathsOf(project)
  checkRuntimes(project, names)
  await checkTypes(project, names)
  await checkBundlers(project)
  await checkWorkers(project)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
