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

const keyOf = (phoneNumberId: string, id: string) => `person:${phoneNumberId}:${id}`

/**
 * The name that a person was first known by at this number of ours. All ids of a message, or of a change of number, are
 * of one person from then on: the history need not move.
 */
async function nameOf(
  store: Store,
  phoneNumberId: string,
  ids: readonly string[],
): Promise<string> {
  const known = await Promise.all(ids.map((id) => store.get(keyOf(phoneNumberId, id))))
  const name = known.find((one) => one !== undefined) ?? ids[0] ?? ''
  await Promise.all(ids.map((id) => store.set(keyOf(phoneNumberId, id), name, { ttlMs })))
  return name
}

/** Ids of one person, the earlier first. */
export interface Move {
  /** Of the message that told it. */
  readonly id: string
  readonly phoneNumberId: string
  readonly ids: readonly string[]
  /** A number that is no longer theirs. */
  readonly gone: string | undefined
}

/** The number that is gone is somebody else's later, who must not get this history. */
export async function movePerson(
  store: Store,
  { id, phoneNumberId, ids, gone }: Move,
): Promise<void> {
  if (gone === undefined) return void (await nameOf(store, phoneNumberId, ids))
  const next = `after:${id}`
  // the same webhook came before
  if ((await store.get(keyOf(phoneNumberId, gone))) === next) return
  await nameOf(store, phoneNumberId, ids)
  await store.set(keyOf(phoneNumberId, gone), next, { ttlMs })
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
