/**
 * Builds the documentation as a static site in artefacts/site: the pages of docs/, and the API from
 * the docstrings. `npm run docs` A broken link or anchor, and a page missing in the sidebar, fail
 * the build.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const root = here('../..')
const pages = here('pages')
const site = join(root, 'artefacts/site')

/** Generators are installed once; a changed lock file installs them again. */
function install() {
  const [lock, installed] = [here('package-lock.json'), here('node_modules/.installed-lock')]
  const isThere = existsSync(installed) && readFileSync(installed).equals(readFileSync(lock))
  if (isThere) return
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', options, { cwd: here('.'), stdio: 'inherit' })
  cpSync(lock, installed)
}

/** The source of each entry of package.json. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.values(exports)
    .map((file) => /^\.\/dist\/(.*)\.js$/.exec(file)?.[1])
    .filter((path) => path !== undefined)
    .map((path) => (path.startsWith('middleware/') ? path : `src/${path}`))
    .map((path) => [`${path}/index.ts`, `${path}.ts`].find((file) => existsSync(join(root, file))))
    .map((file) => join(root, file))
}

/** Each module has the name under which it is imported. */
async function writeApi() {
  const { Application } = await import('typedoc')
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entries(),
    tsconfig: join(root, 'tsconfig.json'),
    readme: 'none',
    // `npm run check` does it
    skipErrorChecking: true,
    validation: false,
    excludePrivate: true,
    disableSources: true,
    name: 'tetrad API',
    navigationLinks: { Guide: '../getting-started' },
    out: join(site, 'api'),
    logLevel: 'Warn',
  })
  const project = await app.convert()
  if (!project) throw new Error('TypeDoc read no sources')
  for (const module of project.children)
    module.name = ['tetrad', module.name.replace(/^src\/?/, '')].filter(Boolean).join('/')
  await app.generateOutputs(project)
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('TypeDoc has complaints')
}

/** The first page, with the first code block of README, which a test runs. */
function home() {
  const [code] = /^```ts run$.*?^```$/ms.exec(readFileSync(join(root, 'README.md'), 'utf8'))
  return readFileSync(here('index.md'), 'utf8').replace('<!-- first call -->', () => code)
}

/** Anchors that do not exist: VitePress checks only pages. */
function checkAnchors() {
  const html = new Map(
    readdirSync(site, { recursive: true })
      .filter((path) => path.endsWith('.html'))
      .map((path) => [`/${path}`, readFileSync(join(site, path), 'utf8')]),
  )
  const broken = [...html].flatMap(([path, text]) =>
    [...text.matchAll(/ href="([^"#:]*)#([^"]+)"/g)]
      .map(([, target, anchor]) => [target === '' ? path : `${target}.html`, anchor])
      .filter(
        ([target, anchor]) => html.has(target) && !html.get(target).includes(` id="${anchor}"`),
      )
      .map(([target, anchor]) => `${path} → ${target}#${anchor}`),
  )
  if (broken.length > 0) throw new Error(`Anchors that lead nowhere:\n${broken.join('\n')}`)
}

install()
rmSync(pages, { recursive: true, force: true })
mkdirSync(pages)
// the sidebar is the index of the site
cpSync(join(root, 'docs'), pages, {
  recursive: true,
  filter: (path) => !path.endsWith('README.md'),
})
writeFileSync(join(pages, 'index.md'), home())
const { build } = await import('vitepress')
const { listed } = await import('./.vitepress/config.mjs')
const lost = readdirSync(pages).filter(
  (name) => name.endsWith('.md') && name !== 'index.md' && !listed.includes(name),
)
if (lost.length > 0) throw new Error(`No place in the sidebar: ${lost.join(', ')}`)
await build(here('.'))
await writeApi()
checkAnchors()
