/** What a tool returned, as the content of its result, and back to text. */
import { isObject, type JsonObject, parseJson } from './json.js'
import type { UserPart } from './message.js'

/** Where a part of each type holds what it holds. */
const parts: Readonly<Record<string, (part: JsonObject) => boolean>> = {
  text: ({ text }) => typeof text === 'string',
  image_url: ({ image_url }) => isObject(image_url) || typeof image_url === 'string',
  input_audio: ({ input_audio }) => isObject(input_audio),
  file: ({ file }) => isObject(file),
}

const isPart = (value: unknown): value is UserPart => {
  const type = isObject(value) ? value.type : undefined
  return isObject(value) && typeof type === 'string' && Object.hasOwn(parts, type)
    ? parts[type]?.(value) === true
    : false
}

/** Text as it is, and a list of content parts as parts: images and files reach the model as what they are. Anything else as JSON. */
export function toToolContent(value: unknown): string | readonly UserPart[] {
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.length > 0 && value.every(isPart)) return value
  return JSON.stringify(value ?? null)
}

/** A failed result for a wire that has no flag for it: the text says it, as JSON. */
export function toErrorText(text: string): string {
  const value = parseJson(text)
  return isObject(value) && 'error' in value ? text : JSON.stringify({ error: text })
}

/** The texts of content, a line each; other parts are left out. */
export const textOfContent = (content: string | readonly UserPart[]): string =>
  typeof content === 'string'
    ? content
    : content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
