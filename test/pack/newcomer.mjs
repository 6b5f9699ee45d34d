/**
 * Runs docs/getting-started.md of the package: in an empty folder, command by command, without a
 * key.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check, run, write } from './support.mjs'

const blocksOf = (page, language) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}[^\\n]*\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code]) => code,
  )

/** The output that a block declares. */
const printsOf = (code) => [...code.matchAll(/\/\/ prints (.*)$/gm)].map(([, line]) => line)

const shell = (command, cwd) => run('sh', ['-ec', command], cwd)

/** `folder` is empty, `home` is where the package was installed. */
export async function checkGettingStarted(folder, home, tarball) {
  const page = readFileSync(join(home, 'docs/getting-started.md'), 'utf8')
  const [install, hello, , serve, ask, test] = blocksOf(page, 'sh')
  mkdirSync(folder)
  shell(install.replace('npm i tetrad', `npm i '${tarball}'`), folder)
  const project = join(folder, 'chat')
  const files = Object.fromEntries(
    blocksOf(page, 'ts').map((code) => [/^\/\/ (\S+)\n/.exec(code)[1], code]),
  )
  write(project, files)
  const printed = shell(hello, project).trimEnd().split('\n')
  check(`getting started: ${printed.join(', ')}`, `${printed}` === `${printsOf(files['hello.ts'])}`)
  await checkServer({ project, serve, ask })
  check('getting started: its test passes', /^# pass 2$/m.test(shell(test, project)))
}

async function checkServer({ project, serve, ask }) {
  // a process group of its own: npx starts tsx, which starts the server
  const server = spawn('sh', ['-ec', serve], { cwd: project, detached: true })
  try {
    await once(server.stdout, 'data')
    check('getting started: the route streams', /"text":".*"finish"/s.test(shell(ask, project)))
  } finally {
    process.kill(-server.pid)
  }
}
