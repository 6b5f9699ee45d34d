/** Deltas of one text, thought or call: which belong together, and their text. */
import type { StreamChunk } from './response.js'

/** True for a delta that goes on where the last chunk ended. */
export function isContinuation(last: StreamChunk | undefined, next: StreamChunk): boolean {
  switch (next.type) {
    case 'text-delta':
      return last?.type === next.type && last.phase === next.phase
    case 'reasoning-delta':
      return last?.type === next.type && next.text !== '' && last.text !== ''
    case 'tool-call-delta':
      return last?.type === next.type && last.index === next.index
    default:
      return false
  }
}

/** '' for a chunk that is no delta. */
export const deltaText = (chunk: StreamChunk): string =>
  chunk.type === 'tool-call-delta' ? chunk.arguments : 'text' in chunk ? chunk.text : ''

/** The delta with another text. */
export const withDeltaText = (chunk: StreamChunk, text: string): StreamChunk =>
  chunk.type === 'tool-call-delta'
    ? { ...chunk, arguments: text }
    : chunk.type === 'text-delta'
      ? { ...chunk, text }
      : { type: 'reasoning-delta', text }
