/** Images, sound, video and documents of a message as parts. Nothing is fetched here: an address is handed on or refused. */
import {
  asAudio,
  defined,
  isDataUri,
  isObject,
  type JsonObject,
  type MediaHints,
  mediaType,
  mediaTypeOfName,
  readInlineMedia,
} from '../../chat/index.js'
import type { ModelFacts } from './models.js'
import { badRequest, type Note } from './notes.js'
import type { FileData, InlineData, MediaResolution, Part } from './wire.js'

export interface MediaContext {
  readonly model: string
  readonly facts: ModelFacts
  readonly note: Note
}

export type MediaPart = Pick<Part, 'inlineData' | 'fileData' | 'mediaResolution' | 'videoMetadata'>

type Reader = (part: JsonObject, context: MediaContext) => MediaPart

/** By the type of the part. Beside Chat Completions' own, the two that litellm takes. */
const readers: ReadonlyMap<string, Reader> = new Map([
  ['image_url', fromUrlPart('image_url', 'image/*')],
  ['audio_url', fromUrlPart('audio_url', 'audio/*')],
  ['video_url', fromUrlPart('video_url', 'video/*')],
  ['input_audio', fromAudio],
  ['file', fromFile],
] as const)

/** Undefined for a part that is no file. Throws `BadRequestError` for one that cannot be sent. */
export function toMedia(part: JsonObject, context: MediaContext): MediaPart | undefined {
  const type = String(part.type)
  const media = readers.get(type)?.(part, context)
  return media && { ...media, ...videoMetadata(part[type]) }
}

/** litellm's `video_metadata`, beside the address or the data: `{ fps: 0.2, start_offset: '10s' }`. */
function videoMetadata(given: unknown): Pick<Part, 'videoMetadata'> {
  const said = isObject(given) ? (given.video_metadata ?? given.videoMetadata) : undefined
  if (!isObject(said)) return {}
  const startOffset = text(said.start_offset ?? said.startOffset)
  const endOffset = text(said.end_offset ?? said.endOffset)
  const fps = typeof said.fps === 'number' ? said.fps : undefined
  return { videoMetadata: defined({ startOffset, endOffset, fps }) }
}

function fromUrlPart(member: string, kind: string): Reader {
  return (part, context) => {
    const given = part[member]
    const { url, format, detail } = isObject(given)
      ? given
      : { url: given, format: undefined, detail: undefined }
    if (typeof url !== 'string' || url === '')
      throw badRequest(context.model, `a part of type ${member} has no url`, 'invalid_part')
    return {
      ...fromUrl(url, { said: text(format), kind }, context),
      ...resolution(detail, context),
    }
  }
}

function fromAudio(part: JsonObject, { model }: MediaContext): MediaPart {
  const { data, format } = isObject(part.input_audio) ? part.input_audio : {}
  if (typeof data !== 'string')
    throw badRequest(model, 'a part of type input_audio has no data', 'invalid_part')
  const read = readInlineMedia(data)
  const told = text(format)
  const type = mediaType(told) ?? (told === undefined ? read?.mediaType : `audio/${told}`)
  return inline(read?.base64 ?? data, asAudio(type ?? 'audio/wav'), model)
}

function fromFile(part: JsonObject, context: MediaContext): MediaPart {
  const { model } = context
  const { file_data, file_id, file_url, filename, format } = isObject(part.file) ? part.file : {}
  const said = text(format) ?? mediaTypeOfName(text(filename))
  const data = text(file_data)
  if (data !== undefined && /^(https?|gs):/i.test(data))
    return fromUrl(data, { said, kind: '*/*' }, context)
  if (data !== undefined)
    return fromInline(data, { format: text(format), filename: text(filename) }, model)
  const id = text(file_id)
  if (id !== undefined) return fromId(id, { said, provider: text(part.provider) }, context)
  const url = text(file_url)
  if (url !== undefined) return fromUrl(url, { said, kind: '*/*' }, context)
  throw badRequest(
    model,
    'a part of type file has no file_data, file_id or file_url',
    'invalid_part',
  )
}

const filesApi = 'https://generativelanguage.googleapis.com/v1beta/'

