/** Media types: by declared name, by file name, by leading bytes. */

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

/** Common aliases of media types. */
const usual: ReadonlyMap<string, string> = new Map([
  ['image/jpg', 'image/jpeg'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/x-m4a', 'audio/m4a'],
  ['application/x-pdf', 'application/pdf'],
])

/** `image/jpg; q=1` → `image/jpeg`, a short name (`wav`) → its media type; otherwise undefined. */
export function mediaType(declared: string | undefined): string | undefined {
  const name = declared?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return name.includes('/') ? (usual.get(name) ?? name) : byName.get(name)
}

/** By the extension of a file name, or of a URL without its query. */
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

/** By the leading bytes of base64 or base64url text. */
export function mediaTypeOfData(base64: string): string | undefined {
  let head: string
  try {
    head = atob(base64.slice(0, 32).replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return undefined
  }
  return signatures.find(([, at, bytes]) => head.startsWith(bytes, at))?.[0]
}

/** The usual file extension of a media type. @default 'bin' */
export const extensionOf = (type: string): string =>
  [...byName].find(([, known]) => known === type)?.[0] ?? 'bin'

/** Maps a video type to audio: `webm` and `mp4` hold either, and the part specifies which. */
export const asAudio = (type: string): string =>
  type.startsWith('video/') ? `audio/${type.slice('video/'.length)}` : type
