/** Cache marks: at most four per request, 1-hour marks before 5-minute marks. */
import { isObject } from '../../chat/index.js'
import type { Note } from '../notes.js'
import type { WireBlock, WireBlocks } from './wire.js'

/** https://docs.claude.com/en/docs/build-with-claude/prompt-caching */
export const maxMarks = 4

/** The three places of marks in a request, in the order in which the API reads them. */
export interface Marked<Turn> {
  readonly tools: WireBlocks
  readonly system: WireBlocks
  readonly messages: readonly Turn[]
}

/**
 * Drops surplus marks, first those at the start of the messages: the last mark covers the longest
 * prefix, those on tools and system the prefix that all conversations share. A 1-hour mark after a
 * 5-minute mark becomes a 5-minute mark.
 */
export function fitCacheMarks<Turn extends { readonly content: WireBlocks }>(
  request: Marked<Turn>,
  limit: number,
  note: Note,
): Marked<Turn> {
  const { tools, system, messages } = request
  const count = (blocks: WireBlocks) => blocks.filter((one) => one.cache_control).length
  const inMessages = count(messages.flatMap(({ content }) => content))
  const total = count(tools) + count(system) + inMessages
  if (total === 0) return request
  if (total > limit)
    note.dropped(`Sent ${limit} of ${total} cache marks, the most the API accepts`, 'cache_control')
  // what is left of these to drop; a negative count drops none
  const surplus = { early: total - limit - inMessages, late: total - limit }
  let isShort = false
  const fitted = (blocks: WireBlocks, place: keyof typeof surplus) =>
    blocks.map((block): WireBlock => {
      const { cache_control: mark, ...bare } = block
      if (!isObject(mark)) return block
      if (surplus[place]-- > 0) return bare
      if (mark.ttl !== '1h') isShort = true
      else if (isShort) {
        note.changed(
          'Shortened a cache mark of one hour that came after one of five minutes to five minutes',
          'cache_control',
        )
        return { ...block, cache_control: { type: 'ephemeral' } }
      }
      return block
    })
  return {
    tools: fitted(tools, 'early'),
    system: fitted(system, 'early'),
    messages: messages.map((turn) => ({ ...turn, content: fitted(turn.content, 'late') })),
  }
}
