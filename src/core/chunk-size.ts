/** How much memory a chunk holds, about: what bounds the hand-over to a consumer that is behind. */
import type { StreamChunk } from '../chat/index.js'

/** A letter takes two bytes at most. */
const letterBytes = 2
/** An object, a number, a pair of brackets. */
const flatBytes = 16

/** In bytes. A delta costs one look at its length; anything else is walked, and no further than `limit`. */
export function chunkSize(chunk: StreamChunk, limit: number): number {
  switch (chunk.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return flatBytes + chunk.text.length * letterBytes
    case 'tool-call-delta':
      return flatBytes + chunk.arguments.length * letterBytes
    default:
      return walk(chunk, limit)
  }
}

/** Strings at any depth. What holds itself ends at `limit`, which each step comes nearer to. */
function walk(root: object, limit: number): number {
  const open: unknown[] = [root]
  let bytes = 0
  while (open.length > 0 && bytes < limit) {
    const value = open.pop()
    bytes += flatBytes
    if (typeof value === 'string') bytes += value.length * letterBytes
    else if (ArrayBuffer.isView(value)) bytes += value.byteLength
    else if (typeof value === 'object' && value !== null)
      for (const member of Object.values(value)) open.push(member)
  }
  return bytes
}
