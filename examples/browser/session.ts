/** Who asks: a random name in a cookie that no script can read and no other site can send. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { AuthenticationError } from 'tetrad'
import type { User } from './conversations.js'

const pattern = /(?:^|;\s*)session=([\w-]{36})(?:;|$)/

/** The header that gives a visitor a session; none where there is one. */
export function sessionHeaders({ headers }: IncomingMessage): Record<string, string> {
  if (pattern.test(headers.cookie ?? '')) return {}
  return { 'set-cookie': `session=${randomUUID()}; Path=/; HttpOnly; SameSite=Strict` }
}

/** Throws `AuthenticationError` for a request without a session. */
export function userOf(request: Request): User {
  const userId = pattern.exec(request.headers.get('cookie') ?? '')?.[1]
  if (!userId) throw new AuthenticationError('No session: load the page first')
  return { userId }
}
