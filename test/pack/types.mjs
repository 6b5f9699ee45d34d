/** Declarations: they say what exists, and they compile in every usual project. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { check, root, run, tool, write } from './support.mjs'

const resolutions = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}
const environments = {
  DOM: { lib: ['es2022', 'dom', 'dom.iterable'], types: [] },
  'Node without DOM': { lib: ['es2022'], types: ['node'], typeRoots: [tool('@types')] },
}
const compilers = { 'TypeScript 5.6': 'typescript-5.6', 'the newest TypeScript': 'typescript' }
const strictest = {
  target: 'es2022',
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  skipLibCheck: false,
}

/** Use what only Node declares. */
const isForNode = (name) => ['tetrad/http/node', 'tetrad/testing'].includes(name)

export async function checkTypes(project, names) {
  await checkValues(project, names)
  const readme = readFileSync(join(root, 'README.md'), 'utf8').match(/```ts run\n([\s\S]*?)```/)[1]
  for (const [environment, where] of Object.entries(environments)) {
    const isNode = where.types.includes('node')
    const imports = names
      .filter((name) => isNode || !isForNode(name))
      .map((name, index) => `export * as module${index} from '${name}'`)
    const head = isNode ? '' : 'declare const process: { stdout: { write(text: string): void } }'
    for (const [resolution, how] of Object.entries(resolutions)) {
      const folder = write(join(project, `types-${isNode}-${resolution}`), {
        'package.json': { type: 'module' },
        'all.ts': imports.join('\n'),
        'readme.ts': `${readme}\n${head}`,
        'tsconfig.json': { compilerOptions: { ...strictest, ...where, ...how } },
      })
      for (const [compiler, name] of Object.entries(compilers)) {
        run(process.execPath, [tool(`${name}/bin/tsc`), '-p', '.'], folder)
        check(`declarations and README compile: ${compiler}, ${environment}, ${resolution}`, true)
      }
    }
  }
}

/** What the linters of published packages find: in the manifest, and in how each subpath resolves. */
export function checkManifest(tarball) {
  run(process.execPath, [tool('publint/src/cli.js'), 'run', tarball, '--strict'], root)
  check('publint finds nothing in the package', true)
  const types = tool('@arethetypeswrong/cli/dist/index.js')
  run(process.execPath, [types, tarball, '--profile', 'esm-only', '--format', 'ascii'], root)
  check('the types of each subpath are those of its module (attw)', true)
}

/** What a declaration exports as a value must be there when the module runs, and the other way round. */
async function checkValues(project, names) {
  const main = join(project, 'values.ts')
  write(project, { 'values.ts': names.map((name) => `import '${name}'`).join('\n') })
  const program = ts.createProgram([main], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
  })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(main)
  const script = `console.log(JSON.stringify(Object.fromEntries(await Promise.all(${JSON.stringify(names)}.map(async (name) => [name, Object.keys(await import(name)).sort()])))))`
  write(project, { 'values.mjs': script })
  const values = JSON.parse(run(process.execPath, ['values.mjs'], project))
  for (const { moduleSpecifier } of source.statements) {
    const declared = checker
      .getExportsOfModule(checker.getSymbolAtLocation(moduleSpecifier))
      .filter((symbol) => resolved(symbol, checker).flags & ts.SymbolFlags.Value)
      .map((symbol) => symbol.name)
      .sort()
    const { text } = moduleSpecifier
    if (`${declared}` !== `${values[text]}`)
      throw new Error(`${text} declares ${declared}\nand has ${values[text]}`)
  }
  check(`${names.length} declarations say what their modules hold`, names.length > 15)
}

const resolved = (symbol, checker) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
