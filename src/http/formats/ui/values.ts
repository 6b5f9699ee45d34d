/** What calls and results say, as the values a page works with, and back to the very same text. */
import { isObject, parseJson, toToolContent, type UserPart } from '../../../chat/index.js'
import type { CallNote, UiPart } from './wire.js'

/** A function's arguments as a value; text that is no JSON object stays text. */
export function toInput(text: string): unknown {
  const value = parseJson(text === '' ? '{}' : text)
  return isObject(value) ? withoutPrototypes(value) : text
}

/** What must be noted beside `input` so that `toArguments` gives this text again. */
export const noteOf = (text: string, input: unknown): CallNote | undefined =>
  text === '' || argumentsOf(input) === text ? undefined : { arguments: text }

/** The arguments behind an input; the noted text only as long as it says the same. */
export function toArguments(input: unknown, note: unknown): string {
  const text = isObject(note) ? note.arguments : undefined
  if (typeof text === 'string' && argumentsOf(toInput(text)) === argumentsOf(input)) return text
  return argumentsOf(input)
}

const argumentsOf = (input: unknown): string =>
  typeof input === 'string' ? input : (JSON.stringify(input) ?? '{}')

/** A result as a value where it is the JSON of one: what a tool returned is what the page gets. */
export function toOutput(content: string | readonly UserPart[]): unknown {
  if (typeof content !== 'string') return withoutPrototypes(content)
  const value = parseJson(content)
  const isValue = value !== undefined && typeof value !== 'string'
  return isValue && JSON.stringify(value) === content ? withoutPrototypes(value) : content
}

/** The content of a result that a tool part holds. */
export const toContent = ({ output }: UiPart): string | readonly UserPart[] => toToolContent(output)

/**
 * The value without members that set prototypes: the client's parser refuses the whole event for one. Undefined, which
 * JSON leaves out though the member must be there, becomes null.
 */
export function withoutPrototypes(value: unknown): unknown {
  const text = JSON.stringify(value)
  if (text === undefined) return null
  return suspect.test(text) ? JSON.parse(text, withoutPrototype) : value
}

const suspect = /"(?:__proto__|constructor)":/

function withoutPrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') return undefined
  // the parser asks whatever stands there for its `prototype`, null too
  const isPrototype = value === null || (isObject(value) && Object.hasOwn(value, 'prototype'))
  return key === 'constructor' && isPrototype ? undefined : value
}
