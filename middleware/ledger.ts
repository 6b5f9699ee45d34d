/** Sums usage records by tag, and prints the sums as a table. */
import { asCount, toUnits, toUsd } from '../src/chat/index.js'
import type { UsageRecord } from './usage.js'

/** The summed usage of several calls. */
export interface LedgerRow {
  readonly calls: number
  /** Calls that failed or were aborted. */
  readonly failed: number
  readonly attempts: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
  /** USD of all attempts with a known price. */
  readonly cost: number
  /** Attempts that used tokens and have no known price: the actual cost is higher. */
  readonly unpriced: number
}

/**
 * Keeps only sums, in memory, one for each value of each tag: use tags with few values (tenant,
 * feature), not one for each call.
 *
 * @example
 * const ledger = new Ledger()
 * const ai = createClient({ use: [usage({ onUsage: ledger.add })] })
 * ledger.by('tenant').get('acme')?.cost
 * console.log(String(ledger))
 */
export class Ledger {
  private readonly sum = new Sum()
  private readonly tags = new Map<string, Map<string, Sum>>()

  /** Adds one record. Bound, so it can be passed to `usage()` directly. */
  readonly add = (record: UsageRecord): void => {
    this.sum.add(record)
    for (const [tag, value] of Object.entries(record.tags))
      if (value !== '') entry(entry(this.tags, tag, newMap), value, newSum).add(record)
  }

  get total(): LedgerRow {
    return this.sum.row()
  }

  /**
   * One row for each value of the tag; calls without the tag have the key ''. The rows add up to
   * the total.
   */
  by(tag: string): ReadonlyMap<string, LedgerRow> {
    const sums = this.tags.get(tag) ?? new Map<string, Sum>()
    const rows = new Map([...sums].map(([value, sum]) => [value, sum.row()]))
    const rest = [...sums.values()].reduce((left, sum) => left.minus(sum), this.sum)
    if (rest.calls > 0) rows.set('', rest.row())
    return rows
  }

  /** The table of one tag, or of all. */
  toString(...tags: readonly string[]): string {
    const names = tags.length > 0 ? tags : [...this.tags.keys()].sort()
    const lines = names.flatMap((tag) =>
      [...this.by(tag)].sort(byName).map(([value, row]) => line(tag, value || '(none)', row)),
    )
    return layOut([head, ...lines, line('', 'total', this.total)])
  }

  toJSON() {
    const tags = [...this.tags.keys()].map((tag) => [tag, Object.fromEntries(this.by(tag))])
    return { total: this.total, tags: Object.fromEntries(tags) }
  }

  /** `console.log(ledger)` prints the table. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** Sums that can be subtracted, money as integers. */
class Sum {
  calls = 0
  failed = 0
  attempts = 0
  prompt_tokens = 0
  completion_tokens = 0
  costUnits = 0n
  unpriced = 0

  add({ status, usage, attempts }: UsageRecord): void {
    this.calls++
    if (status !== 'ok') this.failed++
    this.attempts += attempts.length
    this.prompt_tokens += asCount(usage.prompt_tokens) ?? 0
    this.completion_tokens += asCount(usage.completion_tokens) ?? 0
    for (const attempt of attempts) {
      const { cost, total_tokens } = attempt.usage
      if (cost !== undefined) this.costUnits += toUnits(cost)
      else if (total_tokens > 0) this.unpriced++
    }
  }

  minus(other: Sum): Sum {
    const rest = new Sum()
    rest.calls = this.calls - other.calls
    rest.failed = this.failed - other.failed
    rest.attempts = this.attempts - other.attempts
    rest.prompt_tokens = this.prompt_tokens - other.prompt_tokens
    rest.completion_tokens = this.completion_tokens - other.completion_tokens
    rest.costUnits = this.costUnits - other.costUnits
    rest.unpriced = this.unpriced - other.unpriced
    return rest
  }

  row(): LedgerRow {
    const { costUnits, ...counts } = this
    return { ...counts, cost: toUsd(costUnits) }
  }
}

const newSum = () => new Sum()
const newMap = () => new Map<string, Sum>()

function entry<T>(map: Map<string, T>, name: string, make: () => T): T {
  const value = map.get(name) ?? make()
  map.set(name, value)
  return value
}

type Line = readonly string[]

const head: Line = ['tag', 'value', 'calls', 'failed', 'attempts', 'prompt', 'completion', 'USD']

const line = (tag: string, value: string, row: LedgerRow): Line => [
  tag,
  value,
  String(row.calls),
  String(row.failed),
  String(row.attempts),
  grouped(row.prompt_tokens),
  grouped(row.completion_tokens),
  money(row),
]

/** An unknown price is never shown as 0. */
function money({ cost, unpriced }: LedgerRow): string {
  if (unpriced === 0) return cost.toFixed(6)
  return cost > 0 ? `> ${cost.toFixed(6)}` : 'unknown'
}

// creating an Intl formatter takes some 30 ms: none is created at import
const grouped = (count: number) => count.toLocaleString('en').replaceAll(',', ' ')

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) =>
  a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1

/** Text left-aligned, numbers right-aligned, a rule below the head and one above the last line. */
function layOut(lines: readonly Line[]): string {
  const widths = head.map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  )
  const text = lines.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column < 2 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '─'.repeat(width)).join('──')
  return [text[0], rule, ...text.slice(1, -1), rule, text.at(-1)].join('\n')
}
