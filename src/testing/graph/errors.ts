/** Errors of the Graph API: which HTTP status a code comes with, and its body. https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes */

interface ErrorRow {
  readonly status: number
  readonly message: string
}

const row = (status: number, message: string): ErrorRow => ({ status, message })

const rows: ReadonlyMap<number, ErrorRow> = new Map([
  [4, row(429, 'Application request limit reached')],
  [10, row(403, 'Permission Denied')],
  [100, row(400, 'Invalid parameter')],
  [190, row(401, 'Error validating access token: Session has expired')],
  [368, row(403, 'Temporarily blocked for policies violations')],
  [80007, row(429, 'Rate limit issues')],
  [130429, row(429, 'Rate limit hit')],
  [130472, row(400, "User's number is part of an experiment")],
  [131000, row(500, 'Something went wrong')],
  [131005, row(403, 'Access denied')],
  [131008, row(400, 'Required parameter is missing')],
  [131009, row(400, 'Parameter value is not valid')],
  [131016, row(503, 'Service unavailable')],
  [131021, row(400, 'Recipient cannot be sender')],
  [131026, row(400, 'Message undeliverable')],
  [131031, row(403, 'Account has been locked')],
  [131042, row(400, 'Business eligibility payment issue')],
  [131047, row(400, 'Re-engagement message')],
  [131048, row(400, 'Spam rate limit hit')],
  [131049, row(400, 'Message was not delivered to maintain healthy ecosystem engagement')],
  [131051, row(400, 'Unsupported message type')],
  [131052, row(400, 'Media download error')],
  [131053, row(400, 'Media upload error')],
  [131056, row(400, '(Business Account, Consumer Account) pair rate limit hit')],
])

/** The status that the API sends with a code. @default 400 */
export const statusOf = (code: number): number => rows.get(code)?.status ?? 400

const titleOf = (code: number): string => rows.get(code)?.message ?? 'Unknown error'

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

/** How a webhook tells the same. */
export const webhookError = (code: number, details = titleOf(code)) => ({
  code,
  title: titleOf(code),
  message: titleOf(code),
  error_data: { details },
  href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
})
