/** One person, one chat: whatever number or id a message comes from. */
import type { Store } from 'tetrad/store'
import type { Received } from './webhook.js'

/** Where an answer goes. A person without a number is reached by id. */
export type Recipient =
  | { readonly recipient_type: 'individual'; readonly to: string }
  | { readonly recipient_type: 'individual'; readonly recipient: string }
  | { readonly recipient_type: 'group'; readonly to: string }

/** A message with its chat, as the inbox keeps it. */
export interface Inbound extends Received {
  /** One of our numbers, and a person or a group: history and turns go by it. */
  readonly chat: string
  /** Whose cap it counts on. */
  readonly person: string
  readonly to: Recipient
}

const ttlMs = 400 * 86_400_000

/**
 * The name that a person was first known by at this number of ours. All ids of a message, or of a change of number, are
 * of one person from then on: the history need not move.
 */
export async function nameOf(
  store: Store,
  phoneNumberId: string,
  ids: readonly string[],
): Promise<string> {
  const keyOf = (id: string) => `person:${phoneNumberId}:${id}`
  const known = await Promise.all(ids.map((id) => store.get(keyOf(id))))
  const name = known.find((one) => one !== undefined) ?? ids[0] ?? ''
  await Promise.all(ids.map((id) => store.set(keyOf(id), name, { ttlMs })))
  return name
}

export async function toInbound(store: Store, message: Received): Promise<Inbound> {
  const { phoneNumberId, from, userId, groupId } = message
  const ids = [userId, from].filter((id) => id !== undefined)
  const person = `${phoneNumberId}:${await nameOf(store, phoneNumberId, ids)}`
  const chat = groupId === undefined ? person : `${phoneNumberId}:${groupId}`
  return { ...message, chat, person, to: recipientOf(message) }
}

function recipientOf({ from, userId = '', groupId }: Received): Recipient {
  if (groupId !== undefined) return { recipient_type: 'group', to: groupId }
  if (from !== undefined) return { recipient_type: 'individual', to: from }
  return { recipient_type: 'individual', recipient: userId }
}
