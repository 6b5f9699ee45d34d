/** What became of a call that failed, and what to do about it. https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes */
import { alarmCodes } from './webhook.js'

export interface GraphFailure {
  /** 0: no answer came. */
  readonly status: number
  /** Of Graph's error; undefined where it gave none. */
  readonly code?: number | undefined
  /** It may have been taken: the connection broke or the time was over while we waited. There is no key that makes a repeat harmless. */
  readonly isUnknown?: boolean | undefined
  /** Milliseconds, where the answer says so. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

export class GraphError extends Error {
  override readonly name = 'GraphError'
  readonly status: number
  readonly code: number | undefined
  readonly isUnknown: boolean
  readonly retryAfterMs: number | undefined

  constructor(path: string, { status, code, isUnknown = false, ...failure }: GraphFailure) {
    const what = code === undefined ? `${status || 'No answer'}` : `${status}, code ${code}`
    // the path tells what was tried; the answer may quote what was said
    super(`${what} from ${path}${isUnknown ? ': it may have been taken' : ''}`, {
      cause: failure.cause,
    })
    this.status = status
    this.code = code
    this.isUnknown = isUnknown
    this.retryAfterMs = failure.retryAfterMs
  }

  /** The token, the account: no call can work before somebody acts. */
  get isAlarm(): boolean {
    return this.code !== undefined && alarmCodes.has(this.code)
  }
}

/** Limits and faults that pass. */
const passing: ReadonlySet<number> = new Set([4, 80007, 130429, 131000, 131016])
/** Too many messages to one person: wait 4^n seconds. */
const pairLimit = 131056
const maxRepeats = 4
const maxPairRepeats = 3

/** How long to wait before a call is repeated; undefined: it is not. Milliseconds. */
export function waitBefore(repeat: number, error: GraphError): number | undefined {
  if (error.isUnknown) return undefined
  if (error.code === pairLimit)
    return repeat < maxPairRepeats ? 1000 * 4 ** (repeat + 1) : undefined
  if (!isPassing(error) || repeat >= maxRepeats) return undefined
  return error.retryAfterMs ?? 1000 * 2 ** repeat
}

/** By the code where there is one. */
export const isPassing = ({ code, status, isUnknown }: GraphError): boolean => {
  if (isUnknown) return false
  if (code === pairLimit) return true
  return code === undefined ? status === 0 || status === 429 || status >= 500 : passing.has(code)
}
