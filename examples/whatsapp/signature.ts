/** Meta signs each webhook: HMAC-SHA-256 of the body's very bytes, with the app secret. */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** The value of `X-Hub-Signature-256`. */
export const sign = (body: Uint8Array, secret: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

/** True for bytes that this secret signed. JSON that was parsed and printed again is other bytes. */
export const isSigned = (body: Uint8Array, header: unknown, secret: string): boolean =>
  typeof header === 'string' && isSame(header, sign(body, secret))

/** Compares in a time that tells nothing of where two texts differ. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
