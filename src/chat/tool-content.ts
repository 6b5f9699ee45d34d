/** Converts what a tool returned to the content of its result, and content to text. */
import { isObject, type JsonObject, parseJson } from './json.js'
import type { UserPart } from './message.js'

/** Validates a part of each type by its payload. */
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

/** Keeps text and content parts (images and files reach the model as such); all else as JSON. */
export function toToolContent(value: unknown): string | readonly UserPart[] {
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.length > 0 && value.every(isPart)) return value
  return JSON.stringify(value ?? null)
}

/** A failed result as JSON text with an `error`, for a wire without an error flag. */
export function toErrorText(text: string): string {
  const value = parseJson(text)
  return isObject(value) && 'error' in value ? text : JSON.stringify({ error: text })
}

/** The text parts of content, joined by line breaks; other parts are dropped. */
export const textOfContent = (content: string | readonly UserPart[]): string =>
  typeof content === 'string'
    ? content
    : content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
