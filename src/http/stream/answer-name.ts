/**
 * The name that a client gives an answer in its request, `answer_name`: it stops the answer by it
 * while it does not have the id yet.
 */
import { asObject, asText } from '../../chat/index.js'

/** Four random numbers of 32 bits. */
const isName = (name: string) => /^\d{1,10}(?:,\d{1,10}){3}$/.test(name)

/** The name in a body; undefined without one. */
export function answerName(body: unknown): string | undefined {
  const name = asText(asObject(body).answer_name)
  return name !== undefined && isName(name) ? name : undefined
}

/**
 * The id of the answer with this name, the same in every process; undefined for what is no name.
 * It depends on the owner: a name of another user leads nowhere.
 */
export async function namedId(name: string, owner: string): Promise<string | undefined> {
  if (!isName(name)) return undefined
  const bytes = new TextEncoder().encode(JSON.stringify([owner, name]))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
