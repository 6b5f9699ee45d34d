/**
 * Errors of the Graph API: the HTTP status and body of a code.
 * https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
 */

/** By code. */
const rows: ReadonlyMap<number, readonly [status: number, message: string]> = new Map([
  [4, [429, 'Application request limit reached']],
  [10, [403, 'Permission Denied']],
  [100, [400, 'Invalid parameter']],
  [190, [401, 'Error validating access token: Session has expired']],
  [368, [403, 'Temporarily blocked for policies violations']],
  [80007, [429, 'Rate limit issues']],
  [130429, [429, 'Rate limit hit']],
  [130472, [400, "User's number is part of an experiment"]],
  [131000, [500, 'Something went wrong']],
  [131005, [403, 'Access denied']],
  [131008, [400, 'Required parameter is missing']],
  [131009, [400, 'Parameter value is not valid']],
  [131016, [503, 'Service unavailable']],
  [131021, [400, 'Recipient cannot be sender']],
  [131026, [400, 'Message undeliverable']],
  [131031, [403, 'Account has been locked']],
  [131042, [400, 'Business eligibility payment issue']],
  [131047, [400, 'Re-engagement message']],
  [131048, [400, 'Spam rate limit hit']],
  [131049, [400, 'Message was not delivered to maintain healthy ecosystem engagement']],
  [131051, [400, 'Unsupported message type']],
  [131052, [400, 'Media download error']],
  [131053, [400, 'Media upload error']],
  [131056, [400, '(Business Account, Consumer Account) pair rate limit hit']],
])

/** The HTTP status of a code. @default 400 */
export const statusOf = (code: number): number => rows.get(code)?.[0] ?? 400

const titleOf = (code: number): string => rows.get(code)?.[1] ?? 'Unknown error'

/** The body of a refused call. */
export const errorBody = (code: number, details = titleOf(code)) => ({
  error: {
    message: `(#${code}) ${titleOf(code)}`,
    type: 'OAuthException',
    code,
    error_data: { messaging_product: 'whatsapp', details },
    fbtrace_id: `fake-${code}`,
  },
})

/** The same error in a webhook. */
export const webhookError = (code: number, details = titleOf(code)) => ({
  code,
  title: titleOf(code),
  message: titleOf(code),
  error_data: { details },
  href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
})
