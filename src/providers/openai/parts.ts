/** Maps content parts to the wire; throws with a hint if the API does not accept them. */
import {
  type CacheControl,
  extensionOf,
  isHttp,
  type Media,
  type UserPart,
} from '../../chat/index.js'
import { defined, type JsonObject, pick } from '../../chat/json.js'
import { readFilePart, reportPart, unsupported } from '../parts.js'
import type {
  FieldContext,
  InputAudio,
  InputFile,
  InputImage,
  InputPart,
  InputText,
} from './wire.js'

/** The content of a message; a mark of the message is set on its last part. */
export function toContent(
  content: string | readonly UserPart[],
  mark: CacheControl | undefined,
  context: FieldContext,
): string | readonly InputPart[] {
  if (typeof content === 'string')
    return mark && takesMark(mark, context) ? [marked(toText(content))] : content
  const parts = content.map((part) => toPart(part, context))
  const last = parts.at(-1)
  return mark && last && takesMark(mark, context) ? parts.with(-1, marked(last)) : parts
}

/** Throws `BadRequestError` for a part that cannot be sent. */
export function toPart(part: UserPart, context: FieldContext): InputPart {
  const wire = partWithoutMark({ ...part }, context)
  return part.cache_control && takesMark(part.cache_control, context) ? marked(wire) : wire
}

/** Native parts of the Responses API. */
const ownForms: readonly unknown[] = ['input_text', 'input_image', 'input_file']

const ownMembers = ['prompt_cache_breakpoint']

function partWithoutMark(part: JsonObject, context: FieldContext): InputPart {
  // native parts are passed through
  if (ownForms.includes(part.type)) return part
  const own = context.profile.takesCacheMarks(context.model) ? ownMembers : []
  const kept = pick(part, own)
  if (part.type !== 'text') {
    const media = readFilePart(part, { beside: own, inside: ['format', 'detail'] }, context)
    return { ...toMediaPart(media, context), ...kept }
  }
  reportPart(part, own, context)
  return { ...toText(String(part.text)), ...kept }
}

const toText = (text: string): InputText => ({ type: 'input_text', text })

/** OpenAI: `prompt_cache_breakpoint` of `ResponseInputText` and its neighbors. */
const marked = (part: InputPart): InputPart =>
  part.type === 'input_audio' ? part : { ...part, prompt_cache_breakpoint: { mode: 'explicit' } }

function takesMark({ ttl }: CacheControl, { profile, model, note }: FieldContext): boolean {
  const isTaken = profile.takesCacheMarks(model)
  const lost = isTaken
    ? ttl && 'The ttl of cache marks was left out: it is set for a whole request'
    : `cache_control was left out: ${model} caches prompts by itself, without marks`
  if (lost) note.ignored(lost, 'cache_control')
  return isTaken
}

// -- files -------------------------------------------------------------------------------------------------------------

function toMediaPart(media: Media, context: FieldContext): InputFile | InputImage | InputAudio {
  const { source, kind } = media
  if (source.type === 'url' && !isHttp(source.url))
    throw unsupported('a file whose address is not http', context)
  if (kind === 'image') return toImage(media, context)
  if (kind === 'audio' && source.type === 'data') return toAudio(media, source.base64, context)
  const detail = fileDetails.find((known) => known === media.members.detail)
  return { type: 'input_file', ...defined({ ...fileOf(media, context), detail }) }
}

const fileDetails = ['low', 'high', 'auto'] as const

const details = ['low', 'high', 'auto', 'original'] as const

function toImage({ source, mediaType, members }: Media, { note }: FieldContext): InputImage {
  const detail = details.find((known) => known === members.detail)
  if (detail === undefined && members.detail !== undefined)
    note.changed(`detail ${JSON.stringify(members.detail)} of an image was sent as auto`)
  const shared = { type: 'input_image', detail: detail ?? 'auto' } as const
  if (source.type === 'stored') return { ...shared, file_id: source.id }
  const image_url = source.type === 'url' ? source.url : `data:${mediaType};base64,${source.base64}`
  return { ...shared, image_url }
}

const formats: Readonly<Record<string, 'wav' | 'mp3'>> = { 'audio/wav': 'wav', 'audio/mpeg': 'mp3' }

function toAudio({ mediaType = '' }: Media, data: string, context: FieldContext): InputAudio {
  const { profile, model } = context
  if (!profile.takesAudio(model))
    throw unsupported('audio', context, `${model} accepts none on this API, hear() transcribes it`)
  const format = formats[mediaType]
  if (!format) throw unsupported(`audio of type ${mediaType}`, context, 'the API takes mp3 and wav')
  return { type: 'input_audio', input_audio: { data, format } }
}

function fileOf({ source, filename, mediaType }: Media, context: FieldContext) {
  if (source.type === 'stored') return { file_id: source.id }
  if (source.type === 'url') return { file_url: source.url }
  if (!context.profile.takesInlineFiles)
    throw unsupported('the bytes of a document', context, 'send its file_id or its address')
  return {
    filename: filename ?? `file.${extensionOf(String(mediaType))}`,
    file_data: `data:${mediaType};base64,${source.base64}`,
  }
}
