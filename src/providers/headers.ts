/** Headers under one spelling: what is given under another case is the same header. */
import type { ChatRequest } from '../chat/index.js'

export const lowerCased = (
  headers: Readonly<Record<string, string>> = {},
): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** Those that the request brings. */
export const headersOf = ({ extra_headers }: ChatRequest) =>
  extra_headers && { headers: lowerCased(extra_headers) }
