/** Cuts a text into the pieces a stream brings. */
import type { Call } from './script.js'

/** A number of pieces, or the pieces themselves. */
export type Chunks = number | readonly string[]

/** The pieces of a text. By default each brings a word with the space before it, about as a model's tokens do. */
export function chunksOf(text: string, chunks?: Chunks): readonly string[] {
  if (typeof chunks === 'number') return inPieces(text, chunks)
  if (!chunks) return text.match(/\s*\S+(?:\s+$)?|^\s+$/g) ?? []
  if (chunks.join('') !== text)
    throw new RangeError('The chunks of a scripted text must be the text when they are joined')
  return chunks
}

/** Pieces of nearly equal length; no code point is cut. */
function inPieces(text: string, count: number): readonly string[] {
  const points = Array.from(text)
  const size = Math.max(1, Math.ceil(points.length / Math.max(1, count)))
  return fragmentsOf(points, size)
}

/** The pieces of a thought in several parts: a blank line between them. */
export const joinParts = (parts: readonly (readonly string[])[]): readonly string[] =>
  parts.flatMap((part, index) => (index === 0 ? part : ['\n\n', ...part]))

/** JSON text as a model writes it: a few characters at a time. */
export const argumentPieces = (text: string, size = 6): readonly string[] =>
  fragmentsOf(Array.from(text), size)

function fragmentsOf(points: readonly string[], size: number): readonly string[] {
  const pieces: string[] = []
  for (let i = 0; i < points.length; i += size) pieces.push(points.slice(i, i + size).join(''))
  return pieces
}

/** The pieces of a call's arguments behind its name, where they do not come whole with it. */
export const piecesOf = ({ pieces, arguments: text }: Call): readonly string[] =>
  typeof pieces === 'string' ? [text] : (pieces ?? argumentPieces(text))
