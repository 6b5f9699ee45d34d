/** Signatures for history that clients store: HMAC-SHA-256 over canonical JSON. */
import { isObject, type Message } from '../../chat/index.js'
import { MisuseError } from '../../core/index.js'

/** What a signature is bound to, beside the signed value. */
export interface Scope {
  readonly user: string
  /** The conversation id; empty without one. */
  readonly conversation: string
}

export interface HistorySigner {
  /** Signs the members of a message that only the server may set. */
  sign(message: Message, scope: Scope): Promise<string>
  verify(message: Message, mac: string, scope: Scope): Promise<boolean>
  /** The id of an approval as sent to the client: with an expiry time and a signature. */
  issue(approval: Approval, scope: Scope): Promise<string>
  /** The content of a token; undefined unless issued for this call, in exactly this spelling. */
  redeem(token: string, tool_call_id: string, scope: Scope): Promise<Redeemed | undefined>
}

export interface Redeemed {
  readonly id: string
  readonly isExpired: boolean
}

export interface Approval {
  readonly id: string
  readonly tool_call_id: string
}

export interface SignerOptions {
  readonly secret: string | readonly string[]
  /** The current time in milliseconds. @default Date.now */
  readonly now?: () => number
}

/** How long an approval stays open. Milliseconds. */
export const approvalMs = 3_600_000

const minSecretLength = 32

/** Throws `MisuseError` for a secret of less than 32 characters. */
export function createSigner({ secret, now = Date.now }: SignerOptions): HistorySigner {
  const secrets = [secret].flat()
  const isShort = (one: unknown) => typeof one !== 'string' || one.length < minSecretLength
  if (secrets.length === 0 || secrets.some(isShort))
    throw new MisuseError(`secret must have at least ${minSecretLength} characters`)
  let keys: Promise<readonly CryptoKey[]> | undefined
  const ready = () => {
    keys ??= Promise.all(secrets.map(importKey))
    return keys
  }
  const known = new KnownSignatures(maxKnownLength)
  const mac = async (claim: unknown) => {
    const [first] = await ready()
    const text = textOf(claim)
    const bytes = encoder.encode(text)
    const signature = toBase64Url(await crypto.subtle.sign('HMAC', first as CryptoKey, bytes))
    known.add(signature, text)
    return signature
  }
  // WebCrypto compares in constant time
  const isGood = async (claim: unknown, signature: string) => {
    const text = textOf(claim)
    if (known.has(signature, text)) return true
    const signed = fromBase64Url(signature)
    const bytes = encoder.encode(text)
    if (!signed) return false
    for (const key of await ready()) {
      if (!(await crypto.subtle.verify('HMAC', key, signed, bytes))) continue
      known.add(signature, text)
      return true
    }
    return false
  }
  return {
    sign: (message, scope) => mac(['message', scope, claimsOf(message)]),
    verify: (message, signature, scope) => isGood(['message', scope, claimsOf(message)], signature),
    async issue({ id, tool_call_id }, scope) {
      const until = Math.ceil(now() + approvalMs)
      return `${id}.${until}.${await mac(['approval', scope, id, tool_call_id, until])}`
    },
    async redeem(token, tool_call_id, scope) {
      const { id, until, signature } = partsOf(token)
      // one spelling only: the token must equal the text that was signed
      if (token !== `${id}.${until}.${signature}` || !Number.isSafeInteger(until)) return undefined
      const isIssued = await isGood(['approval', scope, id, tool_call_id, until], signature)
      return isIssued ? { id, isExpired: until <= now() } : undefined
    },
  }
}

/** Characters of signed text that are cached: some 20,000 messages. */
const maxKnownLength = 4_194_304

/**
 * Cache of what this process has signed or verified, bounded by length: each turn sends the whole
 * conversation again, and only its new part costs an HMAC. A hit compares the whole text, so that
 * nothing unverified passes.
 */
class KnownSignatures {
  private readonly texts = new Map<string, string>()
  private length = 0

  constructor(private readonly maxLength: number) {}

  has(signature: string, text: string): boolean {
    if (this.texts.get(signature) !== text) return false
    // evict the least recently used first
    this.texts.delete(signature)
    this.texts.set(signature, text)
    return true
  }

  add(signature: string, text: string): void {
    if (text.length > this.maxLength / 16 || this.texts.has(signature)) return
    this.texts.set(signature, text)
    this.length += text.length
    for (const [oldest, { length }] of this.texts) {
      if (this.length <= this.maxLength) return
      this.texts.delete(oldest)
      this.length -= length
    }
  }
}

/** Splits at the last two dots, as an id may contain dots. */
function partsOf(token: string) {
  const last = token.lastIndexOf('.')
  const middle = token.lastIndexOf('.', last - 1)
  return {
    id: token.slice(0, Math.max(middle, 0)),
    until: Number(token.slice(middle + 1, last)),
    signature: token.slice(last + 1),
  }
}

/** Members of an assistant turn that a client may set; all others need a signature. */
export const plainMembers: ReadonlySet<string> = new Set([
  'role',
  'id',
  'name',
  'content',
  'refusal',
  'reasoning_content',
  'annotations',
  'phase',
  'commentary',
])

/** The id that a page gives a message. */
const ownMembers: ReadonlySet<string> = new Set(['id'])

/**
 * The signed members; null and an empty name are as good as absent. Text may be edited: native
 * blocks are used only while they match it.
 */
function claimsOf(message: Message): unknown {
  const plain = message.role === 'assistant' ? plainMembers : ownMembers
  const isClaim = ([key, value]: readonly [string, unknown]) =>
    !plain.has(key) && value !== null && !(key === 'name' && value === '')
  return Object.fromEntries(Object.entries(message).filter(isClaim))
}

const importKey = (secret: string) =>
  crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  )

const encoder = new TextEncoder()

const textOf = (claim: unknown) => JSON.stringify(['v1', claim], sorted)

/** Sorts members by name: their order may change on the way to the client and back. */
const sorted = (_: string, value: unknown): unknown => {
  if (!isObject(value)) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries)
}

const toBase64Url = (bytes: ArrayBuffer) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]{43}$/.test(text)) return undefined
  const letters = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = Uint8Array.from(letters, (one) => one.charCodeAt(0))
  // the last character has two spare bits: only one spelling is valid
  return toBase64Url(bytes.buffer) === text ? bytes : undefined
}
