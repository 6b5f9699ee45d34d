/**
 * Spellings of a placeholder by models: `<EMAIL_1>`, `<email_1>`, `EMAIL_1`, `&lt;EMAIL_1&gt;`,
 * `EMAIL\_1`, `\u003cEMAIL_1\u003e`.
 */
import type { SearchRule } from './rules.js'

const opening = ['<', '\\<', '&lt;', '\\u003c']
const closing = ['>', '\\>', '&gt;', '\\u003e']

const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
const oneOf = (texts: readonly string[]) => `(?:${texts.map(literally).join('|')})`

/** Models may escape the underscores of a name. */
const spelled = (name: string) => name.replaceAll('_', '\\\\?_')
const id = '[a-z0-9]{1,32}'
const edge = '(?<![A-Za-z0-9_])'

export interface Placeholders {
  readonly rule: SearchRule
  /** Parses a found form into its name and id. */
  readonly read: (text: string) => readonly [name: string, id: string]
}

/** Finds all forms of placeholders of these names; undefined without names. */
export function placeholdersOf(names: readonly string[]): Placeholders | undefined {
  if (names.length === 0) return undefined
  const name = `(${[...names].sort(longestFirst).map(spelled).join('|')})`
  const inner = `${name}\\\\?_(${id})`
  const bracketed = `${oneOf(opening)} ?${inner} ?${oneOf(closing)}`
  const form = `${bracketed}|${edge}${inner}(?![A-Za-z0-9_])`
  const whole = new RegExp(`^(?:${form})$`, 'i')
  const rule = {
    name: 'literal',
    placeholder: literalName,
    pattern: new RegExp(form, 'gi'),
    maxLength: 120,
    chars: /[\w<>&;\\ ]/,
    begins: new RegExp(beginning(names), 'iy'),
    isLinear: true,
  }
  const read = (text: string) => {
    const [, name = '', id = '', bareName = name, bareId = id] = whole.exec(text) ?? []
    return [bareName.replaceAll('\\', ''), bareId] as const
  }
  return { rule, read }
}

/** Placeholder name for user text that looks like a placeholder. */
export const literalName = 'LITERAL'

const longestFirst = (a: string, b: string) => b.length - a.length

/** Matches what may become a placeholder with more text. */
function beginning(names: readonly string[]): string {
  const end = `\\\\?(?:$|_(?:$|${id} ?(?:$|[&\\\\][gtu03e;]{0,5}$)))`
  const words = names.map((name) => prefixes([...name].map(letter), end))
  const word = `(?:${words.join('|')})`
  const brackets = opening.map((text) => prefixes([...text].map(literally), ` ?(?:$|${word})`))
  return `(?:${brackets.join('|')}|${edge}${word})`
}

const letter = (character: string) => (character === '_' ? '\\\\?_' : character)

/** `ab` and then `c`: `a(?:$|b(?:$|c))`. */
const prefixes = (parts: readonly string[], last: string) =>
  parts.reduceRight((rest, part) => `${part}(?:$|${rest})`, last)
