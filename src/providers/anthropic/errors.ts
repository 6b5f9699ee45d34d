/** Refusals of the Messages API as typed errors: its `type` names the kind, `details.error_code` the cause. */
import { errorOf, type ToError } from '../../transport/index.js'

/** Error bodies: https://docs.claude.com/en/api/errors. A spent budget comes as a plain 400, told by its text alone. */
export const toError: ToError = (failure) => errorOf(failure, { provider: 'anthropic' })
