/**
 * Parses JSON text while it streams, in linear time. Returned values are never changed: growth
 * copies.
 */

interface Container {
  value: unknown[] | Record<string, unknown>
  /** Key of the open value in it. */
  key: string | undefined
  /** Its own key in the enclosing container. */
  readonly at: string | undefined
}
type State = 'value' | 'key' | 'colon' | 'string' | 'literal' | 'after' | 'broken'

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }
const isSpace = (char: string) => char === ' ' || char === '\n' || char === '\r' || char === '\t'

/**
 * Takes pieces of one JSON text; each call returns the value so far, undefined before there is one,
 * and the same value if it has not changed. Otherwise it is new at its root and along the path that
 * grew: once a call, the open containers are copied, and all others are shared. Invalid text does
 * not change it.
 */
export function createPartialReader(): (piece: string) => unknown {
  const reader = new PartialReader()
  return (piece) => reader.feed(piece)
}

class PartialReader {
  private root: unknown
  private stack: Container[] = []
  /** The containers in the stack were returned, so they are copied before a change. */
  private isGiven = false
  private state: State = 'value'
  /** The string or literal being read. */
  private token = ''
  private half = ''
  private isKey = false
  /** The escape being read, from its backslash on. */
  private escape = ''

  feed(piece: string): unknown {
    let i = 0
    while (i < piece.length && this.state !== 'broken')
      i = this.state === 'string' ? this.string(piece, i) : this.step(piece, i)
    if (this.state === 'string' && !this.isKey) this.put(this.token)
    this.isGiven = true
    return this.root
  }

  /** Reads one character outside of a string; returns the next index. */
  private step(piece: string, at: number): number {
    const char = piece.charAt(at)
    if (this.state === 'literal') return this.literal(char, at)
    if (isSpace(char)) return at + 1
    const top = this.stack.at(-1)
    if (char === '}' || char === ']') {
      this.stack.pop()
      this.state = 'after'
    } else if (this.state === 'after') {
      if (char !== ',' || !top) this.state = 'broken'
      else this.state = Array.isArray(top.value) ? 'value' : 'key'
    } else if (this.state === 'colon') this.state = char === ':' ? 'value' : 'broken'
    else if (char === '"') this.openString(this.state === 'key')
    else if (this.state === 'key') this.state = 'broken'
    else if (char === '{') this.open({})
    else if (char === '[') this.open([])
    else {
      this.token = char
      this.state = 'literal'
    }
    return at + 1
  }

  private openString(isKey: boolean): void {
    this.token = ''
    this.isKey = isKey
    this.state = 'string'
  }

  private open(value: unknown[] | Record<string, unknown>): void {
    this.put(value)
    const at = this.stack.at(-1)?.key
    this.next()
    this.stack.push({ value, key: undefined, at })
    this.state = Array.isArray(value) ? 'value' : 'key'
  }

  private string(piece: string, from: number): number {
    let i = from
    while (i < piece.length) {
      const char = piece.charAt(i)
      if (this.escape !== '') {
        this.escape += char
        this.unescape()
      } else if (char === '\\') this.escape = char
      else if (char === '"') {
        this.closeString()
        return i + 1
      } else {
        const end = endOfPlain(piece, i)
        this.append(piece.slice(i, end))
        i = end
        continue
      }
      i++
    }
    return i
  }

  private unescape(): void {
    const kind = this.escape.charAt(1)
    if (kind !== 'u') this.append(escapes[kind] ?? kind)
    else if (this.escape.length < 6) return
    else this.append(String.fromCharCode(Number.parseInt(this.escape.slice(2), 16)))
    this.escape = ''
  }

  /** A high surrogate waits for the low one, so that returned text has whole characters. */
  private append(text: string): void {
    const whole = this.half + text
    const code = whole.charCodeAt(whole.length - 1)
    const isHalf = code >= 0xd800 && code < 0xdc00
    this.half = isHalf ? whole.slice(-1) : ''
    this.token += isHalf ? whole.slice(0, -1) : whole
  }

  private closeString(): void {
    const top = this.stack.at(-1)
    this.token += this.half
    this.half = ''
    if (this.isKey && top) {
      top.key = this.token
      this.state = 'colon'
      return
    }
    this.put(this.token)
    this.next()
    this.state = 'after'
  }

  /** A number or keyword is complete when another token follows. */
  private literal(char: string, at: number): number {
    if (!isSpace(char) && char !== ',' && char !== '}' && char !== ']') {
      this.token += char
      return at + 1
    }
    try {
      this.put(JSON.parse(this.token))
      this.next()
      this.state = 'after'
    } catch {
      this.state = 'broken'
    }
    return at
  }

  /** Sets the open value; a string that grows is set again. */
  private put(value: unknown): void {
    const top = this.stack.at(-1)
    if (!top) {
      this.root = value
      return
    }
    if (Array.isArray(top.value)) top.key ??= String(top.value.length)
    if (top.key === undefined || memberOf(top.value, top.key) === value) return
    this.copyGiven()
    setMember(top.value, top.key, value)
  }

  private copyGiven(): void {
    if (!this.isGiven) return
    this.isGiven = false
    let outer: Container | undefined
    for (const container of this.stack) {
      const { value, at } = container
      container.value = Array.isArray(value) ? [...value] : { ...value }
      if (!outer) this.root = container.value
      else if (at !== undefined) setMember(outer.value, at, container.value)
      outer = container
    }
  }

  private next(): void {
    const top = this.stack.at(-1)
    if (top) top.key = undefined
  }
}

const memberOf = (container: object, key: string): unknown =>
  Object.getOwnPropertyDescriptor(container, key)?.value

/** Like JSON.parse: an own property, whatever its name. */
const setMember = (container: object, key: string, value: unknown) =>
  Object.defineProperty(container, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })

function endOfPlain(piece: string, from: number): number {
  let end = from
  while (end < piece.length && piece[end] !== '"' && piece[end] !== '\\') end++
  return end
}
