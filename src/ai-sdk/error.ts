/** Marks our errors so that the AI SDK recognizes them. */
import { AbortError, isTetradError, type TetradError } from '../core/index.js'

/**
 * Marks the error for `APICallError.isInstance` of the AI SDK and adds the members of that class.
 * Its retries read `isRetryable`: false if a `retry()` in the stack has already retried.
 */
export function markError(error: unknown, hasRetry: boolean): unknown {
  if (!isTetradError(error) || error.name === new AbortError().name) return error
  for (const [name, value] of Object.entries(membersOf(error, hasRetry))) define(error, name, value)
  for (const mark of ['vercel.ai.error', 'vercel.ai.error.AI_APICallError'])
    define(error, Symbol.for(mark), true)
  return error
}

/** Not enumerable, so that printed errors stay the same. */
const define = (error: TetradError, name: string | symbol, value: unknown) =>
  Object.defineProperty(error, name, { value, configurable: true })

const membersOf = (
  { status, retryable, retryAfterMs, code, message }: TetradError,
  hasRetry: boolean,
) => ({
  statusCode: status,
  isRetryable: retryable && !hasRetry,
  url: '',
  requestBodyValues: {},
  responseHeaders: retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) },
  responseBody: undefined,
  data: { error: { message, code } },
})
