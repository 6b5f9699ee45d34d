/** Lowercases header names, so that names in different case are one header. */
import type { ChatRequest } from '../chat/index.js'

export const lowerCased = (headers: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** The headers of the request. */
export const headersOf = ({ extra_headers }: ChatRequest) =>
  extra_headers && { headers: lowerCased(extra_headers) }
