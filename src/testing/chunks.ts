/** Splits a text into stream chunks. */
import type { Call } from './script.js'

/** A number of chunks, or the chunks themselves. */
export type Chunks = number | readonly string[]

/**
 * Splits a text; by default into words, each with the space before it, similar to a model's tokens.
 */
export function chunksOf(text: string, chunks?: Chunks): readonly string[] {
  if (typeof chunks === 'number') return inPieces(text, chunks)
  if (!chunks) return text.match(/\s*\S+(?:\s+$)?|^\s+$/g) ?? []
  if (chunks.join('') !== text)
    throw new RangeError('The chunks of a scripted text must be the text when they are joined')
  return chunks
}

/** Chunks of nearly equal length; code points stay whole. */
function inPieces(text: string, count: number): readonly string[] {
  const points = Array.from(text)
  const size = Math.max(1, Math.ceil(points.length / Math.max(1, count)))
  return fragmentsOf(points, size)
}

/** Joins the summary parts of a thought by a blank line. */
export const joinParts = (parts: readonly (readonly string[])[]): readonly string[] =>
  parts.flatMap((part, index) => (index === 0 ? part : ['\n\n', ...part]))

/** Splits JSON text as models stream it: a few characters at a time. */
export const argumentPieces = (text: string, size = 6): readonly string[] =>
  fragmentsOf(Array.from(text), size)

function fragmentsOf(points: readonly string[], size: number): readonly string[] {
  const pieces: string[] = []
  for (let i = 0; i < points.length; i += size) pieces.push(points.slice(i, i + size).join(''))
  return pieces
}

/** The argument deltas after the name of a call, unless it is sent whole. */
export const piecesOf = ({ pieces, arguments: text }: Call): readonly string[] =>
  typeof pieces === 'string' ? [text] : (pieces ?? argumentPieces(text))
