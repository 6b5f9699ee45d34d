/** Files and sources of a UI message, and the content of a user message. */
import type {
  Annotation,
  AssistantMessage,
  OutputAudio,
  OutputFile,
  OutputImage,
  UserPart,
} from '../../../chat/index.js'
import type { UiPart } from './wire.js'

/** A user's content; a single text is a string. The page's own parts (`data-*`) reach no model. */
export function userContent(parts: readonly UiPart[]): string | readonly UserPart[] {
  const content = parts.flatMap(toUserPart)
  const [first] = content
  return content.length === 1 && first?.type === 'text' ? first.text : content
}

function toUserPart(part: UiPart): readonly UserPart[] {
  if (part.type === 'text' && typeof part.text === 'string')
    return part.text === '' ? [] : [{ type: 'text', text: part.text }]
  if (part.type !== 'file' || typeof part.url !== 'string') return []
  return [toFilePart(part.url, mediaTypeOf(part, part.url), part.filename)]
}

function toFilePart(url: string, mediaType: string | undefined, filename: unknown): UserPart {
  const format = mediaType && !mediaType.endsWith('/*') ? { format: mediaType } : {}
  const isData = /^data:/i.test(url)
  if (mediaType?.startsWith('image/'))
    return { type: 'image_url', image_url: { url, ...(!isData && format) } }
  const data = base64Of(url)
  if (mediaType?.startsWith('audio/') && data !== undefined)
    return { type: 'input_audio', input_audio: { data, format: audioFormat(mediaType) } }
  return {
    type: 'file',
    file: {
      ...(isData ? { file_data: url } : { file_url: url }),
      ...(typeof filename === 'string' && filename !== '' && { filename }),
      ...format,
    },
  }
}

/** The media type of the part, else of its data URI, without parameters. */
function mediaTypeOf({ mediaType }: UiPart, url: string): string | undefined {
  const specified = typeof mediaType === 'string' && mediaType !== '' ? mediaType : dataType(url)
  return specified?.split(';')[0]?.trim().toLowerCase()
}

const dataType = (url: string) => /^data:([^;,]+)/i.exec(url)?.[1]

function base64Of(url: string): string | undefined {
  const comma = url.indexOf(',')
  return /^data:[^,]*;base64,/i.test(url.slice(0, comma + 1)) ? url.slice(comma + 1) : undefined
}

/** The format as Chat Completions name it; browsers send audio/mpeg and audio/x-wav. */
function audioFormat(mediaType: string): string {
  const name = mediaType.slice('audio/'.length).replace(/^(?:x-|vnd\.)/, '')
  return name === 'mpeg' ? 'mp3' : name === 'wave' ? 'wav' : name
}

/** The sources of an answer. */
export const annotationsOf = (parts: readonly UiPart[]): readonly Annotation[] =>
  parts.flatMap((part) => toAnnotation(part) ?? [])

/** The files of an answer by kind; empty kinds are omitted. */
export function mediaOf(
  parts: readonly UiPart[],
): Pick<AssistantMessage, 'images' | 'audio' | 'files'> {
  const images: OutputImage[] = []
  const files: OutputFile[] = []
  const audios: OutputAudio[] = []
  for (const part of parts) {
    if (part.type !== 'file' || typeof part.url !== 'string') continue
    const media_type = mediaTypeOf(part, part.url) ?? 'application/octet-stream'
    const data = base64Of(part.url)
    if (media_type.startsWith('image/'))
      images.push({ type: 'image_url', image_url: { url: part.url } })
    else if (media_type.startsWith('audio/') && data !== undefined && audios.length === 0)
      audios.push({ data, format: media_type.slice('audio/'.length) })
    else if (data !== undefined) files.push({ media_type, data })
  }
  const [audio] = audios
  return {
    ...(images.length > 0 && { images }),
    ...(audio && { audio }),
    ...(files.length > 0 && { files }),
  }
}

function toAnnotation({ type, url, title, filename }: UiPart): Annotation | undefined {
  const named = typeof title === 'string' ? { title } : {}
  if (type === 'source-url' && typeof url === 'string')
    return { type: 'url_citation', url_citation: { url, ...named } }
  if (type !== 'source-document') return undefined
  const name = filename ?? title
  return {
    type: 'file_citation',
    file_citation: typeof name === 'string' ? { filename: name } : {},
  }
}
