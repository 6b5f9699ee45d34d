/** Maps errors of the xAI API to typed errors. */
import {
  AuthenticationError,
  ContentPolicyViolationError,
  QuotaExceededError,
  ServiceUnavailableError,
} from '../../core/index.js'
import { type ErrorTable, errorOf, type ToError } from '../../transport/index.js'

/**
 * Its codes are sentences, and a 403 has many causes:
 * https://docs.x.ai/docs/key-information/debugging
 */
const table: ErrorTable = {
  provider: 'xai',
  codes: { 'The service is currently unavailable': ServiceUnavailableError },
  texts: [
    { pattern: /api key/i, error: AuthenticationError, statuses: [400] },
    {
      pattern: /credits?\b|spending limit|billing/i,
      error: QuotaExceededError,
      statuses: [403, 429],
    },
    {
      pattern: /usage guidelines|content policy|safety/i,
      error: ContentPolicyViolationError,
      statuses: [400, 403],
    },
  ],
}

/** Reads `{ code, error: 'text' }`, `{ error: 'text' }` and `{ error: { message, code } }`. */
export const toError: ToError = (failure) => errorOf(failure, table)
