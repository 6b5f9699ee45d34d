/** A whole answer of the Responses API in the common shape: the same reader as for streams, fed with one event. */
import type { AnswerInput, JsonObject } from '../../chat/index.js'
import type { WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { readWhole, unexpected } from '../turn-writer.js'
import { checkBody, isPending } from './body.js'
import { streamReader } from './stream.js'
import { asString, type Profile } from './wire.js'

/** A plain answer in the common shape. Throws typed errors for a body that is none. */
export const responseReader =
  (profile: Profile) =>
  (response: WireResponse, context: WireContext): AnswerInput => {
    const body = checkBody(response.body, context, profile)
    warnIfPending(body, context, profile)
    // the one event of its stream, and its last: an answer
    const answer = readWhole(streamReader(profile)(context), { type: 'response', response: body })
    if (answer) return answer
    const what = 'answered with a response that does not end'
    const { provider } = profile
    throw unexpected({ provider, context }, { code: 'incomplete', what, phase: 'body' })
  }

/** `background: true` answers at once with a handle: its id is what to ask for later. */
function warnIfPending(body: JsonObject, { warn }: WireContext, { provider }: Profile): void {
  if (!isPending(body)) return
  warn({
    code: 'other',
    provider,
    message: `the response ${asString(body.id)} is ${body.status}: this is a handle, not the answer`,
  })
}
