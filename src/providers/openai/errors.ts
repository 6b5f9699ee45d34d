/** Maps errors of the OpenAI API to typed errors. */
import { errorOf, type ToError } from '../../transport/index.js'

/** Reads `{ error: { message, type, param, code } }`, `error` events, failed responses in a 200. */
export const toError: ToError = (failure) => errorOf(failure, { provider: 'openai' })
