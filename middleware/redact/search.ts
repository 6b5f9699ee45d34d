/** Finds the matches of rules in a text, and how much of a streamed text is final. */
import type { Pattern, SearchRule } from './rules.js'

export interface Hit {
  readonly start: number
  readonly end: number
  /** The name in placeholders. */
  readonly name: string
}

/**
 * Hits of all rules that start in `from` … `to`: the leftmost first, of those the longest, then by
 * order of rules.
 */
export function* findHits(
  text: string,
  rules: readonly SearchRule[],
  from = 0,
  to: number = text.length,
): Generator<Hit> {
  const next = new Map(rules.map((rule) => [rule, firstHit(text, rule, from, to)]))
  for (;;) {
    const best = [...next.values()].reduce(better, undefined)
    if (!best) return
    yield best
    for (const [rule, hit] of next)
      if (hit && hit.start < best.end) next.set(rule, firstHit(text, rule, best.end, to))
  }
}

function better(best: Hit | undefined, hit: Hit | undefined): Hit | undefined {
  if (!best || !hit) return best ?? hit
  if (hit.start !== best.start) return hit.start < best.start ? hit : best
  return hit.end > best.end ? hit : best
}

/** The first valid hit of one rule that starts in `from` … `to`. */
function firstHit(text: string, rule: SearchRule, from: number, to: number): Hit | undefined {
  if (rule.isLinear) return hitIn(text, rule, from, to)
  const { maxLength, behind = 0, ahead = 0 } = rule
  const half = Math.ceil(maxLength / 2)
  const step = Math.max(half, behind, ahead)
  for (let at = from; at < to; at += step) {
    const begin = Math.max(0, at - Math.max(half, behind))
    const window = text.slice(begin, at + step + maxLength + ahead)
    const hit = hitIn(window, rule, at - begin, Math.min(at + step, to) - begin)
    if (hit) return { ...hit, start: hit.start + begin, end: hit.end + begin }
  }
  return undefined
}

function hitIn(text: string, rule: SearchRule, from: number, to: number): Hit | undefined {
  if (!canSeek(rule.pattern))
    return matchesOf(text, rule.pattern)
      .filter(({ index }) => index >= from && index < to)
      .map((match) => validHit(match, rule))
      .find((hit) => hit !== undefined)
  for (let at = from; at < to; ) {
    rule.pattern.lastIndex = at
    const match = rule.pattern.exec(text)
    if (!match || match.index >= to) return undefined
    const hit = validHit(match, rule)
    if (hit) return hit
    at = match.index + 1
  }
  return undefined
}

type Match = Pick<RegExpExecArray, 'index' | 0>
type Seeking = Pattern & Pick<RegExp, 'exec' | 'lastIndex'>

const canSeek = (pattern: Pattern): pattern is Seeking =>
  'exec' in pattern && typeof pattern.exec === 'function' && 'lastIndex' in pattern

function matchesOf(text: string, pattern: Pattern): readonly Match[] {
  const found: Match[] = []
  pattern[Symbol.replace](text, (match, ...args) => {
    found.push({ 0: match, index: Number(args.findLast((arg) => typeof arg === 'number')) })
    return match
  })
  return found
}

function validHit({ 0: match, index }: Match, rule: SearchRule): Hit | undefined {
  const { valid = () => true, placeholder: name } = rule
  const shortest = match.length / 3
  for (let text = match; text.length > shortest; text = text.slice(0, lastGroup(text)))
    if (valid(text)) return { start: index, end: index + text.length, name }
  return undefined
}

/** Index of the separator before the last group of digits or letters. */
function lastGroup(text: string): number {
  let at = text.length - 1
  while (at > 0 && text[at] !== ' ' && text[at] !== '-') at--
  return at
}

/**
 * Where the run of a rule began in a text of this length, so that earlier text is not searched
 * again.
 */
export type Runs = Map<SearchRule, { readonly start: number; readonly length: number }>

/** The end of the final part: no match that starts before it can change with further text. */
export function decidedEnd(
  text: string,
  rules: readonly SearchRule[],
  from: number,
  runs: Runs = new Map(),
): number {
  let end = text.length
  for (const rule of rules) end = Math.min(end, heldFrom(text, rule, from, runs))
  return end > from && isInsidePair(text, end) ? end - 1 : end
}

function heldFrom(text: string, rule: SearchRule, from: number, runs: Runs): number {
  const { chars, begins, maxLength, ahead = 0 } = rule
  const first = firstHeld(text.length, maxLength + ahead, from)
  if (!chars || ahead > 0) return first
  const run = Math.max(first, runAtEnd(text, rule, chars, first, runs))
  if (!begins) return run
  for (let at = run; at < text.length; at++) {
    begins.lastIndex = at
    if (begins.test(text)) return at
  }
  return text.length
}

/**
 * Advances in steps of an eighth, so that the cost of searching `maxLength` units is amortized over
 * new text.
 */
function firstHeld(length: number, maxLength: number, from: number): number {
  const over = length - maxLength - from
  return over <= 0 ? from : from + over - (over % Math.ceil(maxLength / 8))
}

function runAtEnd(
  text: string,
  rule: SearchRule,
  chars: RegExp,
  first: number,
  runs: Runs,
): number {
  const known = runs.get(rule)
  const stop = Math.max(first, known?.length ?? 0)
  const start = walkBack(text, chars, stop)
  const run = known && start <= known.length ? Math.min(start, known.start) : start
  if (isHalf(text, text.length)) runs.delete(rule)
  else runs.set(rule, { start: run, length: text.length })
  return run
}

function walkBack(text: string, chars: RegExp, first: number): number {
  let at = text.length
  while (at > first) {
    const before = isInsidePair(text, at - 1) && at - 2 >= first ? at - 2 : at - 1
    if (!chars.test(text.slice(before, at))) return isHalf(text, at) ? before : at
    at = before
  }
  return at
}

/** True for a high surrogate at the end: the pair may belong to a run. */
const isHalf = (text: string, at: number) => at === text.length && isInsidePair(text, at)

const isInsidePair = (text: string, at: number) => {
  const before = text.charCodeAt(at - 1)
  return before >= 0xd800 && before < 0xdc00
}
