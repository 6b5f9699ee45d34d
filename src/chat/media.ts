/** Files inside a message: a part → its kind, its media type, and its bytes, address or stored file. */
import { asText, isObject, type JsonObject } from './json.js'
import { asAudio, mediaType, mediaTypeOfData, mediaTypeOfName } from './media-type.js'
import type { Repairs } from './read-message.js'

export interface InlineMedia {
  /** Lower case, without parameters; undefined where nothing tells it. */
  readonly mediaType: string | undefined
  /** In the standard alphabet, without white space. */
  readonly base64: string
}

export interface MediaHints {
  /** A media type or a short name (`wav`) that the caller gave. */
  readonly format?: string | undefined
  readonly filename?: string | undefined
}

/**
 * Reads a `data:` address (RFC 2397: any parameters, percent-encoded or base64) or bare base64; undefined for what is
 * neither. What the caller or the address names as type counts before the first bytes, those before the file's name.
 */
export function readInlineMedia(text: string, hints: MediaHints = {}): InlineMedia | undefined {
  // what comes from a program without types may be anything
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

/** A scheme knows no case. */
export const isDataUri = (text: string): boolean => text.slice(0, 5).toLowerCase() === 'data:'

/** The head tells; a long text is not looked at letter by letter. */
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

/** Bytes, not letters: `%89PNG` is no text. A `%` that begins no byte stands for itself, as in browsers. */
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

/** Text goes out as UTF-8: no wire has a place for another charset. One that nobody knows is left as it is. */
function inUtf8(base64: string, charset = 'utf-8'): string {
  if (/^(utf-?8|us-ascii)$/i.test(charset)) return base64
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    return toBase64(new TextEncoder().encode(new TextDecoder(charset).decode(bytes)))
  } catch {
    return base64
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

const hexAt = (bytes: Uint8Array, at: number) => {
  const digits = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0)
  return /^[\da-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined
}

/**
 * Images and documents are what their bytes are: under the name of another format they are refused. Elsewhere what is
 * named counts first, since sound may stand in a container that video has too. A type that says nothing is passed over.
 */
function typeOf(base64: string, told: readonly (string | undefined)[], filename?: string) {
  const seen = mediaTypeOfData(base64)
  if (seen?.startsWith('image/') || seen === 'application/pdf') return seen
  return told.map(mediaType).find(isTelling) ?? seen ?? mediaTypeOfName(filename)
}

const isTelling = (type: string | undefined) =>
  type !== undefined && type !== 'application/octet-stream' && !type.endsWith('/*')

// -- parts -------------------------------------------------------------------------------------------------------------

export type MediaKind = 'image' | 'audio' | 'video' | 'file'

export interface Media {
  readonly kind: MediaKind
  /** Lower case, without parameters; undefined where neither caller, name nor bytes tell it. */
  readonly mediaType: string | undefined
  readonly source:
    | { readonly type: 'data'; readonly base64: string }
    /** Of any scheme but data. */
    | { readonly type: 'url'; readonly url: string }
    | { readonly type: 'stored'; readonly id: string }
  readonly filename: string | undefined
  /** The members beside the file itself: `format`, `detail`, and what only some provider knows. */
  readonly members: JsonObject
}

/** Where each type of part has its file, and what it is if nothing tells more. */
const places: Readonly<Record<string, readonly [kind: MediaKind, ...members: string[]]>> = {
  image_url: ['image', 'url'],
  audio_url: ['audio', 'url'],
  video_url: ['video', 'url'],
  input_audio: ['audio', 'data'],
  file: ['file', 'file_data', 'file_url'],
}

/** Whose request a part stands in. */
export interface MediaContext extends Pick<Repairs, 'invalid'> {
  readonly provider: string
}

/** Reads a part with a file; undefined for any other part. Throws `invalid()` for one that holds none. */
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
    throw invalid(`the file ${id} is stored at ${owner}, and known there alone`, 'foreign_file_id')
  return { source: { type: 'stored', id }, mediaType: mediaTypeOfName(id) }
}

interface TextHints extends MediaHints {
  readonly kind: MediaKind
  readonly type: string
}

function fromText(text: unknown, hints: TextHints, { invalid }: MediaContext): Found {
  const { kind, type, format, filename } = hints
  if (typeof text !== 'string' || text === '')
    throw invalid(`a part of type ${type} holds no file, neither address nor data`, 'invalid_part')
  const [, scheme] = /^([a-z][\w+.-]*):/i.exec(text.slice(0, 64)) ?? []
  if (scheme && !isDataUri(text)) {
    const told = mediaType(format) ?? mediaTypeOfName(filename) ?? mediaTypeOfName(text)
    return { source: { type: 'url', url: text }, mediaType: told }
  }
  const sound = kind === 'audio' && format !== undefined && mediaType(format) === undefined
  const media = readInlineMedia(text, { filename, format: sound ? `audio/${format}` : format })
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

/** True for an address that providers fetch. */
export const isHttp = (url: string): boolean => /^https?:/i.test(url)
