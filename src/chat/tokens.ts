/** Estimates token counts without a tokenizer: one linear pass, with a weight per script. */
import type { AssistantInput, ContentPart, Message } from './message.js'
import type { ChatRequest } from './request.js'

/** Estimated tokens of a text, rounded up: within about 25% of o200k in prose, code, numbers. */
export function estimateTokens(text: string): number {
  const counter = createTokenCounter()
  counter.add(text)
  return counter.tokens
}

/** An incremental count. */
export interface TokenCounter {
  /** Counts one more piece; the result does not depend on where the text was cut. */
  add(text: string): void
  /** Tokens so far, rounded up. */
  readonly tokens: number
}

/**
 * Counts text that arrives in pieces: five letters in five pieces are one token, as in one piece.
 *
 * @example
 * const counter = createTokenCounter()
 * for await (const text of stream.textStream) counter.add(text)
 * console.log(counter.tokens)
 */
export const createTokenCounter = (): TokenCounter => new Counter()

class Counter implements TokenCounter {
  private sum = 0
  private before: number = mark
  /** Number of preceding characters of the same kind in a row. */
  private run = 0

  add(text: string): void {
    // an untyped request may hold any value in place of text
    if (typeof text !== 'string') return
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      const kind = code < 128 ? (asciiKinds[code] ?? mark) : isAccented(code) ? accent : script
      this.run = isSame(kind, this.before) ? this.run + 1 : 0
      this.sum += code < 128 ? asciiWeight(kind, this.run, this.before) : scriptWeight(code)
      this.before = kind
    }
  }

  get tokens(): number {
    // subtracts the rounding error of the sum
    return Math.ceil(Math.max(0, this.sum - 1e-6))
  }
}

/** A word continues after its capital or an accented letter; `camelCase` is two words. */
const isSame = (kind: number, before: number) =>
  kind === before || (kind === small && (before === capital || before === accent))

/** Accented Latin, including Vietnamese. */
const isAccented = (code: number) => (code >= 0xc0 && code < 0x250) || code >> 8 === 0x1e

const [small, capital, digit, blank, line, mark, accent, script] = [0, 1, 2, 3, 4, 5, 6, 7] as const

const asciiKinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code)
  if (char >= 'a' && char <= 'z') return small
  if (char >= 'A' && char <= 'Z') return capital
  if (char >= '0' && char <= '9') return digit
  if (char === '\n' || char === '\r') return line
  return char === ' ' || char === '\t' ? blank : mark
})

/** As o200k splits: a word includes the blank or mark before it, digits in threes, marks joined. */
function asciiWeight(kind: number, run: number, before: number): number {
  switch (kind) {
    case small:
    case capital:
      if (run === 0) return before === mark ? 0.85 : 1
      if (kind === capital) return 0.25
      return run < 6 ? 0 : 0.18
    case digit:
      // a number does not include the blank before it
      return run % 3 > 0 ? 0 : run === 0 && before === blank ? 2 : 1
    case blank:
      return run === 1 ? 0.8 : 0
    case line:
      return run > 0 ? 0.1 : before === mark ? 0.3 : 1
    default:
      return run > 0 ? 0.45 : 0.75
  }
}

/** Tokens per UTF-16 unit, for code points below `before`. */
const scripts: readonly (readonly [before: number, weight: number])[] = [
  [0x00c0, 0.8], // Latin-1 symbols
  [0x0100, 0.55], // accented Latin
  [0x0250, 0.9], // Polish, Turkish, Czech
  [0x0370, 0.5], // phonetic and combining characters
  [0x0400, 0.42], // Greek
  [0x0410, 0.8],
  [0x0450, 0.32], // Russian Cyrillic
  [0x0530, 0.9], // other Cyrillic
  [0x0590, 0.55], // Armenian
  [0x0600, 0.42], // Hebrew
  [0x0700, 0.36], // Arabic
  [0x0900, 0.7],
  [0x0e00, 0.36], // Devanagari to Sinhala
  [0x0e80, 0.46], // Thai
  [0x10a0, 0.7],
  [0x1100, 0.42], // Georgian
  [0x1e00, 1],
  [0x2000, 0.5], // Vietnamese
  [0x2070, 0.8], // typographic punctuation, joiners
  [0x3000, 1], // symbols
  [0x3040, 0.8], // CJK punctuation
  [0x30a0, 0.75], // Hiragana
  [0x3100, 0.6], // Katakana
  [0x4e00, 0.9],
  [0xa000, 0.88], // Han
  [0xac00, 1],
  [0xd7b0, 0.75], // Hangul
  [0xd800, 1],
  [0xe000, 0.75], // surrogates: emoji, rare letters
  [0xfe00, 0.9],
  [0xfe10, 0.6], // variation selectors
  [0x10000, 0.9],
]

function scriptWeight(code: number): number {
  for (const [before, weight] of scripts) if (code < before) return weight
  return 1
}

/** Token overhead of a message, and tokens assumed for an image or a file of unknown size. */
const perMessage = 4
const perImage = 1000

/** Estimated prompt tokens of a request: messages, tools and schema. Base64 is not counted as text. */
export function estimatePromptTokens(request: ChatRequest): number {
  let tokens = 0
  for (const message of request.messages) tokens += estimateMessageTokens(message)
  if (request.tools) tokens += estimateTokens(JSON.stringify(request.tools))
  if (request.response_format) tokens += estimateTokens(JSON.stringify(request.response_format))
  return tokens
}

/** Estimated tokens of one message. */
export function estimateMessageTokens(message: Message): number {
  const { content } = message
  let tokens = perMessage
  if (typeof content === 'string') tokens += estimateTokens(content)
  else if (Array.isArray(content)) for (const part of content) tokens += estimatePart(part)
  if (message.role === 'assistant') tokens += estimateOutputTokens(message)
  return tokens
}

/** Estimated tokens of an assistant turn besides its content: tool calls and refusal. */
const estimateOutputTokens = ({ tool_calls, refusal }: AssistantInput): number =>
  (tool_calls?.length ? estimateTokens(JSON.stringify(tool_calls)) : 0) +
  (refusal ? estimateTokens(refusal) : 0)

function estimatePart(part: ContentPart): number {
  // untyped callers may pass any value
  switch (part?.type) {
    case 'text':
      return estimateTokens(part.text)
    case 'refusal':
      return estimateTokens(part.refusal)
    case 'thinking':
      return estimateTokens(part.thinking)
    default:
      return perImage
  }
}
