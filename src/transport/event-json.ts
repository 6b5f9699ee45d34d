/** Parses events of a stream: one that differs from earlier ones in few values fills a shape. */
import { isObject } from '../chat/index.js'

/** Members that change between deltas on known wires, and their value: a string or whole number. */
const slots =
  /("(?:delta|text|thinking|partial_json|(?:reasoning_)?content|reasoning|summary|arguments|obfuscation|sequence_number|created|\w{1,32}(?:TokenCount|_tokens))" ?: ?)(?:"(?:[^"\\]|\\.)*"|\d+(?=[,}]))/g

/** An event without the values of its slots. */
interface Shape {
  /** The text before each slot. */
  readonly pieces: readonly string[]
  /** The text after the last, without the blanks before its brace. */
  readonly rest: string
  readonly root: Node
  /** Those of the event that is being read, by slot. */
  readonly values: unknown[]
}

/** An object or list; its members are slots, by number, or other such nodes. */
interface Node {
  readonly value: object
  readonly members: readonly Member[]
}

interface Member {
  readonly key: string
  readonly at: number | Node
}

/** Of one stream. */
export class EventJson {
  private shape: Shape | undefined
  /** The `type` of the last parsed event, and its number of repetitions. */
  private type: unknown
  private alike = 0
  /** Doubles with each shape, so that a stream of many shapes costs little more than its parses. */
  private learnAt = 4

  /** Returns and throws what `JSON.parse` does: a new value each time. */
  parse(text: string): unknown {
    const known = this.shape && read(this.shape, text)
    if (known) return known
    const value: unknown = JSON.parse(text)
    if (isObject(value) && text.length <= maxLength) this.learn(value.type, text)
    return value
  }

  private learn(type: unknown, text: string): void {
    this.alike = type === this.type ? this.alike + 1 : 0
    this.type = type
    if (this.alike < this.learnAt) return
    this.shape = shapeOf(text)
    this.alike = 0
    this.learnAt *= 2
  }
}

const maxLength = 4096

/** Replaces a slot, with its number: legal in JSON, and one byte per character in memory. */
const mark = '\u0080'

/**
 * A slot is valid if its mark is a value of the parsed event: any other value in its place would be
 * one too. Undefined if a slot is not, as a duplicate member, or if the event could contain a mark.
 */
function shapeOf(text: string): Shape | undefined {
  if (/\u0080|\\u/.test(text)) return undefined
  let count = 0
  const marked = text.replace(slots, (_, name: string) => `${name}"${mark}${count++}"`)
  const found = { count: 0 }
  const root = nodeOf(JSON.parse(marked), found)
  const pieces = unpadded(marked).split(/"\u0080\d+"/)
  const rest = pieces.pop() ?? ''
  return found.count === count ? { pieces, rest, root, values: [] } : undefined
}

function nodeOf(value: object, found: { count: number }): Node {
  const members: Member[] = []
  for (const [key, member] of Object.entries(value)) {
    const isMark = typeof member === 'string' && member.startsWith(mark)
    if (isMark) found.count++
    if (isMark) members.push({ key, at: Number(member.slice(1)) })
    else if (typeof member === 'object' && member !== null)
      members.push({ key, at: nodeOf(member, found) })
  }
  return { value, members }
}

/** Undefined if anything but the values of slots differs. */
function read({ pieces, rest, root, values }: Shape, text: string): unknown {
  let at = 0
  let slot = 0
  for (const piece of pieces) {
    // makes no string, as a slice would, and is faster than `startsWith`
    if (text.indexOf(piece, at) !== at) return undefined
    const start = at + piece.length
    at = endOfValue(text, start)
    const value = readValue(text, start, at)
    if (value === undefined) return undefined
    values[slot++] = value
  }
  return unpadded(text.slice(at)) === rest ? filled(root, values) : undefined
}

/** The index after the next quote of a string, 0 if none follows; or after the digits of a number. */
function endOfValue(text: string, start: number): number {
  if (text.charCodeAt(start) === quote) return text.indexOf('"', start + 1) + 1
  let end = start
  while (isDigit(text.charCodeAt(end))) end++
  return end
}

/** Undefined: neither string nor number, or a string that may continue after this quote. */
function readValue(text: string, start: number, end: number): unknown {
  if (text.charCodeAt(start) !== quote) return readNumber(text, start, end)
  if (end === 0 || text.charCodeAt(end - 2) === backslash) return undefined
  const isPlain = isShort(text, start + 1, end - 1)
  return isPlain ? text.slice(start + 1, end - 1) : JSON.parse(text.slice(start, end))
}

/** Undefined for none, and for one that JSON does not allow or a sum of digits does not give. */
function readNumber(text: string, start: number, end: number): number | undefined {
  const length = end - start
  const isExact = length === 1 || (length < 16 && text.charCodeAt(start) !== zero)
  if (length === 0 || !isExact) return undefined
  let value = 0
  for (let at = start; at < end; at++) value = value * 10 + text.charCodeAt(at) - zero
  return value
}

/** True for a short string without escapes: a longer slice keeps the whole read in memory. */
function isShort(text: string, start: number, end: number): boolean {
  if (end - start > 12) return false
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code < blank || code === backslash) return false
  }
  return true
}

/** Anthropic hides the length of texts by blanks before the last brace. */
function unpadded(json: string): string {
  const last = json.length - 1
  let end = last
  while (json.charCodeAt(end - 1) === blank) end--
  return end < last && json.endsWith('}') ? `${json.slice(0, end)}}` : json
}

const blank = 0x20
const quote = 0x22
const zero = 0x30
const backslash = 0x5c

const isDigit = (code: number) => code >= zero && code <= zero + 9

/** Copies at every depth: changes to one event do not affect the next. */
function filled({ value, members }: Node, values: readonly unknown[]): unknown {
  // a list has its indices as keys
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  for (const { key, at } of members)
    copy[key] = typeof at === 'number' ? values[at] : filled(at, values)
  return copy
}
