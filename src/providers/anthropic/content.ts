/** Parts of a user message or a tool result → content blocks. */
import type { CacheControl, FilePart, ImagePart, UserPart } from '../../chat/index.js'
import { isObject } from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import type {
  ImageType,
  WireBlock,
  WireCacheControl,
  WireContainerUpload,
  WireDocument,
  WireImage,
  WireText,
} from './wire.js'

export type WireContent = WireText | WireImage | WireDocument | WireContainerUpload

/** The blocks of a message. Text of white space only is refused by the API and says nothing: it is left out. */
export function toContent(
  content: string | readonly UserPart[],
  mark?: CacheControl | undefined,
): readonly WireContent[] {
  const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content
  return withMark(parts.flatMap(toBlocks), mark)
}

export const toText = (text: string, mark?: CacheControl | undefined): readonly WireText[] =>
  text.trim() === '' ? [] : [{ type: 'text', text, ...marked(mark) }]

/** A mark on the whole message stands on its last block that takes one. */
export function withMark<Block extends WireBlock>(
  blocks: readonly Block[],
  mark: CacheControl | undefined,
): readonly Block[] {
  if (!mark) return blocks
  const last = blocks.findLastIndex(({ type }) => !type.endsWith('thinking'))
  const block = blocks[last]
  return block ? blocks.with(last, { ...block, ...marked(mark) }) : blocks
}

export const marked = (
  mark: CacheControl | undefined,
): { readonly cache_control: WireCacheControl } | undefined =>
  mark && { cache_control: { type: mark.type, ...(mark.ttl !== undefined && { ttl: mark.ttl }) } }

function toBlocks(part: UserPart, position: number): readonly WireContent[] {
  switch (part.type) {
    case 'text':
      return toText(part.text, part.cache_control)
    case 'image_url':
      return [{ ...toMedia(imageSource(part)), ...marked(part.cache_control) }]
    case 'file':
      return [{ ...toFile(part), ...marked(part.cache_control) }]
    case 'input_audio':
      throw refused('Claude takes no audio: send a transcript')
  }
  // a history written for this provider may hold its own blocks
  if (ownBlocks.has(readType(part))) return [part as WireContent]
  throw refused(`content[${position}] has the unknown type '${readType(part)}'`)
}

const ownBlocks = new Set([
  'document',
  'image',
  'search_result',
  'container_upload',
  'tool_reference',
])

const readType = (part: unknown) => String(isObject(part) ? part.type : part)

const refused = (message: string) =>
  new BadRequestError(message, { status: 400, provider: 'anthropic', code: 'unsupported_content' })

type Source =
  | { readonly url: string; readonly mediaType: string | undefined }
  | { readonly data: string; readonly mediaType: string | undefined }

function imageSource({ image_url }: ImagePart): Source {
  const { url, format } =
    typeof image_url === 'string' ? { url: image_url, format: undefined } : image_url
  return toSource(url, format)
}

/** An address, or what a data URI holds, always as base64. */
function toSource(address: string, format: string | undefined): Source {
  if (/^https?:/i.test(address)) return { url: address, mediaType: format ?? typeByName(address) }
  const [, type, base64, data] = address.match(/^data:([^;,]*)[^,]*?(;base64)?,(.*)$/is) ?? []
  if (data === undefined) {
    const scheme = /^[a-z][\w+.-]*:/i.exec(address)?.[0] ?? 'no scheme'
    throw refused(`Claude takes http(s) addresses and data URIs, not ${scheme}`)
  }
  return { data: base64 ? data : toBase64(data), mediaType: format ?? (type || 'text/plain') }
}

const typesByEnding: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['json', 'application/json'],
  ['html', 'text/html'],
  ['xml', 'text/xml'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
])

const typeByName = (name: string | undefined) =>
  typesByEnding.get(/\.(\w+)(?:[?#].*)?$/.exec(name ?? '')?.[1]?.toLowerCase() ?? '')

const imageTypes: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
] satisfies ImageType[])

const isImageType = (type: string): type is ImageType => imageTypes.has(type)

/** Types that are text under another name. */
const isTextType = (type: string) =>
  type.startsWith('text/') || /^application\/(.*\+)?(json|xml|yaml|javascript)$/.test(type)

function toMedia(source: Source): WireImage | WireDocument {
  const type = bareType(source.mediaType)
  if ('url' in source) {
    const from = { type: 'url', url: source.url } as const
    return type === 'application/pdf'
      ? { type: 'document', source: from }
      : { type: 'image', source: from }
  }
  const { data } = source
  if (data === '') throw refused('an image or file is empty')
  if (type === 'application/pdf')
    return { type: 'document', source: { type: 'base64', media_type: type, data } }
  if (isImageType(type))
    return { type: 'image', source: { type: 'base64', media_type: type, data } }
  if (!isTextType(type)) throw refused(`Claude takes no ${type || 'file without a media type'}`)
  return {
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data: fromBase64(data) },
  }
}

const bareType = (type: string | undefined) =>
  (type ?? '').split(';')[0]?.trim().toLowerCase().replace('image/jpg', 'image/jpeg') ?? ''

function toFile(part: FilePart): WireContent {
  const { file_id, file_url, file_data, format, filename } = part.file
  const type = format ?? typeByName(filename)
  if (file_id !== undefined) return toStored(file_id, part, bareType(type))
  const address = file_url ?? file_data
  if (address === undefined) throw refused('a file part needs file_data, file_url or file_id')
  const isAddress = file_url !== undefined || /^(data|https?):/i.test(address)
  const source = isAddress
    ? toSource(address, type)
    : { data: address, mediaType: type ?? 'application/pdf' }
  const block = 'url' in source ? toLinked(source) : toMedia(source)
  return block.type === 'document' ? { ...block, ...documentFields(part) } : block
}

/** Of an address that does not tell its type a file part says it is a document. */
const toLinked = (source: { readonly url: string; readonly mediaType: string | undefined }) =>
  bareType(source.mediaType).startsWith('image/')
    ? toMedia(source)
    : ({ type: 'document', source: { type: 'url', url: source.url } } as const)

/** A file of the Files API: what neither reads as document nor as image goes to the container of code execution. */
function toStored(file_id: string, part: FilePart, type: string): WireContent {
  if (part.provider !== undefined && part.provider !== 'anthropic')
    throw refused(`the file ${file_id} is stored at ${part.provider}, and cannot be read elsewhere`)
  const source = { type: 'file', file_id } as const
  if (type.startsWith('image/')) return { type: 'image', source }
  if (type === '' || type === 'application/pdf' || type === 'text/plain')
    return { type: 'document', source, ...documentFields(part) }
  return { type: 'container_upload', file_id }
}

/** A title, and what our type does not name but a caller of this provider may set. */
function documentFields(part: FilePart) {
  // `title`, `context` and `citations` are this provider's own
  const own = part as FilePart & Pick<WireDocument, 'title' | 'context' | 'citations'>
  const title = own.title ?? part.file.filename
  return {
    ...(title !== undefined && { title }),
    ...(own.context !== undefined && { context: own.context }),
    ...(own.citations !== undefined && { citations: own.citations }),
  }
}

const toBase64 = (escaped: string) =>
  decoded(() => {
    const bytes = new TextEncoder().encode(decodeURIComponent(escaped))
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  })

const fromBase64 = (data: string) =>
  decoded(() => new TextDecoder().decode(Uint8Array.from(atob(data), (char) => char.charCodeAt(0))))

const decoded = (decode: () => string) => {
  try {
    return decode()
  } catch {
    throw refused('a data URI or file_data is not well encoded')
  }
}
