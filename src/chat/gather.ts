/** Collects the chunks of one network read; builds texts from many pieces. */
import { deltaText, isContinuation, withDeltaText } from './deltas.js'
import type { StreamChunk } from './response.js'

export type Push = (chunk: StreamChunk) => void

/**
 * Collects chunks in order and merges adjacent deltas of one text, reasoning or call, so that a
 * fast stream wakes its reader once per network read, not once per delta.
 */
export class Gathered {
  private chunks: StreamChunk[] = []
  /** Pieces of the last chunk, joined at its end: `+=` would keep a tree (rope) of all pieces. */
  private pieces: string[] = []

  readonly push: Push = (chunk) => {
    if (!isContinuation(this.chunks.at(-1), chunk)) {
      this.join()
      this.chunks.push(chunk)
    }
    this.pieces.push(deltaText(chunk))
  }

  /** Returns the chunks since the last call. */
  take(): readonly StreamChunk[] {
    this.join()
    const { chunks } = this
    this.chunks = []
    return chunks
  }

  private join(): void {
    const { chunks, pieces } = this
    const last = chunks.at(-1)
    if (last && pieces.length > 1) chunks[chunks.length - 1] = withDeltaText(last, pieces.join(''))
    this.pieces = []
  }
}

/** Pieces per join: one network read has too few, a whole stream too many. */
const mostPieces = 64

/** A text built from pieces. `+=` would keep each, and the network read it was sliced from. */
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
