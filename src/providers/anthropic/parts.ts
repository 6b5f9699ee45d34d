/** Maps parts of a user message or a tool result to content blocks. */
import { type CacheControl, isHttp, type Media, readMedia } from '../../chat/index.js'
import { defined, isObject, type JsonObject, pick, words } from '../../chat/json.js'
import type { Notes } from '../notes.js'
import { reportPart, unknownPart, unsupported } from '../parts.js'
import {
  isThinking,
  type WireBlocks,
  type WireContainerUpload,
  type WireDocument,
  type WireImage,
  type WireText,
} from './wire.js'

type WireMedia = WireImage | WireDocument | WireContainerUpload

/** The blocks of a message. Blank text is dropped: the API refuses it. */
export function toContent(
  content: string | readonly object[],
  mark: CacheControl | undefined,
  notes: Notes,
): WireBlocks {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  const blocks = parts.flatMap((part) => toBlocks({ ...part }, notes))
  return withMark(blocks, mark)
}

/** Blank text is dropped. */
export function toText(text: string, members: JsonObject = {}): WireBlocks {
  const block: WireText = { type: 'text', text }
  return text.trim() === '' ? [] : [{ ...block, ...members }]
}

/** Sets a mark of the whole message on its last block that accepts one. */
export function withMark(blocks: WireBlocks, mark: CacheControl | undefined) {
  if (!mark) return blocks
  const last = blocks.findLastIndex((block) => !isThinking(block))
  const block = blocks[last]
  return block ? blocks.with(last, { ...block, ...marked(mark) }) : blocks
}

export const marked = (mark: unknown) =>
  isObject(mark) ? { cache_control: defined({ type: mark.type, ttl: mark.ttl }) } : undefined

/** Native blocks, in a history written for this provider. */
const ownBlocks: readonly unknown[] = words(
  'document image search_result container_upload tool_reference browser_state',
)

/** Part members of this API only. */
const ownMembers = {
  text: ['citations'],
  image: ['transformations'],
  document: ['title', 'context', 'citations'],
}

function toBlocks(part: JsonObject, notes: Notes): WireBlocks {
  // native blocks are passed through
  if (ownBlocks.includes(part.type)) return [part]
  if (part.type === 'text') {
    reportPart(part, ownMembers.text, notes)
    return toTextBlocks(part)
  }
  const media = readMedia(part, notes)
  if (!media) throw unknownPart(part, notes)
  const block = toMediaBlock(media, notes)
  const mark = marked(part.cache_control)
  if (block.type === 'container_upload') return [{ ...block, ...mark }]
  const members = { ...media.members, ...part }
  reportPart(members, ['format', ...ownMembers[block.type]], notes)
  return [{ ...block, ...pick(members, ownMembers[block.type]), ...mark }]
}

export const toTextBlocks = (part: JsonObject): WireBlocks =>
  toText(String(part.text), { ...marked(part.cache_control), ...pick(part, ownMembers.text) })

function toMediaBlock(media: Media, notes: Notes): WireMedia {
  const { source, mediaType, kind } = media
  if (source.type === 'stored') return toStored(source.id, media)
  if (source.type === 'data') return toInline(source.base64, media, notes)
  if (!isHttp(source.url)) throw unsupported('a file whose address is not http', notes)
  if (kind === 'audio' || kind === 'video') throw unsupported(kind, notes)
  const url = { type: 'url', url: source.url } as const
  // without a type in the address, the type of the part decides
  if (kind === 'image') return { type: 'image', source: url }
  if (mediaType !== undefined && mediaType !== 'application/pdf' && !isTextType(mediaType))
    throw unsupported(mediaType, notes)
  return toDocument(url, media)
}

const toDocument = (source: WireDocument['source'], { filename: title }: Media): WireDocument => ({
  type: 'document',
  source,
  ...(title !== undefined && { title }),
})

function toInline(data: string, media: Media, notes: Notes): WireMedia {
  const { mediaType: media_type = '' } = media
  if (media_type === 'application/pdf')
    return toDocument({ type: 'base64', media_type, data }, media)
  if (isImageType(media_type))
    return { type: 'image', source: { type: 'base64', media_type, data } }
  if (!isTextType(media_type)) throw unsupported(media_type, notes, hint(media_type))
  const text = fromBase64(data)
  if (text === undefined)
    throw notes.invalid('a data URI or file_data with invalid encoding', 'invalid_part')
  return toDocument({ type: 'text', media_type: 'text/plain', data: text }, media)
}

const hint = (mediaType: string) =>
  mediaType.startsWith('audio/') ? 'send a transcript, or let hear() make one' : ''

/** A Files API file; if neither document nor image, it goes to the code-execution container. */
function toStored(file_id: string, media: Media): WireMedia {
  const source = { type: 'file', file_id } as const
  if (media.kind === 'image') return { type: 'image', source }
  const isRead = [undefined, 'application/pdf', 'text/plain'].includes(media.mediaType)
  return isRead ? toDocument(source, media) : { type: 'container_upload', file_id }
}

// -- media types that Claude reads -------------------------------------------------------------------------------------

type ImageType = Extract<WireImage['source'], { type: 'base64' }>['media_type']

const imageTypes: readonly ImageType[] = words('image/jpeg image/png image/gif image/webp')

const isImageType = (type: string): type is ImageType => imageTypes.some((one) => one === type)

/** Text types, also under `application/`. */
const isTextType = (type: string): boolean =>
  type.startsWith('text/') || /^application\/(.*\+)?(json|xml|yaml|javascript)$/.test(type)

function fromBase64(data: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (char) => char.charCodeAt(0)))
  } catch {
    return undefined
  }
}
