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
}

/** An object or list; its members are slots, by number, or other such nodes. */
interface Node {
  readonly value: object
  readonly members: readonly (readonly [key: string, member: number | Node])[]
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
  return found.count === count ? { pieces, rest, root } : undefined
}

function nodeOf(value: object, found: { count: number }): Node {
  const members: [string, number | Node][] = []
  for (const [key, member] of Object.entries(value)) {
    const isMark = typeof member === 'string' && member.startsWith(mark)
    if (isMark) found.count++
    if (isMark) members.push([key, Number(member.slice(1))])
    else if (typeof member === 'object' && member !== null)
      members.push([key, nodeOf(member, found)])
  }
  return { value, members }
}

/** Undefined if anything but the values of slots differs. */
function read({ pieces, rest, root }: Shape, text: string): unknown {
  const values: unknown[] = []
  let at = 0
  for (const piece of pieces) {
    const start = at + piece.length
    // `===` compares machine words, `startsWith` single characters
    if (text.slice(at, start) !== piece) return undefined
    at = endOfValue(text, start)
    const value = readValue(text.slice(start, at))
    if (value === undefined) return undefined
    values.push(value)
  }
  return unpadded(text.slice(at)) === rest ? filled(root, values) : undefined
}

/** The index after the next quote of a string, or after the digits of a number. */
function endOfValue(text: string, start: number): number {
  if (text.charCodeAt(start) === quote) return text.indexOf('"', start + 1) + 1
  let end = start
  while (text.charCodeAt(end) >= zero && text.charCodeAt(end) <= nine) end++
  return end
}

/** Undefined: neither string nor number, or a string that may continue after this quote. */
function readValue(json: string): unknown {
  const { length } = json
  if (json.charCodeAt(0) !== quote) {
    const isExact = length === 1 || (length < 16 && json.charCodeAt(0) !== zero)
    return length > 0 && isExact ? Number(json) : undefined
  }
  if (json.charCodeAt(length - 2) === backslash) return undefined
  return isPlain(json) ? json.slice(1, -1) : JSON.parse(json)
}

/** True for a short string without escapes: a longer slice keeps the whole read in memory. */
function isPlain(json: string): boolean {
  if (json.length > 14) return false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
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
const nine = 0x39
const backslash = 0x5c

/** Copies at every depth: changes to one event do not affect the next. */
function filled({ value, members }: Node, values: readonly unknown[]): unknown {
  // a list has its indices as keys
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  for (const [key, member] of members)
    copy[key] = typeof member === 'number' ? values[member] : filled(member, values)
  return copy
}
