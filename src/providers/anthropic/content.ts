/** Parts of a user message or a tool result → content blocks. */
import type { CacheControl, FilePart, ImagePart, UserPart } from '../../chat/index.js'
import {
  type InlineMedia,
  isDataUri,
  isObject,
  mediaTypeOfName,
  readInlineMedia,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import { bareType, fromBase64, isImageType, isTextType, mediaType } from './media.js'
import type {
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
  content: string | readonly UserPart[] | null | undefined,
  mark?: CacheControl | undefined,
): readonly WireContent[] {
  const parts =
    typeof content === 'string' ? [{ type: 'text' as const, text: content }] : (content ?? [])
  return withMark(parts.flatMap(toBlocks), mark)
}

export function toText(
  text: string | null | undefined,
  mark?: CacheControl | undefined,
): readonly WireText[] {
  return text == null || text.trim() === '' ? [] : [{ type: 'text', text, ...marked(mark) }]
}

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
  if (!isObject(part)) throw refused(`content[${position}] is no part`)
  switch (part.type) {
    case 'text':
      return toText(part.text, part.cache_control)
    case 'image_url':
      return [{ ...toImage(part), ...marked(part.cache_control) }]
    case 'file':
      return [{ ...toFile(part), ...marked(part.cache_control) }]
    case 'input_audio':
      throw refused('Claude takes no audio: send a transcript, or let hear() make one')
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

/** An address, a data URI, or base64 whose type the caller tells. */
function toMedia(
  address: string,
  { format, name }: MediaHints,
  isFile = false,
): WireImage | WireDocument {
  if (/^https?:/i.test(address))
    return toLinked(address, bareType(format ?? mediaTypeOfName(name ?? address)), isFile)
  const { base64: data, mediaType: told } = readData(address)
  return toInline(data, mediaType(data, [format, told, mediaTypeOfName(name)]))
}

interface MediaHints {
  readonly format?: string | undefined
  readonly name?: string | undefined
}

/** Where the address does not tell its type, the kind of part does. */
const toLinked = (url: string, type: string, isFile: boolean): WireImage | WireDocument => {
  const isImage = isFile ? type.startsWith('image/') : type !== 'application/pdf'
  return isImage
    ? { type: 'image', source: { type: 'url', url } }
    : { type: 'document', source: { type: 'url', url } }
}

function toInline(data: string, type: string): WireImage | WireDocument {
  if (data === '') throw refused('an image or file is empty')
  if (type === 'application/pdf')
    return { type: 'document', source: { type: 'base64', media_type: type, data } }
  if (isImageType(type))
    return { type: 'image', source: { type: 'base64', media_type: type, data } }
  if (!isTextType(type)) throw refused(`Claude takes no ${type || 'file without a media type'}`)
  const text = fromBase64(data) ?? refuseEncoding()
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text } }
}

/** What a data URI holds, as base64; anything else is taken for base64 as it is. */
function readData(address: string): InlineMedia {
  const media = readInlineMedia(address)
  if (media) return media
  if (/^[a-z][\w+.-]*:/i.test(address) && !isDataUri(address))
    throw refused(
      `Claude takes http(s) addresses and data URIs, not ${address.slice(0, Math.min(40, address.indexOf(':')))}`,
    )
  return refuseEncoding()
}

const refuseEncoding = (): never => {
  throw refused('a data URI or file_data is not well encoded')
}

function toImage({ image_url }: ImagePart): WireImage | WireDocument {
  const { url, format } =
    typeof image_url === 'string' ? { url: image_url, format: undefined } : (image_url ?? {})
  if (typeof url !== 'string') throw refused('an image part needs a url')
  return toMedia(url, { format })
}

function toFile(part: FilePart): WireContent {
  const { file_id, file_url, file_data, format, filename: name } = part.file ?? {}
  if (file_id !== undefined)
    return toStored(file_id, part, bareType(format ?? mediaTypeOfName(name)))
  const address = file_url ?? file_data
  if (typeof address !== 'string') throw refused('a file part needs file_data, file_url or file_id')
  const block = toMedia(address, { format, name }, true)
  return block.type === 'document' ? { ...block, ...documentFields(part) } : block
}

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
