/** The texts of messages by their ids: a webhook names the message that is quoted, and no more. */
import type { Store } from 'tetrad/store'

const ttlMs = 30 * 86_400_000
const maxLength = 500

export interface Quotes {
  add(messageId: string, text: string): Promise<void>
  get(messageId: string): Promise<string | undefined>
}

export const createQuotes = (store: Store): Quotes => ({
  add: (messageId, text) => store.set(`said:${messageId}`, text.slice(0, maxLength), { ttlMs }),
  get: (messageId) => store.get(`said:${messageId}`),
})
