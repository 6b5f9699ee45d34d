/** Maps errors of Gemini to typed errors. https://ai.google.dev/gemini-api/docs/troubleshooting */
import { asObjects, asText, isObject, type JsonObject } from '../../chat/index.js'
import { QuotaExceededError } from '../../core/index.js'
import { durationMs, type ErrorTable, errorOf, type ToError } from '../../transport/index.js'

/** The error class, by quota, `ErrorInfo.reason` and status. A wrong key is a 400 here. */
export const toError: ToError = (failure) => errorOf(failure, table)

/** Our code for a quota that does not reset in seconds: Google uses one code for all 429s. */
const exhausted = 'quota_exhausted'

const table: ErrorTable = {
  provider: 'gemini',
  codes: { [exhausted]: QuotaExceededError },
  hints,
  texts: [
    {
      pattern: /prepa(id|yment)|credits? (are|is|have been) (depleted|exhausted)|spend(ing)? cap/i,
      error: QuotaExceededError,
      statuses: [403, 429],
    },
  ],
}

/** `error.details` holds ErrorInfo, RetryInfo, QuotaFailure and RequestInfo of google.rpc. */
function hints(body: JsonObject) {
  const error = isObject(body.error) ? body.error : body
  const details = asObjects(error.details)
  const reason = asText(ofType(details, 'ErrorInfo')?.reason)
  const delay = ofType(details, 'RetryInfo')?.retryDelay
  return {
    codes: [
      ...(isHopeless(ofType(details, 'QuotaFailure')) ? [exhausted] : []),
      ...(reason ? [reason] : []),
    ],
    retryAfterMs: typeof delay === 'string' ? durationMs(delay) : undefined,
    requestId: asText(ofType(details, 'RequestInfo')?.requestId),
  }
}

const ofType = (details: readonly JsonObject[], name: string) =>
  details.find((detail) => String(detail['@type'] ?? '').endsWith(`google.rpc.${name}`))

/** True for a daily quota, or a quota of 0: the free tier has 0 of some models. */
const isHopeless = (failure: JsonObject | undefined): boolean =>
  asObjects(failure?.violations).some(
    ({ quotaId, quotaValue }) => /PerDay/i.test(String(quotaId)) || String(quotaValue) === '0',
  )
