/**
 * Edits the strings, keys and numbers of JSON text and keeps the rest verbatim; truncated text is
 * edited too.
 */

export interface JsonEdit {
  /** A string or a key, unescaped; a result that is no string is written as JSON. */
  string(text: string): string | number
  /** A number as it is written; undefined keeps it. */
  number(text: string): string | undefined
  /** The text between the tokens. */
  between?(text: string): string
}

/**
 * Edits valid JSON by its strings, keys and numbers; other or truncated text as a whole, except
 * strings with escapes, which are edited unescaped.
 */
export function editJsonText(text: string, edit: JsonEdit & { string(text: string): string }) {
  if (isJson(text)) return editJson(text, edit)
  let edited = ''
  let at = 0
  for (const { 0: token, index } of text.matchAll(escapedStrings)) {
    edited += edit.string(text.slice(at, index)) + editString(token, edit)
    at = index + token.length
  }
  return edited + edit.string(text.slice(at))
}

const escapedStrings = /"[^"\\]*(?:\\[\s\S][^"\\]*)+"?/g

/** True for a complete object or array. */
export function isJson(text: string): boolean {
  if (!looksLikeJson(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const tokens = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|(?<![\w.-])-?\d[\d.eE+-]*/g

export function editJson(text: string, edit: JsonEdit): string {
  const between = (from: number, to: number) => {
    const rest = text.slice(from, to)
    return edit.between?.(rest) ?? rest
  }
  let edited = ''
  let at = 0
  for (const { 0: token, index } of text.matchAll(tokens)) {
    const isString = token.startsWith('"')
    edited += between(at, index) + (isString ? editString(token, edit) : editNumber(token, edit))
    at = index + token.length
  }
  return edited + between(at, text.length)
}

function editString(token: string, edit: JsonEdit): string {
  const isCut = token.length === 1 || !token.endsWith('"') || isEscaped(token)
  const body = isCut ? token.slice(1) : token.slice(1, -1)
  const text = withoutEscapes(body)
  const edited = edit.string(text)
  if (edited === text) return token
  const written = JSON.stringify(edited)
  return isCut && typeof edited === 'string' ? written.slice(0, -1) : written
}

/** True if the last quote is escaped: the string was truncated. */
function isEscaped(token: string): boolean {
  let at = token.length - 2
  while (token[at] === '\\') at--
  return (token.length - at) % 2 === 1
}

/** An invalid body is used as it is written. */
function withoutEscapes(body: string): string {
  if (!body.includes('\\')) return body
  try {
    return String(JSON.parse(`"${body}"`))
  } catch {
    return body
  }
}

function editNumber(token: string, edit: JsonEdit): string {
  const edited = edit.number(token)
  return edited === undefined ? token : JSON.stringify(edited)
}

/** True for text that begins like an object or array. */
export const looksLikeJson = (text: string) => /^\s*[[{]/.test(text)

/** Escaped for use inside a JSON string. */
export const escaped = (text: string) => JSON.stringify(text).slice(1, -1)
