/** Writes docs/faults.md: the matrix as its rows declare it, and as the tests assert it. */
import { allWords, contract, withDefaults } from './contract.js'
import { type Expectation, expectationOf, type Row, type Setting, settingsOf } from './row.js'
import { elsewhere, rows } from './rows/index.js'

const parts = {
  A: 'Connection and response',
  B: 'Framing',
  C: 'Meaning',
  D: 'The caller, and silence',
  E: 'Routes, scale, processes',
}

export function page(): string {
  return `${intro}\n${Object.entries(parts).map(section).join('\n')}`
}

const intro = `# Faults

What a call does when its provider, its network or its caller fails. Written by \`npx tsx test/faults/report.ts\` from the table of \`test/faults/rows/\`, which runs in CI over real sockets: each row for OpenAI, Anthropic, Gemini, xAI and a Chat Completions server, over \`node:http\` and \`fetch\`, plain and streamed where the fault can be either, with the \`standard()\` stack of three attempts. Where they differ, the row says which does what.

What holds for every row, whatever its outcome:

${Object.keys(contract)
  .map((name) => `- ${name.replace(/^(I\d+) (.*)$/, '**$1** $2')}`)
  .join('\n')}

Errors that nobody catches and lines on the console: none. *Told* is usage as the provider reported it, *counted* is an estimate that is marked \`estimated\`, *none* is an attempt that was refused and costs nothing. Waits are exact: the jitter of the tests stands in its middle.
`

function section([letter, title]: readonly [string, string]): string {
  const own = rows.filter(({ id }) => id.startsWith(letter)).map(line)
  const others = elsewhere.filter(({ id }) => id.startsWith(letter))
  const rest = others.map(
    ({ id, fault, outcome, test }) =>
      `| ${id} | ${fault} | ${outcome} | ${test ? `\`${test[0]}\`` : 'not made here'} |`,
  )
  const table = ['| Row | Fault | Outcome | Requests | Kept |', '| - | - | - | - | - |', ...own]
  const proven = ['| Row | Fault | Outcome | Test |', '| - | - | - | - |', ...rest]
  const second = rest.length > 0 ? `\nProven by suites of their own:\n\n${proven.join('\n')}\n` : ''
  return `## ${title}\n\n${table.join('\n')}\n${second}`
}

function line(row: Row): string {
  const groups = grouped(row)
  const cell = (text: (expectation: Expectation) => string) => {
    const labels = new Map<string, string[]>()
    for (const { label, expectation } of groups)
      labels.set(text(expectation), [...(labels.get(text(expectation)) ?? []), label])
    const texts = [...labels].map(([text, names]) => `${names.join(', ')}: ${text}`)
    return labels.size === 1 ? [...labels.keys()][0] : texts.join('<br>')
  }
  const result = row.outcome ?? cell(outcome)
  return `| ${[row.id, row.fault, result, cell(requests), cell(kept)].join(' | ')} |`
}

function outcome({ error, code, phase, retryAfterMs, waits = [] }: Expectation): string {
  const details = [
    code && `\`${code}\``,
    phase && `phase \`${phase}\``,
    retryAfterMs && `\`retryAfterMs\` ${retryAfterMs}`,
  ].filter(Boolean)
  const waited = waits.length > 0 ? `; waits ${waits.join(' and ')} ms` : ''
  if (!error) return `the answer${waited}`
  return `\`${error}\`${details.length > 0 ? ` (${details.join(', ')})` : ''}${waited}`
}

const requests = (expectation: Expectation) => {
  const { attempts = 0, requests } = withDefaults(expectation)
  return attempts > requests ? `${attempts} tries, ${requests} sent` : String(requests)
}

function kept(expectation: Expectation): string {
  const { words = 0, usage, toolRuns = 0 } = withDefaults(expectation)
  const text = words === 0 ? '' : words < allWords ? `${words} words, ` : 'all, '
  const ran = ['', ', the tool ran once', ', 2 tools ran'][toolRuns]
  return `${text}usage ${usage}${ran}`
}

interface Group {
  readonly label: string
  readonly expectation: Expectation
}

const dimensions = [
  ['name'],
  ['mode'],
  ['transport'],
  ['name', 'mode'],
  ['transport', 'mode'],
] as const satisfies readonly (readonly (keyof Setting)[])[]

/** Groups settings with the same expectation, under the shortest label that distinguishes them. */
function grouped(row: Row): readonly Group[] {
  const found = new Map<string, Setting[]>()
  for (const setting of settingsOf(row)) {
    const name = JSON.stringify(expectationOf(row, setting))
    found.set(name, [...(found.get(name) ?? []), setting])
  }
  const groups = [...found.values()]
  const of = (setting: Setting, keys: readonly (keyof Setting)[]) =>
    keys.map((key) => setting[key]).join(' ')
  const distinguishing = dimensions.find((keys) => {
    const seen = groups.map((group) => new Set(group.map((setting) => of(setting, keys))))
    return (
      new Set(seen.flatMap((set) => [...set])).size ===
      seen.reduce((sum, { size }) => sum + size, 0)
    )
  })
  return groups.map((group) => ({
    label: [...new Set(group.map((setting) => of(setting, distinguishing ?? ['name'])))].join(', '),
    expectation: expectationOf(row, group[0] as Setting),
  }))
}
