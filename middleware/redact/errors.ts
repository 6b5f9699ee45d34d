/** Masks originals in an error: its message, stack, headers and causes, of any type. */
import { isObject } from '../../src/chat/index.js'
import { editValue } from './mask.js'

const fields = ['message', 'stack'] as const

/** Edits the error in place: outer layers test its class. */
export function maskError(error: unknown, mask: (text: string) => string, depth = 0): void {
  if (!(error instanceof Error) || depth > 8) return
  for (const field of fields) {
    const text = error[field]
    if (typeof text === 'string') put(error, field, text, mask(text))
  }
  const headers = 'headers' in error ? error.headers : undefined
  if (isObject(headers)) put(error, 'headers', headers, maskAll(headers, mask))
  if (error.cause instanceof Error) maskError(error.cause, mask, depth + 1)
  else put(error, 'cause', error.cause, maskPlain(error.cause, mask))
  if (error instanceof AggregateError)
    for (const one of error.errors) maskError(one, mask, depth + 1)
}

/** Masks a value that is no error; the same value if nothing was masked. */
export function maskPlain(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value !== 'string' && !isPlain(value)) return value
  let isMasked = false
  const text = (text: string) => {
    const masked = mask(text)
    isMasked ||= masked !== text
    return masked
  }
  const edited = editValue(value, { text, json: text, number: (value) => value })
  return isMasked ? edited : value
}

const isPlain = (value: unknown) =>
  Array.isArray(value) || (isObject(value) && Object.getPrototypeOf(value) === Object.prototype)

function maskAll(headers: Readonly<Record<string, unknown>>, mask: (text: string) => string) {
  const entries = Object.entries(headers)
  const masked = entries.map(([name, value]) => [name, mask(String(value))] as const)
  return masked.some(([, value], i) => value !== entries[i]?.[1])
    ? Object.fromEntries(masked)
    : headers
}

function put(error: Error, name: string, before: unknown, value: unknown): void {
  if (value === before) return
  const { enumerable = false } = Object.getOwnPropertyDescriptor(error, name) ?? {}
  Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true })
}
