/** The approximate memory size of a chunk: bounds the queue for a slow consumer. */
import type { StreamChunk } from '../chat/index.js'

/** A character takes at most two bytes. */
const letterBytes = 2
/** An object, a number, a pair of brackets. */
const flatBytes = 16

/** Bytes. O(1) for a delta; anything else is traversed, up to `limit`. */
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

/** Counts strings at any depth. A cycle ends at `limit`, as every step adds to the size. */
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
