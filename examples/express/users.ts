/** Who is signed in: a token names a user. A real app asks its session store here. */
import { AuthenticationError } from 'tetrad'

export interface User {
  readonly userId: string
  readonly name: string
}

const users: ReadonlyMap<string, User> = new Map([
  ['token-of-ann', { userId: 'ann', name: 'Ann' }],
  ['token-of-bob', { userId: 'bob', name: 'Bob' }],
])

/** Throws `AuthenticationError`, which the page sees as a 401. */
export function userOf(request: Request): User {
  const token = request.headers.get('authorization')?.replace(/^Bearer /, '') ?? ''
  const user = users.get(token)
  if (!user) throw new AuthenticationError('No such token')
  return user
}
