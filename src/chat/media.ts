/** Reads file parts of a message: kind, media type, and bytes, URL or file id. */
import { asText, isObject, type JsonObject } from './json.js'
import { asAudio, mediaType, mediaTypeOfData, mediaTypeOfName } from './media-type.js'
import type { Repairs } from './read-message.js'

export interface InlineMedia {
  /** Lower case, without parameters; undefined if unknown. */
  readonly mediaType: string | undefined
  /** Standard alphabet, without white space. */
  readonly base64: string
}

export interface MediaHints {
  /** A media type or short name (`wav`) given by the caller. */
  readonly format?: string | undefined
  readonly filename?: string | undefined
}

/**
 * Reads a data URI (RFC 2397: any parameters, percent-encoded or base64) or bare base64; undefined
 * for anything else. The declared type precedes the leading bytes, these precede the file name.
 */
export function readInlineMedia(text: string, hints: MediaHints = {}): InlineMedia | undefined {
  // untyped callers may pass any value
  if (typeof text !== 'string') return undefined
  if (!isDataUri(text)) {
    if (!looksLikeBase64(text)) return undefined
    const base64 = toStandard(text)
    return { base64, mediaType: typeOf(base64, [hints.format], hints.filename) }
  }
  const comma = text.indexOf(',')
  if (comma < 0) return undefined
  const [type = '', ...parameters] = text.slice('data:'.length, comma).split(';')
  const isBase64 = parameters.at(-1)?.trim().toLowerCase() === 'base64'
  const body = text.slice(comma + 1)
  const bytes = isBase64 ? toStandard(body) : percentToBase64(body)
  const base64 = /^\s*text\//i.test(type) ? inUtf8(bytes, charsetOf(parameters)) : bytes
  const byDefault = type.trim() === '' && !isBase64 ? 'text/plain' : undefined
  return { base64, mediaType: typeOf(base64, [hints.format, type], hints.filename) ?? byDefault }
}

/** URI schemes are case-insensitive. */
export const isDataUri = (text: string): boolean => text.slice(0, 5).toLowerCase() === 'data:'

/** Tests only the first 64 characters, so the cost does not grow with the text. */
const looksLikeBase64 = (text: string) => /^[\w+/=\s-]*$/.test(text.slice(0, 64))

const toStandard = (base64: string) =>
  (base64.includes('%') ? fromPercent(base64) : base64)
    .replace(/\s/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')

const fromPercent = (text: string) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Decodes to bytes: `%89PNG` is not text. A `%` without two hex digits stays, as in browsers. */
function percentToBase64(text: string): string {
  const encoded = new TextEncoder().encode(text)
  let binary = ''
  for (let at = 0; at < encoded.length; at++) {
    const byte = encoded[at] === 0x25 ? hexAt(encoded, at + 1) : undefined
    binary += String.fromCharCode(byte ?? encoded[at] ?? 0)
    if (byte !== undefined) at += 2
  }
  return btoa(binary)
}

const charsetOf = (parameters: readonly string[]) =>
  parameters.flatMap((one) => /^\s*charset\s*=\s*"?([\w.:-]{1,40})"?\s*$/i.exec(one)?.[1] ?? [])[0]

/** Converts text to UTF-8: no wire has a field for a charset. Unknown charsets stay unchanged. */
function inUtf8(base64: string, charset = 'utf-8'): string {
  if (/^(utf-?8|us-ascii)$/i.test(charset)) return base64
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    return toBase64(new TextEncoder().encode(new TextDecoder(charset).decode(bytes)))
  } catch {
    return base64
  }
}

/** In pieces: a call takes only so many arguments. */
export function toBase64(bytes: Uint8Array): string {
  const most = 0x8000
  let binary = ''
  for (let at = 0; at < bytes.length; at += most)
    binary += String.fromCharCode(...bytes.subarray(at, at + most))
  return btoa(binary)
}

const hexAt = (bytes: Uint8Array, at: number) => {
  const digits = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0)
  return /^[\da-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined
}

/**
 * Images and PDFs take the type of their bytes: providers reject a mismatch. Otherwise the declared
 * type comes first, since audio and video share containers. Unspecific types are skipped.
 */
function typeOf(base64: string, declared: readonly (string | undefined)[], filename?: string) {
  const seen = mediaTypeOfData(base64)
  if (seen?.startsWith('image/') || seen === 'application/pdf') return seen
  return declared.map(mediaType).find(isSpecific) ?? seen ?? mediaTypeOfName(filename)
}

const isSpecific = (type: string | undefined) =>
  type !== undefined && type !== 'application/octet-stream' && !type.endsWith('/*')

// -- parts -------------------------------------------------------------------------------------------------------------

