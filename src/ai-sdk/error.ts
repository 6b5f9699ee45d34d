/** Our errors under the marks by which the AI SDK knows its own. */
import { AbortError, isTetradError, type TetradError } from '../core/index.js'

/**
 * The same error, which `APICallError.isInstance` of the AI SDK knows too, with the members of that class. Its own retry reads
 * `isRetryable`: false where a `retry()` in the stack has done what can be done.
 */
export function markError(error: unknown, hasRetry: boolean): unknown {
  if (!isTetradError(error) || error.name === new AbortError().name) return error
  for (const [name, value] of Object.entries(membersOf(error, hasRetry))) define(error, name, value)
  for (const mark of ['vercel.ai.error', 'vercel.ai.error.AI_APICallError'])
    define(error, Symbol.for(mark), true)
  return error
}

/** Not listed: the prints of an error stay as they are. */
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
