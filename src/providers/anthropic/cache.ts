/** Cache marks: at most four per request, 1-hour marks before 5-minute marks. */
import { isObject } from '../../chat/index.js'
import type { Note } from '../notes.js'
import type { WireBlock } from './wire.js'

/** https://docs.claude.com/en/docs/build-with-claude/prompt-caching */
export const maxMarks = 4

/** The three places of marks in a request, in the order in which the API reads them. */
export interface Marked<Turn> {
  readonly tools: readonly WireBlock[]
  readonly system: readonly WireBlock[]
  readonly messages: readonly Turn[]
}

/**
 * Drops surplus marks, first those at the start of the messages: the last mark covers the longest
 * prefix, those on tools and system the prefix that all conversations share. A 1-hour mark after a
 * 5-minute mark becomes a 5-minute mark.
 */
export function fitCacheMarks<Turn extends { readonly content: readonly WireBlock[] }>(
  request: Marked<Turn>,
  limit: number,
  note: Note,
): Marked<Turn> {
  const { tools, system, messages } = request
  const count = (blocks: readonly WireBlock[]) => blocks.filter((one) => one.cache_control).length
  const inMessages = messages.reduce((sum, { content }) => sum + count(content), 0)
  const total = count(tools) + count(system) + inMessages
  if (total === 0) return request
  if (total > limit)
    note(
      'dropped',
      `Of ${total} cache marks ${limit} were sent, the most the API takes`,
      'cache_control',
    )
  const excess = Math.max(0, total - limit)
  const early = new Marks(Math.max(0, excess - inMessages), note)
  const kept = { tools: early.fit(tools), system: early.fit(system) }
  const late = new Marks(Math.min(excess, inMessages), note, early.isShort)
  return {
    ...kept,
    messages: messages.map((turn) => {
      const content = late.fit(turn.content)
      return content === turn.content ? turn : { ...turn, content }
    }),
  }
}

/** Visits the marks in order. */
class Marks {
  constructor(
    private toDrop: number,
    private readonly note: Note,
    /** A 5-minute mark was visited. */
    public isShort = false,
  ) {}

  fit(blocks: readonly WireBlock[]): readonly WireBlock[] {
    if (!blocks.some((block) => block.cache_control)) return blocks
    return blocks.map((block) => this.fitOne(block))
  }

  private fitOne(block: WireBlock): WireBlock {
    const { cache_control: mark, ...bare } = block
    if (!isObject(mark)) return block
    if (this.toDrop > 0) {
      this.toDrop--
      return bare
    }
    if (mark.ttl !== '1h') this.isShort = true
    else if (this.isShort) {
      this.note(
        'changed',
        'A cache mark for an hour stood behind one for five minutes: it holds five minutes',
        'cache_control',
      )
      return { ...block, cache_control: { type: 'ephemeral' } }
    }
    return block
  }
}
