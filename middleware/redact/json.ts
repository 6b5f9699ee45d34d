/** Edits the strings, keys and numbers of JSON text and leaves all else as it is written; text that was cut is edited too. */

export interface JsonEdit {
  /** A string or a key, without its escapes; what is no string is written as JSON. */
  string(text: string): string | number
  /** A number as it is written; undefined: it stays. */
  number(text: string): string | undefined
  /** What stands between the tokens. */
  between?(text: string): string
}

/**
 * Text that may be JSON: by its strings, keys and numbers where it is; what is none, or was cut, by its whole text, strings
 * with escapes apart.
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

/** An object or a list, whole. */
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

/** Its last quote is an escaped one: the string was cut. */
function isEscaped(token: string): boolean {
  let at = token.length - 2
  while (token[at] === '\\') at--
  return (token.length - at) % 2 === 1
}

/** A body that is no JSON is taken as it is written. */
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

/** Worth reading as JSON: an object, a list. */
export const looksLikeJson = (text: string) => /^\s*[[{]/.test(text)

/** As it stands inside a string of JSON. */
export const escaped = (text: string) => JSON.stringify(text).slice(1, -1)
