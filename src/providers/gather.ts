/** The chunks of one network read. */
import type { StreamChunk } from '../chat/index.js'

export type Push = (chunk: StreamChunk) => void

/**
 * Gathers chunks in their order; pieces of one text, one thought or one call's arguments that came together become one
 * piece: the reader of a stream that comes fast is woken once, not for each of them.
 */
export function gather(chunks: StreamChunk[]): Push {
  return (chunk) => {
    const joined = join(chunks.at(-1), chunk)
    if (joined) chunks[chunks.length - 1] = joined
    else chunks.push(chunk)
  }
}

function join(last: StreamChunk | undefined, next: StreamChunk): StreamChunk | undefined {
  switch (next.type) {
    case 'text-delta':
      return last?.type === next.type && last.phase === next.phase
        ? { ...last, text: last.text + next.text }
        : undefined
    case 'reasoning-delta':
      return last?.type === next.type && next.text !== '' && last.text !== ''
        ? { type: next.type, text: last.text + next.text }
        : undefined
    case 'tool-call-delta':
      return last?.type === next.type && last.index === next.index
        ? { ...last, arguments: last.arguments + next.arguments }
        : undefined
    default:
      return undefined
  }
}
