/** Reads the JSON body of a request within limits and rejects dangerous shapes before its use. */
import { MisuseError } from '../../core/index.js'
import { RefusedError } from '../public-error.js'
import { tooLong } from './parts.js'

export interface BodyLimits {
  /** Maximum bytes of a body that is not a JSON object. */
  readonly maxBytes: number
  /** Maximum bytes outside of base64 data. */
  readonly maxPlainBytes: number
  /** Maximum bytes of the whole body. */
  readonly maxBodyBytes: number
  /** Maximum nesting of this body. */
  readonly maxDepth: (body: unknown) => number
}

/**
 * Throws `RefusedError`: `not_json` 415, `too_large` and `conversation_too_long` 413, `bad_json`,
 * `too_deep`, `forbidden_key` 400; `MisuseError` where the app has already read the body.
 */
export async function readBody(request: Request, limits: BodyLimits): Promise<unknown> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type !== 'application/json' && !/^application\/[\w.-]+\+json$/.test(type))
    throw new RefusedError('not_json', 'The body must be application/json.', { status: 415 })
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > limits.maxBodyBytes) throw tooLong()
  const value = parse(await readText(request, limits))
  checkShape(value, limits.maxDepth(value))
  return value
}

/** For a body that is not a JSON object: it has no conversation that could be too long. */
const tooLarge = () => new RefusedError('too_large', 'The body is too large.', { status: 413 })

/** A body can be read once; `before` and `history` get it parsed. */
export const bodyWasRead = (cause?: unknown) =>
  new MisuseError(
    'The body of a request can be read only once: read `request.clone()`, or use the given `body`',
    { cause },
  )

async function readText(request: Request, limits: BodyLimits): Promise<string> {
  if (!request.body) return ''
  if (request.bodyUsed || request.body.locked) throw bodyWasRead()
  const reader = request.body.getReader()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const meter = new Meter()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decode(decoder)
      meter.count(value)
      if (!meter.isObject && meter.all > limits.maxBytes) throw tooLarge()
      if (meter.plain > limits.maxPlainBytes || meter.all > limits.maxBodyBytes) throw tooLong()
      text += decode(decoder, value)
    }
  } catch (error) {
    // does not wait for the rest of the body
    reader.cancel().catch(() => {})
    throw error
  }
}

function decode(decoder: TextDecoder, bytes?: Uint8Array): string {
  try {
    return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
  } catch {
    throw new RefusedError('bad_json', 'The body is not valid UTF-8.')
  }
}

const marker = ';base64,'

/** Counts bytes as they arrive, base64 apart: it has no structure and costs only its length. */
class Meter {
  all = 0
  plain = 0
  /** True if the body starts like a JSON object. */
  isObject = false
  private isBegun = false
  private matched = 0
  private isInline = false

  count(bytes: Uint8Array): void {
    this.all += bytes.length
    for (const byte of bytes) {
      // behind white space and a byte order mark
      if (!this.isBegun && byte > 32 && byte < 128) {
        this.isBegun = true
        this.isObject = byte === 123
      }
      if (this.isInline && isBase64(byte)) continue
      this.isInline = false
      this.plain++
      if (byte === marker.charCodeAt(this.matched)) this.matched++
      else this.matched = byte === marker.charCodeAt(0) ? 1 : 0
      if (this.matched < marker.length) continue
      this.matched = 0
      this.isInline = true
    }
  }
}

/** Letters, digits, `+`, `/`, `=`, and `\`, as JSON may escape the slash. */
const isBase64 = (byte: number) =>
  (byte >= 97 && byte <= 122) ||
  (byte >= 65 && byte <= 90) ||
  (byte >= 47 && byte <= 57) ||
  byte === 43 ||
  byte === 61 ||
  byte === 92

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RefusedError('bad_json', 'The body is not valid JSON.')
  }
}

/** Checks level by level instead of recursively: the client controls the depth. */
function checkShape(root: unknown, maxDepth: number): void {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    const below: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      if (depth >= maxDepth) throw new RefusedError('too_deep', 'The body is nested too deeply.')
      checkKeys(value)
      for (const member of Object.values(value)) below.push(member)
    }
    level = below
  }
}

function checkKeys(value: object): void {
  const made = Object.getOwnPropertyDescriptor(value, 'constructor')?.value
  const isForged = typeof made === 'object' && made !== null && Object.hasOwn(made, 'prototype')
  if (Object.hasOwn(value, '__proto__') || isForged)
    throw new RefusedError('forbidden_key', 'The body has a key that is not allowed.')
}
