/** The chunks of one network read, and texts that grow over many of them. */
import type { StreamChunk } from '../chat/index.js'

export type Push = (chunk: StreamChunk) => void

/**
 * Gathers chunks in their order; pieces of one text, one thought or one call's arguments that came together become one
 * piece: the reader of a stream that comes fast is woken once, not for each of them.
 */
export class Gathered {
  private chunks: StreamChunk[] = []
  /** Of the last chunk, joined at its end: a text that grows by `+=` is kept as a tree of all its pieces. */
  private pieces: string[] = []

  readonly push: Push = (chunk) => {
    if (!goesOn(this.chunks.at(-1), chunk)) {
      this.join()
      this.chunks.push(chunk)
    }
    this.pieces.push(pieceOf(chunk))
  }

  /** The chunks since the last time. */
  take(): readonly StreamChunk[] {
    this.join()
    const { chunks } = this
    this.chunks = []
    return chunks
  }

  private join(): void {
    const { chunks, pieces } = this
    const last = chunks.at(-1)
    if (last && pieces.length > 1) chunks[chunks.length - 1] = withText(last, pieces.join(''))
    this.pieces = []
  }
}

function goesOn(last: StreamChunk | undefined, next: StreamChunk): boolean {
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

const pieceOf = (chunk: StreamChunk): string =>
  chunk.type === 'tool-call-delta' ? chunk.arguments : 'text' in chunk ? chunk.text : ''

const withText = (chunk: StreamChunk, text: string): StreamChunk =>
  chunk.type === 'tool-call-delta'
    ? { ...chunk, arguments: text }
    : chunk.type === 'text-delta'
      ? { ...chunk, text }
      : { type: 'reasoning-delta', text }

/** Pieces that are joined at once: those of one read would be too few, all of a stream too many. */
const mostPieces = 64

/** A text that comes in pieces. By `+=` each would be kept, with the network read that it was cut out of. */
export class GrowingText {
  length = 0
  private readonly blocks: string[] = []
  private pieces: string[] = []

  add(piece: string): void {
    this.length += piece.length
    if (this.pieces.push(piece) < mostPieces) return
    this.blocks.push(this.pieces.join(''))
    this.pieces = []
  }

  toString(): string {
    return this.blocks.join('') + this.pieces.join('')
  }
}
