/** The installed folder after `npm i`, and that nothing prevents the installation. */
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { check, npm, root, run, write } from './support.mjs'

/**
 * Unpacked bytes of the package and of its one dependency. The target is 850_000: lower it as code
 * gets smaller.
 */
const maxBytes = 1_175_000

export function checkInstall(project) {
  const modules = join(project, 'node_modules')
  const packages = readdirSync(modules).filter((name) => !name.startsWith('.'))
  check(
    `installs ${packages.join(' and ')} and nothing else`,
    packages.sort().join() === 'eventsource-parser,tetrad',
  )
  const bytes = packages.map((name) => sizeOf(join(modules, name)))
  const total = bytes.reduce((sum, size) => sum + size, 0)
  check(
    `the install is ${total} bytes (${bytes.join(' + ')}), at most ${maxBytes}`,
    total <= maxBytes,
  )
  const home = join(modules, 'tetrad')
  const [, claimed] = /The install .*? is ([\d.]+) MB/.exec(
    readFileSync(join(home, 'README.md'), 'utf8'),
  )
  check(
    `README says ${claimed} MB of it, and no less than it is`,
    total <= (Number(claimed) + 0.005) * 1e6,
  )
  const { scripts = {} } = manifestOf(project)
  check(
    'no install scripts, built before it is packed',
    !Object.keys(scripts).some((name) => /install|prepare$/.test(name)) && scripts.prepack,
  )
  const files = readdirSync(home, { recursive: true })
  check('no source maps', !files.some((name) => name.endsWith('.map')))
  checkLinks(home)
}

/**
 * npm shows README, whose relative links resolve in the package. Only linked files of docs/ are
 * packed.
 */
function checkLinks(home) {
  const files = readdirSync(home, { recursive: true })
  const pages = files.filter((name) => name.endsWith('.md'))
  const broken = pages.flatMap((page) =>
    linksOf(home, page)
      .filter((target) => !existsSync(join(home, target)))
      .map((target) => `${page} → ${target}`),
  )
  check(
    `what the ${pages.length} pages link to is there${broken.length > 0 ? `, but not ${broken.join(', ')}` : ''}`,
    broken.length === 0,
  )
  const linked = linksOf(home, 'README.md')
  const docs = files.filter((name) => /^docs.+\./.test(name))
  check(
    `README links to each of ${docs.length} files of docs/`,
    docs.every((name) => linked.includes(name)),
  )
}

const linksOf = (home, page) =>
  [
    ...readFileSync(join(home, page), 'utf8').matchAll(
      /(?:\]\(|<img src=")(?!\w+:|#|\/)([^)"#\s]+)/g,
    ),
  ].map(([, link]) => normalize(join(page, '..', link)))

const sizeOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size

const manifestOf = (project) =>
  JSON.parse(readFileSync(join(project, 'node_modules/tetrad/package.json'), 'utf8'))

/** Every specifier under which something of the package is imported. */
export const subpathsOf = (project) =>
  Object.keys(manifestOf(project).exports)
    .filter((path) => path !== './package.json')
    .map((path) => `tetrad${path.slice(1)}`)

const older = ['openai@4', 'openai@5', 'zod@3', '@anthropic-ai/sdk@0.39', '@google/genai@1']

/** npm resolves the tree before it fetches anything, and rejects conflicts there. */
export function checkPeers(folder, tarball) {
  for (const peer of older) {
    const [, name, version] = /^(.+)@(.+)$/.exec(peer)
    const project = write(join(folder, peer), {
      'package.json': { private: true, dependencies: { [name]: version } },
    })
    npm(project, 'i', '--package-lock-only', tarball)
    const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'))
    check(
      `installs beside ${peer}`,
      packages['node_modules/tetrad'] &&
        packages[`node_modules/${name}`].version.startsWith(version),
    )
  }
}

/** Libraries on older majors of the peers run beside them over `openaiClient`. */
export function checkInstructor(folder, tarball) {
  const project = write(folder, { 'package.json': { private: true, type: 'module' } })
  npm(project, 'i', '--ignore-scripts', tarball, '@instructor-ai/instructor@1', 'openai@4', 'zod@3')
  cpSync(join(root, 'test/pack/instructor.mjs'), join(project, 'instructor.mjs'))
  const printed = run('node', ['instructor.mjs'], project).trim().split('\n')
  check(`instructor, beside openai@4 and zod@3: ${printed.join(', ')}`, printed.length === 4)
}
