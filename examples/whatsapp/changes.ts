/** Messages that a person edited or took back, while they wait and when they are history. */
import { layer, type Middleware } from 'tetrad'
import type { Store } from 'tetrad/store'
import type { Caller } from './caller.js'

/** By message: its new text, or null where it was taken back. */
export type Changes = ReadonlyMap<string, string | null>

const ttlMs = 30 * 86_400_000
const keyOf = (chat: string) => `changes:${chat}`

export async function addChange(store: Store, chat: string, id: string, text: string | null) {
  await store.append(keyOf(chat), [JSON.stringify([id, text])], { ttlMs })
}

export async function changesOf(store: Store, chat: string): Promise<Changes> {
  const entries = await store.read(keyOf(chat), 0)
  // what addChange() wrote
  return new Map(entries.map((entry) => JSON.parse(entry) as [string, string | null]))
}

/** A turn that was answered and kept, and came again because its process died before it could say so. */
export class AlreadyKept extends Error {
  override readonly name = 'AlreadyKept'
}

/** History as it reads now, each message once: place inside `conversation`. Throws `AlreadyKept`. */
export const changed: Middleware<Caller> = layer('changed', (ctx, next) => {
  const { changes } = ctx.state
  const ids = ctx.request.messages.flatMap((one) => (one.role === 'user' && one.id ? [one.id] : []))
  if (new Set(ids).size < ids.length) throw new AlreadyKept('The turn is history already')
  const messages = ctx.request.messages.map((message) => {
    if (message.role !== 'user' || message.id === undefined) return message
    const text = changes.get(message.id)
    if (text === undefined) return message
    return { ...message, content: text ?? '[a message that was taken back]' }
  })
  ctx.request = { ...ctx.request, messages }
  return next()
})
