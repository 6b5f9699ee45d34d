/** Maps values to placeholders: by number if a store keeps the list, else by a keyed hash. */
import { TetradError } from '../../src/core/index.js'
import type { Store } from '../../src/store/index.js'
import { escaped } from './json.js'

export interface Value {
  /** The name in placeholders: `EMAIL`. */
  readonly name: string
  readonly text: string
}

/** Encrypts what is stored, and decrypts it. */
export interface Seal {
  readonly seal: (text: string) => string | Promise<string>
  readonly open: (sealed: string) => string | Promise<string>
}

/** Assigns ids to values and maps them both ways. */
export abstract class Values {
  private readonly ids = new Map<string, string>()
  private readonly texts = new Map<string, string>()
  /** Values that were only JSON numbers. */
  readonly numbers = new Set<string>()

  /** Assigns an id to each. A failure of the store is thrown: nothing is sent in clear. */
  abstract add(values: readonly Value[]): Promise<void>

  placeholderOf({ name, text }: Value): string {
    const id = this.ids.get(keyOf(name, text))
    if (id === undefined) throw new TetradError(`redact() has no placeholder for a ${name}`)
    return `<${name}_${id}>`
  }

  /** Ignores case: `email_1`. */
  originalOf(name: string, id: string): string | undefined {
    return this.texts.get(keyOf(name.toUpperCase(), id.toLowerCase()))
  }

  /** Masks every known value in a text: verbatim, and escaped as in JSON. */
  mask(text: string): string {
    let masked = text
    for (const [key, value] of this.texts) {
      // a value of one or two characters occurs in every text
      if (value.length < 3) continue
      const placeholder = `<${key.slice(0, key.indexOf(separator))}>`
      for (const form of new Set([value, escaped(value)]))
        masked = masked.replaceAll(form, () => placeholder)
    }
    return masked
  }

  get names(): readonly string[] {
    return [...new Set([...this.ids.keys()].map((key) => key.slice(0, key.indexOf(separator))))]
  }

  protected has = ({ name, text }: Value) => this.ids.has(keyOf(name, text))

  protected set({ name, text }: Value, id: string): void {
    this.ids.set(keyOf(name, text), id)
    this.texts.set(keyOf(name, id), text)
  }

  protected isTaken = (name: string, id: string) => this.texts.has(keyOf(name, id))
}

const separator = ':'
const keyOf = (name: string, rest: string) => name + separator + rest

export interface LogOptions {
  readonly store: Store
  readonly key: string
  readonly ttlMs: number
  readonly seal: Seal | undefined
}

/**
 * Numbers from an append-only log in a store: of two entries of a value the first counts, in all
 * processes.
 */
export class NumberedValues extends Values {
  private readonly counts = new Map<string, number>()
  private length = 0

  constructor(private readonly options: LogOptions) {
    super()
  }

  async add(values: readonly Value[]): Promise<void> {
    await this.read()
    const fresh = values.filter((value) => !this.has(value))
    if (fresh.length === 0) return
    const { store, key, ttlMs, seal } = this.options
    const entries = new Set(fresh.map(({ name, text }) => JSON.stringify([name, text])))
    const sealed = await Promise.all([...entries].map((entry) => seal?.seal(entry) ?? entry))
    const length = await store.append(key, sealed, { ttlMs })
    if (length < this.length + sealed.length) throw lostLog()
    await this.read()
  }

  private async read(): Promise<void> {
    const { store, key, seal } = this.options
    const entries = await store.read(key, this.length)
    this.length += entries.length
    for (const entry of entries) this.number(await (seal?.open(entry) ?? entry))
  }

  private number(entry: string): void {
    const [name, text] = readEntry(entry)
    const value = { name, text }
    if (this.has(value)) return
    const id = (this.counts.get(name) ?? 0) + 1
    this.counts.set(name, id)
    this.set(value, String(id))
  }
}

function readEntry(entry: string): readonly [name: string, text: string] {
  const found: unknown = JSON.parse(entry)
  if (Array.isArray(found) && typeof found[0] === 'string' && typeof found[1] === 'string')
    return [found[0], found[1]]
  throw new TetradError('The store of redact() has an entry that redact() did not write')
}

const lostLog = () =>
  new TetradError('The store of redact() lost its list during a call: placeholders would change')

/** 32 characters that are not easily confused. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'

/** Names derived from the value by HMAC-SHA-256: the same in each call, whatever was trimmed. */
export class HashedValues extends Values {
  constructor(private readonly key: Promise<CryptoKey>) {
    super()
  }

  async add(values: readonly Value[]): Promise<void> {
    const key = await this.key
    for (const value of values) if (!this.has(value)) this.set(value, await this.idOf(value, key))
  }

  private async idOf({ name, text }: Value, key: CryptoKey): Promise<string> {
    const bytes = new TextEncoder().encode(keyOf(name, text))
    const hash = [...new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes))]
    const id = hash.map((byte) => alphabet[byte % 32]).join('')
    for (let length = 8; length < id.length; length++)
      if (!this.isTaken(name, id.slice(0, length))) return id.slice(0, length)
    return id
  }
}

export function importKey(key: string | undefined): Promise<CryptoKey> {
  const bytes =
    key === undefined ? crypto.getRandomValues(new Uint8Array(32)) : new TextEncoder().encode(key)
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  return crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign'])
}

/** Without `restore`: one placeholder for all values of a rule, remembered to mask errors. */
export class NamelessValues extends Values {
  private count = 0

  async add(values: readonly Value[]): Promise<void> {
    for (const value of values) if (!this.has(value)) this.set(value, String(++this.count))
  }

  override placeholderOf({ name }: Value): string {
    return `<${name}>`
  }
}
