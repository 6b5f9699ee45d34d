/** Every regular expression of the package takes linear time. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkSync } from 'recheck'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { data } from '../middleware/prices/data.js'

interface Expression {
  readonly place: string
  readonly source: string
  readonly flags: string
}

const root = join(import.meta.dirname, '..')

function literalsOf(file: string): Expression[] {
  const text = readFileSync(join(root, file), 'utf8')
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Expression[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart())
      const [source, flags] = [node.text.slice(1, end), node.text.slice(end + 1)]
      found.push({ place: `${file}:${line + 1}`, source, flags })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

const files = ['src', 'middleware'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
)

/**
 * An expression without unbounded repetition takes at most its own length of steps at each
 * position.
 */
const isBounded = (source: string) => {
  const bare = source.replace(/\\./g, '').replace(/\[(?:[^\]])*\]/g, 'c')
  return !/[*+]|\{\d*,\}/.test(bare)
}

/** Attack strings are found at random: with a fixed seed each run searches the same. */
const settings = { timeout: 15_000, randomSeed: 1 }

/**
 * By automaton if the syntax allows, otherwise by searching attack strings; steps are counted, not
 * time.
 */
const analysed = (expression: Expression): string => {
  const verdict = checkSync(expression.source, expression.flags, settings)
  return verdict.status === 'safe' ? 'safe' : `${expression.place}: ${verdict.status}`
}

/** Expressions whose input is bounded before the match, and by what. */
const boundedBefore: ReadonlyMap<string, string> = new Map([
  [
    '^ {0,12}(`{3,64}|~{3,64})([^\\n`]*)$',
    'src/text/outline.ts: a line above 200 characters is no fence',
  ],
])

/** Expressions of the price table, compiled when it is read. */
const ofPrices = Object.values(data).flatMap((rows) =>
  rows.map(([{ source, flags }]): Expression => ({ place: 'middleware/prices', source, flags })),
)

const expressions = [...files.flatMap(literalsOf), ...ofPrices]
const repeating = expressions.filter(
  ({ source }) => !isBounded(source) && !boundedBefore.has(source),
)
const distinct = [...new Map(repeating.map((one) => [`${one.source}/${one.flags}`, one])).values()]

test('the expressions are found', () => {
  expect(expressions.length).toBeGreaterThan(300)
  expect(repeating.length).toBeGreaterThan(40)
})

test('no expression takes more than linear time on any text', { timeout: 240_000 }, () => {
  expect(distinct.map(analysed).filter((verdict) => verdict !== 'safe')).toEqual([])
})
