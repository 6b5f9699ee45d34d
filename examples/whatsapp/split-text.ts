/** Cuts a long answer into messages, at the borders that a reader minds least. */

/** What one text message may hold. */
export const maxLength = 4096

const borders = ['sentence', 'word', 'grapheme'] as const

/**
 * Parts of at most `limit` UTF-16 units, as full as they can be: cut between sentences; within one only where it is
 * longer than a part, then between words, then between characters. White space at a cut is left out.
 */
export function splitText(text: string, limit = maxLength): string[] {
  const parts: string[] = []
  let part = ''
  for (const piece of pieces(text, limit)) {
    if (part.length + piece.trimEnd().length > limit) {
      parts.push(part)
      part = ''
    }
    part += piece
  }
  return [...parts, part].map((each) => each.trim()).filter((each) => each !== '')
}

/** Together they are the text; none, without the white space at its end, is longer than the limit. */
function* pieces(text: string, limit: number, level = 0): Generator<string> {
  if (text.trimEnd().length <= limit) return yield text
  const granularity = borders[level]
  // one character made of thousands of accents: code points are the last that can be told apart
  if (!granularity) return yield* text
  for (const { segment } of new Intl.Segmenter(undefined, { granularity }).segment(text))
    yield* pieces(segment, limit, level + 1)
}
