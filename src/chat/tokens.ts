/** A token count without a tokenizer: linear, no tables, a little high rather than low. */

/**
 * Estimated tokens of a text. Latin words count a token for each four letters begun, digits for each three, other
 * marks and line breaks one each, CJK characters one each, emoji and rarer scripts two.
 */
export function estimateTokens(text: string): number {
  let tokens = 0
  let run = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const isWord =
      (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 0xc0 && code < 0x250)
    if (isWord) {
      if (run++ % 5 === 0) tokens++
      continue
    }
    run = 0
    if (code === 32) continue
    if (code >= 48 && code <= 57) tokens += 1 / 3
    else if (code < 128) tokens += code === 10 || code === 13 || code === 9 ? 0.5 : 0.8
    else if (code < 0x3000) tokens += 0.6
    else if (code >= 0xd800 && code <= 0xdfff) tokens += 1.2
    else tokens += 1
  }
  return Math.ceil(tokens)
}
