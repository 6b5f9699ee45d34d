/** Files inside a message: a `data:` address or base64 → its bytes as base64, and their media type. */

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
  const base64 = isBase64 ? toStandard(body) : percentToBase64(body)
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

const hexAt = (bytes: Uint8Array, at: number) => {
  const digits = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0)
  return /^[\da-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined
}

/** A type that says nothing is passed over. What was recorded as audio stays audio under a name that video has too. */
function typeOf(base64: string, told: readonly (string | undefined)[], filename?: string) {
  const isTelling = (type: string | undefined) =>
    type !== undefined && type !== 'application/octet-stream' && !type.endsWith('/*')
  return told.map(mediaType).find(isTelling) ?? mediaTypeOfData(base64) ?? mediaTypeOfName(filename)
}

const byName: ReadonlyMap<string, string> = new Map([
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['webp', 'image/webp'],
  ['gif', 'image/gif'],
  ['heic', 'image/heic'],
  ['heif', 'image/heif'],
  ['pdf', 'application/pdf'],
  ['docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['pptx', 'application/vnd.openxmlformats-officedocument.presentationml.presentation'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['html', 'text/html'],
  ['css', 'text/css'],
  ['csv', 'text/csv'],
  ['xml', 'text/xml'],
  ['json', 'application/json'],
  ['mp3', 'audio/mpeg'],
  ['wav', 'audio/wav'],
  ['ogg', 'audio/ogg'],
  ['oga', 'audio/ogg'],
  ['flac', 'audio/flac'],
  ['aac', 'audio/aac'],
  ['aiff', 'audio/aiff'],
  ['m4a', 'audio/m4a'],
  ['opus', 'audio/opus'],
  ['mp4', 'video/mp4'],
  ['mov', 'video/quicktime'],
  ['webm', 'video/webm'],
  ['mpeg', 'video/mpeg'],
  ['mpg', 'video/mpeg'],
  ['avi', 'video/avi'],
  ['wmv', 'video/wmv'],
  ['flv', 'video/x-flv'],
  ['3gp', 'video/3gpp'],
])

/** Names in use beside the proper ones. */
const usual: ReadonlyMap<string, string> = new Map([
  ['image/jpg', 'image/jpeg'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/x-m4a', 'audio/m4a'],
  ['application/x-pdf', 'application/pdf'],
])

/** `image/jpg; q=1` is `image/jpeg`, a short name (`wav`) its media type; undefined for what is neither. */
export function mediaType(said: string | undefined): string | undefined {
  const name = said?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return name.includes('/') ? (usual.get(name) ?? name) : byName.get(name)
}

/** By the ending of a file name or of an address without its query. */
export function mediaTypeOfName(name: string | undefined): string | undefined {
  const path = name?.split(/[?#]/, 1)[0] ?? ''
  const dot = path.lastIndexOf('.')
  return dot < 0 ? undefined : byName.get(path.slice(dot + 1).toLowerCase())
}

type Signature = readonly [type: string, at: number, bytes: string]

const signatures: readonly Signature[] = [
  ['image/png', 0, '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/gif', 0, 'GIF8'],
  ['image/webp', 8, 'WEBP'],
  ['application/pdf', 0, '%PDF-'],
  ['audio/wav', 8, 'WAVE'],
  ['audio/aiff', 8, 'AIFF'],
  ['audio/flac', 0, 'fLaC'],
  ['audio/ogg', 0, 'OggS'],
  ['audio/mpeg', 0, 'ID3'],
  ['audio/mpeg', 0, '\xff\xfb'],
  ['audio/mpeg', 0, '\xff\xf3'],
  ['audio/mpeg', 0, '\xff\xf2'],
  ['audio/aac', 0, '\xff\xf1'],
  ['audio/aac', 0, '\xff\xf9'],
  ['image/heic', 4, 'ftypheic'],
  ['image/heic', 4, 'ftypmif1'],
  ['audio/m4a', 4, 'ftypM4A'],
  ['video/quicktime', 4, 'ftypqt'],
  ['video/mp4', 4, 'ftyp'],
  ['video/webm', 0, '\x1a\x45\xdf\xa3'],
]

/** By the first bytes of base64 text, in either alphabet. */
export function mediaTypeOfData(base64: string): string | undefined {
  let head: string
  try {
    head = atob(base64.slice(0, 32).replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return undefined
  }
  return signatures.find(([, at, bytes]) => head.startsWith(bytes, at))?.[0]
}

/** The usual ending of a file of the type. @default 'bin' */
export const extensionOf = (type: string): string =>
  [...byName].find(([, known]) => known === type)?.[0] ?? 'bin'

/** The type as audio: `webm` and `mp4` hold either, and the part says which. */
export const asAudio = (type: string): string =>
  type.startsWith('video/') ? `audio/${type.slice('video/'.length)}` : type