export type MediaKind = 'image' | 'audio' | 'video' | 'file'

export interface Media {
  readonly kind: MediaKind
  /** Lower case, without parameters; undefined if caller, name and bytes do not determine it. */
  readonly mediaType: string | undefined
  readonly source:
    | { readonly type: 'data'; readonly base64: string }
    /** Any scheme except `data:`. */
    | { readonly type: 'url'; readonly url: string }
    | { readonly type: 'stored'; readonly id: string }
  readonly filename: string | undefined
  /** The part's other members: `format`, `detail`, and provider-specific ones. */
  readonly members: JsonObject
}

/** Per part type: its default kind, and the members that may hold the file. */
const places: Readonly<Record<string, readonly [kind: MediaKind, ...members: string[]]>> = {
  image_url: ['image', 'url'],
  audio_url: ['audio', 'url'],
  video_url: ['video', 'url'],
  input_audio: ['audio', 'data'],
  file: ['file', 'file_data', 'file_url'],
}

/** True for a part of a type that has a file. */
export const isFilePart = ({ type }: JsonObject): boolean => Object.hasOwn(places, String(type))

/** The provider of the request, and the factory of its errors. */
export interface MediaContext extends Pick<Repairs, 'invalid'> {
  readonly provider: string
}

/** Reads a file part; undefined for any other part. Throws `invalid()` if it has no valid file. */
export function readMedia(part: JsonObject, context: MediaContext): Media | undefined {
  const type = String(part.type)
  const place = Object.hasOwn(places, type) ? places[type] : undefined
  if (!place) return undefined
  const [kind, ...names] = place
  const given = part[type]
  const inside: JsonObject = isObject(given) ? given : { [names[0] ?? '']: given }
  const text = names.map((name) => inside[name]).find((value) => value !== undefined)
  const { file_id, format, filename, ...rest } = inside
  const members = Object.fromEntries(Object.entries(rest).filter(([name]) => !names.includes(name)))
  const hints = { format: asText(format), filename: asText(filename) }
  const found =
    type === 'file' && asText(file_id) !== undefined
      ? fromStore(String(file_id), part.provider, context)
      : fromText(text, { ...hints, kind, type }, context)
  const known = found.mediaType ?? mediaType(hints.format) ?? mediaTypeOfName(hints.filename)
  return {
    source: found.source,
    filename: hints.filename,
    kind: kindOf(known, kind),
    mediaType: kind === 'audio' && known ? asAudio(known) : known,
    members: { ...members, ...(hints.format !== undefined && { format: hints.format }) },
  }
}

function kindOf(type: string | undefined, kind: MediaKind): MediaKind {
  if (type === undefined || kind === 'audio') return kind
  const [top] = type.split('/')
  return top === 'image' || top === 'audio' || top === 'video' ? top : 'file'
}

type Found = Pick<Media, 'source' | 'mediaType'>

function fromStore(id: string, owner: unknown, { provider, invalid }: MediaContext): Found {
  if (owner !== undefined && owner !== provider)
    throw invalid(
      `the file ${id} is stored at ${owner}, and available only there`,
      'foreign_file_id',
    )
  return { source: { type: 'stored', id }, mediaType: mediaTypeOfName(id) }
}

interface TextHints extends MediaHints {
  readonly kind: MediaKind
  readonly type: string
}

function fromText(text: unknown, hints: TextHints, { invalid }: MediaContext): Found {
  const { kind, type, format, filename } = hints
  if (typeof text !== 'string' || text === '')
    throw invalid(`a part of type ${type} has no file: give an address or data`, 'invalid_part')
  const [, scheme] = /^([a-z][\w+.-]*):/i.exec(text.slice(0, 64)) ?? []
  if (scheme && !isDataUri(text)) {
    const declared = mediaType(format) ?? mediaTypeOfName(filename) ?? mediaTypeOfName(text)
    return { source: { type: 'url', url: text }, mediaType: declared }
  }
  const isBare = kind === 'audio' && format !== undefined && mediaType(format) === undefined
  const media = readInlineMedia(text, { filename, format: isBare ? `audio/${format}` : format })
  const known = media?.mediaType ?? (kind === 'audio' ? 'audio/wav' : undefined)
  if (!media)
    throw invalid(`a part of type ${type} is neither an http address nor base64`, 'invalid_part')
  if (media.base64 === '') throw invalid(`a part of type ${type} has no bytes`, 'invalid_part')
  if (known === undefined)
    throw invalid(
      `a part of type ${type} has no media type: give format, filename or a data URI`,
      'invalid_part',
    )
  return { source: { type: 'data', base64: media.base64 }, mediaType: known }
}

/** True for a URL that providers fetch. */
export const isHttp = (url: string): boolean => /^https?:/i.test(url)
