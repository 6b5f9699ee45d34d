/** Maps content parts to the server's form; throws with a hint if it does not accept them. */
import {
  type CacheControl,
  type Media,
  readMedia,
  type TextPart,
  type UserPart,
} from '../../chat/index.js'
import { asString, defined, type JsonObject, omit } from '../../chat/json.js'
import { unknownPart, unsupported } from '../parts.js'
import { otherMembers } from '../turns.js'
import type { WriteContext } from './models.js'
import type { WireMediaPart, WirePart, WireParts } from './wire.js'

/** Text as one string, which every server accepts; as parts only if a cache mark requires them. */
export function toWireText(
  content: string | readonly TextPart[],
  mark: CacheControl | undefined,
  context: WriteContext,
): string | WireParts {
  const parts = partsOf(content).map((part) => toTextPart(part, context))
  const wire = withMark(parts, mark, context)
  if (wire.some(hasMembers)) return wire
  return wire.map((part) => asString(part.text)).join('\n')
}

export function toWireContent(
  content: string | readonly UserPart[],
  mark: CacheControl | undefined,
  context: WriteContext,
): string | WireParts {
  const parts = partsOf(content).map((part) => toUserPart(part, context))
  const wire = withMark(parts, mark, context)
  const [first, second] = wire
  if (!first) return ''
  return !second && first.type === 'text' && !hasMembers(first) ? asString(first.text) : wire
}

const hasMembers = (part: object) => Object.keys(part).length > 2

export const partsOf = <Part extends UserPart>(
  content: string | readonly Part[],
): readonly (Part | TextPart)[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content

function withMark(parts: WireParts, mark: CacheControl | undefined, context: WriteContext) {
  const last = parts.at(-1)
  if (!mark || !last || last.cache_control) return parts
  return parts.with(-1, { ...last, ...cacheMark(mark, context) })
}

export function toUserPart(part: UserPart, context: WriteContext): WirePart {
  if (part.type === 'text') return toTextPart(part, context)
  const mark = cacheMark(part.cache_control, context)
  const media = readMedia({ ...part }, context)
  if (!media) throw unknownPart(part, context)
  // Mistral's own form, and those of servers with audio and video input
  if (isServerForm({ ...part })) return { ...part, ...mark }
  const others = otherMembers(part, ['type', 'cache_control', 'provider', part.type])
  return { ...others, ...toMediaPart(media, part.type, context), ...mark }
}

const isServerForm = ({ type, input_audio }: JsonObject) =>
  type === 'audio_url' || type === 'video_url' || typeof input_audio === 'string'

function toTextPart(part: TextPart, context: WriteContext): WirePart {
  const { type, text, cache_control, ...others } = part
  // a system message may hold only text
  if (type !== 'text') throw unknownPart(part, context)
  return { ...others, type, text, ...cacheMark(cache_control, context) }
}

function cacheMark(mark: CacheControl | undefined, { traits, note }: WriteContext) {
  if (!mark) return {}
  if (traits.cacheControl) return { cache_control: defined({ type: mark.type, ttl: mark.ttl }) }
  note.ignored('Dropped cache marks: this server caches by itself', 'cache_control')
  return {}
}

/** Images and audio have part types of their own; all else is sent as a file. */
function toMediaPart(media: Media, type: string, context: WriteContext): WirePart {
  const { source, kind, mediaType } = media
  const members = omit(media.members, ['format'])
  if (source.type === 'stored') return { type: 'file', file: { ...members, file_id: source.id } }
  const url = source.type === 'url' ? source.url : `data:${mediaType};base64,${source.base64}`
  if (kind === 'image') return { type: 'image_url', image_url: { ...members, url } }
  if (source.type === 'url') {
    if (!context.traits.fileURLs)
      throw unsupported('a file given by its address', context, byAddress)
    return filePart(url, media.filename ?? nameIn(url), members)
  }
  const format = audioFormat(mediaType)
  // other formats of `input_audio` are passed through
  if (type === 'input_audio' || format === 'wav' || format === 'mp3')
    return { type: 'input_audio', input_audio: { ...members, data: source.base64, format } }
  return filePart(url, media.filename ?? `file.${mediaType?.split('/')[1] ?? 'bin'}`, members)
}

const byAddress =
  'Chat Completions servers do not fetch it; send file_data (inlineFiles does), or set fileURLs: true for a server that fetches it'

const audioFormat = (mediaType = '') => {
  const [top, format] = mediaType.split('/')
  if (top !== 'audio') return undefined
  return format === 'mpeg' ? 'mp3' : format
}

/** Servers require `filename` with data. */
const filePart = (file_data: string, filename: string, members: JsonObject): WireMediaPart => ({
  type: 'file',
  file: { ...members, filename, file_data },
})

const nameIn = (url: string) => {
  const name = URL.canParse(url) ? new URL(url).pathname.split('/').at(-1) : ''
  return name || 'file'
}
