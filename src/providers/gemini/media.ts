/** Maps images, audio, video and documents to parts. Downloads nothing: sends or refuses URLs. */
import { isHttp, type Media } from '../../chat/index.js'
import { asText, defined, isGiven, isObject, type JsonObject, pick } from '../../chat/json.js'
import { readFilePart, unsupported } from '../parts.js'
import type { WriteContext } from './models.js'
import type { MediaResolution, Part } from './wire.js'

export type MediaPart = Pick<Part, 'inlineData' | 'fileData' | 'mediaResolution' | 'videoMetadata'>

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
  const given = members.video_metadata ?? members.videoMetadata
  if (!isObject(given)) return {}
  const startOffset = asText(given.start_offset ?? given.startOffset)
  const endOffset = asText(given.end_offset ?? given.endOffset)
  const fps = typeof given.fps === 'number' ? given.fps : undefined
  return { videoMetadata: defined({ startOffset, endOffset, fps }) }
}

function toMediaPart(media: Media, owner: unknown, context: WriteContext): MediaPart {
  const { source, mediaType } = media
  if (source.type === 'stored') return reference(addressOf(source.id, owner, context), mediaType)
  if (source.type === 'url') return fromUrl(source.url, mediaType, context)
  return { inlineData: { mimeType: String(mediaType), data: source.base64 } }
}

const filesApi = 'https://generativelanguage.googleapis.com/v1beta/'

/** `files/abc`, or the whole address from the Files API. */
function addressOf(id: string, owner: unknown, { invalid }: WriteContext): string {
  if (/^(https:|gs:)\/\//.test(id)) return id
  if (owner === undefined && !id.startsWith('files/'))
    throw invalid(`"${id}" is not a file of Gemini: those are named files/…`, 'foreign_file_id')
  return `${filesApi}${id.startsWith('files/') ? '' : 'files/'}${id}`
}

function fromUrl(url: string, type: string | undefined, context: WriteContext): MediaPart {
  const { facts, invalid } = context
  if (isGoogleFile(url)) return reference(url, isYouTube(url) ? (type ?? 'video/mp4') : type)
  if (!isHttp(url)) throw unsupported('a file whose address is not http or gs', context)
  // without path and query
  const origin = URL.canParse(url) ? new URL(url).origin : 'not a valid address'
  if (!facts.urls)
    throw invalid(
      `the model accepts no address of a file (${origin}): send its bytes, or let the adapter fetch it with gemini({ inlineFiles: { hosts } })`,
      'url_not_taken',
    )
  if (type === undefined)
    throw invalid(
      `the address of a file (${origin}) does not show its media type: set it in \`format\`, or let the adapter fetch it with gemini({ inlineFiles: { hosts } })`,
      'invalid_part',
    )
  return reference(url, type)
}

/** Addresses that Google reads itself, on any model: they are never downloaded. */
export const isGoogleFile = (url: string): boolean =>
  url.startsWith('gs://') ||
  /^https:\/\/generativelanguage\.googleapis\.com\/(v1\w*\/)?files\//.test(url) ||
  isYouTube(url)

const isYouTube = (url: string) =>
  /^https?:\/\/((www|m|music)\.)?(youtube\.com|youtu\.be)\//i.test(url)

const reference = (fileUri: string, mimeType: string | undefined): MediaPart => ({
  fileData: { fileUri, ...(mimeType !== undefined && { mimeType }) },
})

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
  note.ignored(
    `the model does not accept the detail "${String(detail)}" of an image`,
    'image_url.detail',
  )
  return {}
}