/** `files/abc`, or the whole address that the Files API gave. */
function fromId(
  id: string,
  { said, provider }: { readonly said: string | undefined; readonly provider: string | undefined },
  { model }: MediaContext,
): MediaPart {
  const isAddress = /^(https:|gs:)\/\//.test(id)
  const isOwn = provider === 'gemini' || (provider === undefined && id.startsWith('files/'))
  if (provider !== undefined && provider !== 'gemini')
    throw badRequest(model, `the file ${id} is one of ${provider}`, 'foreign_file_id')
  if (!isAddress && !isOwn)
    throw badRequest(
      model,
      `"${id}" is no file of Gemini's: those are named files/…`,
      'foreign_file_id',
    )
  const uri = isAddress ? id : `${filesApi}${id.startsWith('files/') ? '' : 'files/'}${id}`
  return reference(uri, mediaType(said) ?? mediaTypeOfName(id))
}

interface Said {
  /** The media type that the caller named. */
  readonly said: string | undefined
  /** The kind that the part asks for. */
  readonly kind: string
}

function fromUrl(url: string, { said, kind }: Said, context: MediaContext): MediaPart {
  const { model, facts } = context
  if (isDataUri(url)) return fromInline(url, { format: said }, model)
  const type = mediaType(said) ?? mediaTypeOfName(url)
  if (isOfFilesApi(url) || url.startsWith('gs://')) return reference(url, type)
  if (isYouTube(url)) return reference(url, type ?? 'video/mp4')
  if (!/^https?:\/\//i.test(url))
    throw badRequest(
      model,
      `the url of a ${kind} part is neither an address nor a data URI`,
      'invalid_part',
    )
  if (!facts.urls)
    throw badRequest(
      model,
      `the model takes no address of a file (${origin(url)}): send its bytes, or let the adapter fetch it with gemini({ inlineFiles: { hosts } })`,
      'url_not_taken',
    )
  if (type === undefined)
    throw badRequest(
      model,
      `the address of a file (${origin(url)}) does not tell its media type: name it in \`format\`, or let the adapter fetch it with gemini({ inlineFiles: { hosts } })`,
      'invalid_file',
    )
  return reference(url, type)
}

/** Addresses that Google reads itself, whatever the model: they are never downloaded. */
export const isGoogleFile = (url: string): boolean =>
  isOfFilesApi(url) || url.startsWith('gs://') || isYouTube(url)

const isOfFilesApi = (url: string) =>
  /^https:\/\/generativelanguage\.googleapis\.com\/(v1\w*\/)?files\//.test(url)

const isYouTube = (url: string) =>
  /^https?:\/\/((www|m|music)\.)?(youtube\.com|youtu\.be)\//i.test(url)

function fromInline(data: string, hints: MediaHints, model: string): MediaPart {
  const read = readInlineMedia(data, hints)
  if (!read) throw badRequest(model, 'the data of a file is not well encoded', 'invalid_file')
  if (read.mediaType === undefined)
    throw badRequest(model, 'file_data needs its media type in `format`', 'invalid_file')
  return inline(read.base64, read.mediaType, model)
}

function inline(data: string, mimeType: string, model: string): MediaPart {
  if (data === '') throw badRequest(model, `a file of type ${mimeType} is empty`, 'invalid_file')
  const inlineData: InlineData = { mimeType, data }
  return { inlineData }
}

function reference(fileUri: string, mimeType: string | undefined): MediaPart {
  const fileData: FileData = { fileUri, ...(mimeType !== undefined && { mimeType }) }
  return { fileData }
}

const resolutions: ReadonlyMap<unknown, MediaResolution> = new Map([
  ['low', 'MEDIA_RESOLUTION_LOW'],
  ['medium', 'MEDIA_RESOLUTION_MEDIUM'],
  ['high', 'MEDIA_RESOLUTION_HIGH'],
] as const)

/** Part by part since Gemini 3. */
function resolution(detail: unknown, { facts, note }: MediaContext): Pick<Part, 'mediaResolution'> {
  if (detail === undefined || detail === null || detail === 'auto') return {}
  const level = facts.isModern ? resolutions.get(detail) : undefined
  if (level) return { mediaResolution: { level } }
  note('ignored', `the model takes no detail "${String(detail)}" of an image`, 'image_url.detail')
  return {}
}

/** For messages: the address without path and query. */
const origin = (url: string) => {
  try {
    return new URL(url).origin
  } catch {
    return 'no valid address'
  }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
