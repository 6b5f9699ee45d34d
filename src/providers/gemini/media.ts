/** Maps images, audio, video and documents to parts. Downloads nothing: sends or refuses URLs. */
import { asText, defined, isHttp, isObject, type JsonObject, type Media } from '../../chat/index.js'
import { isGiven, pick } from '../notes.js'
import { readFilePart, unsupported } from '../parts.js'
import type { WriteContext } from './models.js'
import type { FileData, MediaResolution, Part } from './wire.js'

export type MediaPart = Pick<Part, 'inlineData' | 'fileData' | 'mediaResolution' | 'videoMetadata'>

/** Part members of Gemini only. */
const members = {
  beside: ['mediaProcessing', 'mediaResolution', 'videoMetadata'],
  inside: ['format', 'detail', 'video_metadata', 'videoMetadata'],
}

/** Throws `BadRequestError` for a part without a file, and for one that cannot be sent. */
export function toMedia(part: JsonObject, context: WriteContext): MediaPart {
  const media = readFilePart(part, members, context)
  return {
    ...toMediaPart(media, part.provider, context),
    ...resolution(media.members.detail, context),
    ...videoMetadata(media.members),
    ...pick(part, members.beside),
  }
}

/** litellm's `video_metadata`, beside the address or data: `{ fps: 0.2, start_offset: '10s' }`. */
function videoMetadata(members: JsonObject): Pick<Part, 'videoMetadata'> {
  const said = members.video_metadata ?? members.videoMetadata
  if (!isObject(said)) return {}
  const startOffset = asText(said.start_offset ?? said.startOffset)
  const endOffset = asText(said.end_offset ?? said.endOffset)
  const fps = typeof said.fps === 'number' ? said.fps : undefined
  return { videoMetadata: defined({ startOffset, endOffset, fps }) }
}

function toMediaPart(media: Media, owner: unknown, context: WriteContext): MediaPart {
  const { source, mediaType } = media
  if (source.type === 'stored') return fromId(source.id, { owner, mediaType }, context)
  if (source.type === 'url') return fromUrl(source.url, mediaType, context)
  return { inlineData: { mimeType: String(mediaType), data: source.base64 } }
}

const filesApi = 'https://generativelanguage.googleapis.com/v1beta/'

interface Stored {
  readonly owner: unknown
  readonly mediaType: string | undefined
}

/** `files/abc`, or the whole address from the Files API. */
function fromId(id: string, { owner, mediaType }: Stored, { invalid }: WriteContext): MediaPart {
  const isAddress = /^(https:|gs:)\/\//.test(id)
  if (!isAddress && owner === undefined && !id.startsWith('files/'))
    throw invalid(`"${id}" is no file of Gemini's: those are named files/…`, 'foreign_file_id')
  const uri = isAddress ? id : `${filesApi}${id.startsWith('files/') ? '' : 'files/'}${id}`
  return reference(uri, mediaType)
}

function fromUrl(url: string, type: string | undefined, context: WriteContext): MediaPart {
  const { facts, invalid } = context
  if (isOfFilesApi(url) || url.startsWith('gs://')) return reference(url, type)
  if (isYouTube(url)) return reference(url, type ?? 'video/mp4')
  if (!isHttp(url)) throw unsupported('a file whose address is not http or gs', context)
  if (!facts.urls)
    throw invalid(
      `the model takes no address of a file (${origin(url)}): send its bytes, or let the adapter fetch it with gemini({ inlineFiles: { hosts } })`,
      'url_not_taken',
    )
  if (type === undefined)
    throw invalid(
      `the address of a file (${origin(url)}) does not tell its media type: name it in \`format\`, or let the adapter fetch it with gemini({ inlineFiles: { hosts } })`,
      'invalid_part',
    )
  return reference(url, type)
}

/** Addresses that Google reads itself, on any model: they are never downloaded. */
export const isGoogleFile = (url: string): boolean =>
  isOfFilesApi(url) || url.startsWith('gs://') || isYouTube(url)

const isOfFilesApi = (url: string) =>
  /^https:\/\/generativelanguage\.googleapis\.com\/(v1\w*\/)?files\//.test(url)

const isYouTube = (url: string) =>
  /^https?:\/\/((www|m|music)\.)?(youtube\.com|youtu\.be)\//i.test(url)

function reference(fileUri: string, mimeType: string | undefined): MediaPart {
  const fileData: FileData = { fileUri, ...(mimeType !== undefined && { mimeType }) }
  return { fileData }
}

const resolutions: ReadonlyMap<unknown, MediaResolution> = new Map([
  ['low', 'MEDIA_RESOLUTION_LOW'],
  ['medium', 'MEDIA_RESOLUTION_MEDIUM'],
  ['high', 'MEDIA_RESOLUTION_HIGH'],
  ['ultra_high', 'MEDIA_RESOLUTION_ULTRA_HIGH'],
] as const)

/** Per part since Gemini 3. */
function resolution(detail: unknown, { facts, note }: WriteContext): Pick<Part, 'mediaResolution'> {
  if (!isGiven(detail) || detail === 'auto') return {}
  const level = facts.isModern ? resolutions.get(detail) : undefined
  if (level) return { mediaResolution: { level } }
  note('ignored', `the model takes no detail "${String(detail)}" of an image`, 'image_url.detail')
  return {}
}

/** For error messages: the address without path and query. */
const origin = (url: string) => {
  try {
    return new URL(url).origin
  } catch {
    return 'no valid address'
  }
}
