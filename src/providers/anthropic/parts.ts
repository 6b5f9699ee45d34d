/** Parts of a user message or a tool result → content blocks. */
import {
  type CacheControl,
  defined,
  isHttp,
  isObject,
  type JsonObject,
  type Media,
  readMedia,
} from '../../chat/index.js'
import { type Notes, pick, tellLost } from '../notes.js'
import { fromBase64, isImageType, isTextType } from './media.js'
import {
  isThinking,
  type WireBlock,
  type WireContainerUpload,
  type WireDocument,
  type WireImage,
  type WireText,
} from './wire.js'

type WireMedia = WireImage | WireDocument | WireContainerUpload

/** The blocks of a message. Text of white space only is refused by the API and says nothing: it is left out. */
export function toContent(
  content: string | readonly object[],
  mark: CacheControl | undefined,
  notes: Notes,
): readonly WireBlock[] {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  const blocks = parts.flatMap((part) => toBlocks({ ...part }, notes))
  return withMark(blocks, mark)
}

export function toText(text: string, mark?: unknown): readonly WireBlock[] {
  const block: WireText = { type: 'text', text }
  return text.trim() === '' ? [] : [{ ...block, ...marked(mark) }]
}

/** A mark on the whole message stands on its last block that takes one. */
export function withMark(
  blocks: readonly WireBlock[],
  mark: CacheControl | undefined,
): readonly WireBlock[] {
  if (!mark) return blocks
  const last = blocks.findLastIndex((block) => !isThinking(block))
  const block = blocks[last]
  return block ? blocks.with(last, { ...block, ...marked(mark) }) : blocks
}

export const marked = (mark: unknown) =>
  isObject(mark) ? { cache_control: defined({ type: mark.type, ttl: mark.ttl }) } : undefined

/** A history written for this provider may hold its own blocks. */
const ownBlocks = [
  'document',
  'image',
  'search_result',
  'container_upload',
  'tool_reference',
  'browser_state',
]

/** Members of parts that only this API knows. */
const textMembers = ['citations']
const imageMembers = ['transformations']
const documentMembers = ['title', 'context', 'citations']

function toBlocks(part: JsonObject, notes: Notes): readonly WireBlock[] {
  const type = String(part.type)
  // the provider's own words, passed on as they are
  if (ownBlocks.includes(type)) return [part]
  const mark = part.cache_control
  const what = { ...notes, what: `a part of type ${type}` }
  if (type === 'text') {
    tellLost(part, ['type', 'text', 'cache_control', ...textMembers], what)
    const texts = toText(String(part.text), mark)
    return texts.map((text) => ({ ...text, ...pick(part, textMembers) }))
  }
  const media = readMedia(part, notes)
  if (!media)
    throw notes.invalid(`a content part of type ${JSON.stringify(part.type)}`, 'invalid_part')
  const block = toMediaBlock(media, notes)
  const taken = block.type === 'image' ? imageMembers : documentMembers
  const members = block.type === 'container_upload' ? {} : { ...media.members, ...part }
  tellLost(members, ['type', type, 'cache_control', 'provider', 'format', ...taken], what)
  return [{ ...block, ...pick(members, taken), ...marked(mark) }]
}

function toMediaBlock(media: Media, notes: Notes): WireMedia {
  const { source, mediaType, kind, filename } = media
  if (source.type === 'stored') return toStored(source.id, media)
  if (source.type === 'data') return toInline(source.base64, media, notes)
  if (!isHttp(source.url)) throw unsupported('address of a file that is not http', notes)
  if (kind === 'audio' || kind === 'video') throw unsupported(`${kind}`, notes)
  const url = { type: 'url', url: source.url } as const
  // where the address does not tell its type, the kind of part does
  if (kind === 'image') return { type: 'image', source: url }
  if (mediaType !== undefined && mediaType !== 'application/pdf' && !isTextType(mediaType))
    throw unsupported(mediaType, notes)
  return { type: 'document', source: url, ...titled(filename) }
}

const titled = (title: string | undefined) => (title === undefined ? {} : { title })

function toInline(data: string, { mediaType = '', filename }: Media, notes: Notes): WireMedia {
  const title = titled(filename)
  if (mediaType === 'application/pdf')
    return { type: 'document', source: { type: 'base64', media_type: mediaType, data }, ...title }
  if (isImageType(mediaType))
    return { type: 'image', source: { type: 'base64', media_type: mediaType, data } }
  if (!isTextType(mediaType)) throw unsupported(`${mediaType}${hint(mediaType)}`, notes)
  const text = fromBase64(data)
  if (text === undefined)
    throw notes.invalid('a data URI or file_data is not well encoded', 'invalid_part')
  return {
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data: text },
    ...title,
  }
}

const hint = (mediaType: string) =>
  mediaType.startsWith('audio/') ? ': send a transcript, or let hear() make one' : ''

/** A file of the Files API: what neither reads as document nor as image goes to the container of code execution. */
function toStored(file_id: string, { kind, mediaType, filename }: Media): WireMedia {
  const source = { type: 'file', file_id } as const
  if (kind === 'image') return { type: 'image', source }
  const isRead = [undefined, 'application/pdf', 'text/plain'].includes(mediaType)
  return isRead
    ? { type: 'document', source, ...titled(filename) }
    : { type: 'container_upload', file_id }
}

const unsupported = (what: string, { invalid }: Notes) =>
  invalid(`Claude takes no ${what}`, 'unsupported_content')
