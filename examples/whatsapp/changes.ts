/** Messages that a person edited or took back, while they wait and when they are history. */
import { layer, type Middleware, type UserMessage } from 'tetrad'
import type { Store } from 'tetrad/store'
import type { Caller } from './caller.js'

/** By message: its new text, or null where it was taken back. */
export type Changes = ReadonlyMap<string, string | null>

const ttlMs = 30 * 86_400_000
const keyOf = (chat: string) => `changes:${chat}`

/** A change as it is kept. */
interface Change {
  readonly id: string
  readonly text: string | null
  readonly at: number
}

export async function addChange(store: Store, chat: string, change: Change) {
  await store.append(keyOf(chat), [JSON.stringify(change)], { ttlMs })
}

/** Webhooks come twice and in any order: the latest edit counts, and what was taken back stays so. */
export async function changesOf(store: Store, chat: string): Promise<Changes> {
  const entries = await store.read(keyOf(chat), 0)
  const latest = new Map<string, Change>()
  for (const entry of entries) {
    // what addChange() wrote
    const change = JSON.parse(entry) as Change
    const known = latest.get(change.id)
    if (known?.text === null || (known && change.text !== null && known.at > change.at)) continue
    latest.set(change.id, change)
  }
  return new Map([...latest].map(([id, { text }]) => [id, text]))
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
    const content =
      text === null ? '[a message that was taken back]' : edited(message.content, text)
    return { ...message, content }
  })
  ctx.request = { ...ctx.request, messages }
  return next()
})

/** Of a picture or a file the caption changes. */
const edited = (content: UserMessage['content'], text: string): UserMessage['content'] =>
  typeof content === 'string'
    ? text
    : [{ type: 'text', text }, ...content.filter(({ type }) => type !== 'text')]
