/** What the Messages API refuses with → typed errors. Its `type` names the kind, `details.error_code` the cause. */
import {
  ContentPolicyViolationError,
  ContextWindowExceededError,
  QuotaExceededError,
} from '../../core/index.js'
import { errorOf, type ToError } from '../../transport/index.js'

/** Error bodies: https://docs.claude.com/en/api/errors. A spent budget comes as a plain 400, told by its text alone. */
export const toError: ToError = (failure) =>
  errorOf(failure, {
    provider: 'anthropic',
    texts: [
      {
        pattern: /credit balance is too low|specified API usage limits/i,
        error: QuotaExceededError,
      },
      {
        pattern: /exceed(s|ed)? (the )?context (limit|window)/i,
        error: ContextWindowExceededError,
      },
      { pattern: /blocked by content filtering/i, error: ContentPolicyViolationError },
    ],
  })
