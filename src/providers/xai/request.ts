/** Requests to xAI: OpenAI's table, with xAI's differences. */
import { fields as fieldsOfOpenai } from '../openai/request.js'
import type { Field, Fields } from '../openai/wire.js'

/** xAI identifies the end user by `user`. */
const toUser: Field = ({ user, safety_identifier }, { note }) => {
  if (user === undefined) return { user: safety_identifier }
  note.ignored(
    'safety_identifier was left out: user is set too and takes precedence',
    'safety_identifier',
  )
  return {}
}

/** `logprobs` is a separate member; `seed` and `user` are accepted, `verbosity`, `metadata` not. */
export const fields: Fields = {
  ...fieldsOfOpenai,
  logprobs: ({ logprobs }) => ({ logprobs }),
  top_logprobs: ({ top_logprobs, logprobs }) => ({
    top_logprobs,
    ...(logprobs === undefined && { logprobs: true }),
  }),
  seed: ({ seed }) => ({ seed }),
  user: ({ user }) => ({ user }),
  safety_identifier: toUser,
  verbosity: undefined,
  metadata: undefined,
}
