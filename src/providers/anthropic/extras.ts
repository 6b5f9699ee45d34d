/** What goes into the body untouched: unknown members of the request, `extra_body`, and the caller's own words for this provider. */
import { type ChatRequest, defined, type JsonObject } from '../../chat/index.js'
import { unknownMembers } from '../unknown-members.js'

/** The later ones win. */
export const extrasOf = (request: ChatRequest): JsonObject =>
  defined({
    ...unknownMembers(request),
    ...request.extra_body,
    ...request.provider_options?.anthropic,
  })
