/** Maps errors of the API to typed errors: `type` is the kind, `details.error_code` the cause. */
import { errorOf, type ToError } from '../../transport/index.js'

/** Bodies: https://docs.claude.com/en/api/errors. A spent budget is a 400 with its own text. */
export const toError: ToError = (failure) => errorOf(failure, { provider: 'anthropic' })
