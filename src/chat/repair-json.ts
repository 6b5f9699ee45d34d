/** Completes JSON that is truncated or has trailing commas. */
import { parseJson } from './json.js'

/** The completed value; undefined if the text cannot be completed. Linear in the text. */
export function repairJson(text: string): unknown {
  const { kept, closers } = scan(text)
  return parseJson(closed(kept, closers))
}

/** The text without trailing commas, its last string closed, and the brackets for the rest. */
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

/** Drops a truncated literal, and a key without a value. */
function closed(text: string, closers: string): string {
  const end = withoutComma(text.trimEnd())
  if (parseJson(end + closers) !== undefined) return end + closers
  return withoutComma(withoutKey(withoutLiteral(end))) + closers
}

/** Scans backwards by hand: a regular expression would rescan from each blank. */
function withoutLiteral(text: string): string {
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

/** The index where the last string begins: the nearest unescaped quote before its end. */
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
