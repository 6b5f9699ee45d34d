/** JSON of the events of a stream: one that differs from those before it in a few values is filled into their shape, not parsed. */
import { isObject } from '../chat/index.js'

/** Members that differ from delta to delta on the wires that are known, and their value: a text or a whole number. */
const slots =
  /("(?:delta|text|thinking|partial_json|(?:reasoning_)?content|reasoning|summary|arguments|obfuscation|sequence_number|created|\w{1,32}(?:TokenCount|_tokens))" ?: ?)(?:"(?:[^"\\]|\\.)*"|\d+(?=[,}]))/g

/** An event with its slots cut out. */
interface Shape {
  /** What stands before each slot. */
  readonly pieces: readonly string[]
  /** What stands behind the last, without blanks before its brace. */
  readonly rest: string
  readonly root: Node
}

/** An object or a list, and where in it a slot, by its number, or another such node is. */
interface Node {
  readonly value: object
  readonly members: readonly (readonly [key: string, member: number | Node])[]
}

/** Of one stream. */
export class EventJson {
  private shape: Shape | undefined
  /** The `type` of the event that was parsed last, and how many of it came in a row. */
  private type: unknown
  private alike = 0
  /** Doubles each time: a stream of many shapes costs little more than its parses. */
  private learnAt = 4

  /** Gives and throws what `JSON.parse` does: a new value each time. */
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

/** Stands with a number in the place of a slot: legal in JSON, and as narrow in memory as most events. */
const mark = '\u0080'

/**
 * A slot is one value of the event: where its mark is found once all are in their places, any other value would be found.
 * Undefined where one is not, as a member that comes twice, or where the event could hold a mark of its own.
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

/** Undefined where anything but the value of a slot differs. */
function read({ pieces, rest, root }: Shape, text: string): unknown {
  const values: unknown[] = []
  let at = 0
  for (const piece of pieces) {
    const start = at + piece.length
    // a slice is compared word by word, `startsWith` letter by letter
    if (text.slice(at, start) !== piece) return undefined
    at = endOfValue(text, start)
    const value = readValue(text.slice(start, at))
    if (value === undefined) return undefined
    values.push(value)
  }
  return unpadded(text.slice(at)) === rest ? filled(root, values) : undefined
}

/** Behind the next quote of a text, or behind the digits of a number. */
function endOfValue(text: string, start: number): number {
  if (text.charCodeAt(start) === quote) return text.indexOf('"', start + 1) + 1
  let end = start
  while (text.charCodeAt(end) >= zero && text.charCodeAt(end) <= nine) end++
  return end
}

/** Undefined: no text or number, or a text that may go on behind this quote. */
function readValue(json: string): unknown {
  const { length } = json
  if (json.charCodeAt(0) !== quote) {
    const isExact = length === 1 || (length < 16 && json.charCodeAt(0) !== zero)
    return length > 0 && isExact ? Number(json) : undefined
  }
  if (json.charCodeAt(length - 2) === backslash) return undefined
  return isPlain(json) ? json.slice(1, -1) : JSON.parse(json)
}

/** No escape, and short: a longer slice would keep the whole read in memory, as long as the text is kept. */
function isPlain(json: string): boolean {
  if (json.length > 14) return false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code < blank || code === backslash) return false
  }
  return true
}

/** Anthropic hides the length of a text by blanks before the last brace. */
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

/** A copy at every depth: what is done to one event is not done to the next. */
function filled({ value, members }: Node, values: readonly unknown[]): unknown {
  // a list has its indices as keys
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  for (const [key, member] of members)
    copy[key] = typeof member === 'number' ? values[member] : filled(member, values)
  return copy
}
