/** Tool inputs and outputs as values for a page, and back to the exact same text. */
import { isObject, parseJson, toToolContent, type UserPart } from '../../../chat/index.js'
import type { CallNote, UiPart } from './wire.js'

/** A function's arguments as a value; text that is not a JSON object stays text. */
export function toInput(text: string): unknown {
  const value = parseJson(text === '' ? '{}' : text)
  return isObject(value) ? withoutPrototypes(value) : text
}

/** What must be recorded beside `input` so that `toArguments` returns this text again. */
export const noteOf = (text: string, input: unknown): CallNote | undefined =>
  text === '' || argumentsOf(input) === text ? undefined : { arguments: text }

/** The arguments of an input; the recorded text only while it parses to the same value. */
export function toArguments(input: unknown, note: unknown): string {
  const text = isObject(note) ? note.arguments : undefined
  if (typeof text === 'string' && argumentsOf(toInput(text)) === argumentsOf(input)) return text
  return argumentsOf(input)
}

const argumentsOf = (input: unknown): string =>
  typeof input === 'string' ? input : (JSON.stringify(input) ?? '{}')

/** A result as a value where it is the JSON of one: the page gets what the tool returned. */
export function toOutput(content: string | readonly UserPart[]): unknown {
  if (typeof content !== 'string') return withoutPrototypes(content)
  const value = parseJson(content)
  const isValue = value !== undefined && typeof value !== 'string'
  return isValue && JSON.stringify(value) === content ? withoutPrototypes(value) : content
}

/** The content of a tool part's result. */
export const toContent = ({ output }: UiPart): string | readonly UserPart[] => toToolContent(output)

/**
 * Removes members that set prototypes: the client's parser rejects the whole event for one.
 * Undefined becomes null, as JSON would omit the required member.
 */
export function withoutPrototypes(value: unknown): unknown {
  const text = JSON.stringify(value)
  if (text === undefined) return null
  return suspect.test(text) ? JSON.parse(text, withoutPrototype) : value
}

const suspect = /"(?:__proto__|constructor)":/

function withoutPrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') return undefined
  // the parser reads `prototype` of any value here, null too
  const isPrototype = value === null || (isObject(value) && Object.hasOwn(value, 'prototype'))
  return key === 'constructor' && isPrototype ? undefined : value
}
