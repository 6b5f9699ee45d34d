/** JSON that was cut off, or has a comma too many, brought to an end. */
import { parseJson } from '../../chat/index.js'

/** The value that the text was on its way to; undefined where it cannot be told. Linear in the text. */
export function repairJson(text: string): unknown {
  const { kept, closers } = scan(text)
  return parseJson(closed(kept, closers))
}

/** The text without trailing commas, an open string closed, and what would close the rest. */
function scan(text: string) {
  const closers: string[] = []
  let kept = ''
  let from = 0
  let isString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (isString) {
      if (char === '\\') i++
      else if (char === '"') isString = false
    } else if (char === '"') isString = true
    else if (char === '{') closers.unshift('}')
    else if (char === '[') closers.unshift(']')
    else if (char === '}' || char === ']') {
      kept += withoutComma(text.slice(from, i))
      from = i
      closers.shift()
    }
  }
  kept += text.slice(from)
  if (isString) kept = `${kept.replace(/\\(u[0-9a-f]{0,3})?$/i, '')}"`
  return { kept, closers: closers.join('') }
}

const withoutComma = (text: string) => text.replace(/,\s*$/, '')

/** A key without its value is left out, and so is half a word. */
function closed(text: string, closers: string): string {
  const end = withoutComma(text.trimEnd())
  if (parseJson(end + closers) !== undefined) return end + closers
  const cut = withoutComma(
    end
      .replace(/(?<=[[{,:]\s*)[^\s[\]{}",:]+$/, '')
      .trimEnd()
      .replace(/"(?:[^"\\]|\\.)*"\s*:?$/, '')
      .trimEnd(),
  )
  return cut + closers
}
