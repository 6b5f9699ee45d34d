/** JSON that was cut off, or has a comma too many, brought to an end. */
import { parseJson } from './json.js'

/** The value that the text was on its way to; undefined where it cannot be told. Linear in the text. */
export function repairJson(text: string): unknown {
  const { kept, closers } = scan(text)
  return parseJson(closed(kept, closers))
}

/** The text without trailing commas, an open string closed, and what would close the rest. */
function scan(text: string) {
  const open: string[] = []
  let kept = ''
  let from = 0
  let isString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (isString) {
      if (char === '\\') i++
      else if (char === '"') isString = false
    } else if (char === '"') isString = true
    else if (char === '{') open.push('}')
    else if (char === '[') open.push(']')
    else if (char === '}' || char === ']') {
      kept += withoutComma(text.slice(from, i))
      from = i
      open.pop()
    }
  }
  kept += text.slice(from)
  if (isString) kept = `${kept.replace(/\\(u[0-9a-f]{0,3})?$/i, '')}"`
  return { kept, closers: open.reverse().join('') }
}

const withoutComma = (text: string) => text.replace(/,\s*$/, '')

/** Half a word is left out, and so is a key without its value. */
function closed(text: string, closers: string): string {
  const end = withoutComma(text.trimEnd())
  if (parseJson(end + closers) !== undefined) return end + closers
  return withoutComma(withoutKey(withoutWord(end))) + closers
}

/** A search backwards by hand: a regular expression would look again from each blank. */
function withoutWord(text: string): string {
  let start = text.length
  while (start > 0 && !'[]{}",: \n\r\t'.includes(text.charAt(start - 1))) start--
  const before = text.slice(0, start).trimEnd()
  return /[[{,:]$/.test(before) ? before : text
}

function withoutKey(text: string): string {
  const key = text.endsWith(':') ? text.slice(0, -1).trimEnd() : text
  const start = key.endsWith('"') ? openingQuote(key) : -1
  return start < 0 ? text.trimEnd() : key.slice(0, start).trimEnd()
}

/** Where the string begins that ends the text: the nearest quote before that no backslash escapes. */
function openingQuote(text: string): number {
  let at = text.length - 1
  do at = at > 0 ? text.lastIndexOf('"', at - 1) : -1
  while (at >= 0 && isEscaped(text, at))
  return at
}

const isEscaped = (text: string, at: number) => {
  let start = at
  while (start > 0 && text.charAt(start - 1) === '\\') start--
  return (at - start) % 2 === 1
}
