/** Refusals of the OpenAI API as typed errors. */
import { errorOf, type ToError } from '../../transport/index.js'

/** Reads `{ error: { message, type, param, code } }`, and `error` events and failed responses in a 200. */
export const toError: ToError = (failure) => errorOf(failure, { provider: 'openai' })
