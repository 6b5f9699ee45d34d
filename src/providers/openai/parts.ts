/** Content parts to the wire: each as the API takes it, or an error that says what to do. */
import {
  type AudioPart,
  type CacheControl,
  extensionOf,
  type FilePart,
  type ImagePart,
  readInlineMedia,
  type UserPart,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import type {
  InputAudio,
  InputFile,
  InputImage,
  InputPart,
  InputText,
  Profile,
  Warn,
} from './wire.js'

/** For whom a part is written. */
export interface PartContext {
  readonly profile: Profile
  readonly model: string
  /** Each text of a warning once. */
  readonly warn: Warn
}

/** The content of a message; a mark on the message stands on its last part. */
export function toContent(
  content: string | readonly UserPart[],
  mark: CacheControl | undefined,
  context: PartContext,
): string | readonly InputPart[] {
  if (typeof content === 'string')
    return mark && takesMark(context) ? [marked(toText(content))] : content
  if (!Array.isArray(content))
    throw refused('a message whose content is no text and no list', context)
  const parts = content.map((part: UserPart) => toPart(part, context))
  const last = parts.at(-1)
  return mark && last && takesMark(context) ? [...parts.slice(0, -1), marked(last)] : parts
}

/** Throws `BadRequestError` for a part that cannot be sent. */
export function toPart(part: UserPart, context: PartContext): InputPart {
  const wire = partWithoutMark(part, context)
  return part.cache_control && takesMark(context) ? marked(wire) : wire
}

function partWithoutMark(part: UserPart, context: PartContext): InputPart {
  // what comes from a program without types may be anything
  switch (part?.type) {
    case 'text':
      if (typeof part.text !== 'string') throw refused('a text part without text', context)
      return toText(part.text)
    case 'image_url':
      return toImage(part, context)
    case 'input_audio':
      return toAudio(part, context)
    case 'file':
      return toFile(part, context)
    default:
      throw refused(`a content part of type ${JSON.stringify((part as UserPart)?.type)}`, context)
  }
}

const toText = (text: string): InputText => ({ type: 'input_text', text })

/** OpenAI: `prompt_cache_breakpoint` of `ResponseInputText` and its neighbours. */
const marked = <Part extends InputPart>(part: Part): Part =>
  part.type === 'input_audio'
    ? part
    : { ...part, prompt_cache_breakpoint: { mode: 'explicit' } as const }

function takesMark({ profile, model, warn }: PartContext): boolean {
  if (profile.takesCacheMarks(model)) return true
  warn({
    code: 'ignored',
    param: 'cache_control',
    provider: profile.provider,
    message: `cache_control was left out: ${model} caches prompts by itself, without marks`,
  })
  return false
}

const details = ['low', 'high', 'auto', 'original'] as const

function toImage({ image_url }: ImagePart, context: PartContext): InputImage {
  const { url, detail, format } = typeof image_url === 'string' ? { url: image_url } : image_url
  return {
    type: 'input_image',
    image_url: imageUrl(url, format, context),
    detail: details.find((known) => known === detail) ?? 'auto',
  }
}

/** An address as it is; base64 with its media type. */
function imageUrl(url: unknown, format: string | undefined, context: PartContext): string {
  if (typeof url !== 'string' || url === '') throw refused('an image without an address', context)
  if (isAddress(url)) return url
  const data = readInlineMedia(url, { format })
  if (data?.mediaType === undefined)
    throw refused('an image that is neither an http address nor a data URI', context)
  if (!data.mediaType.startsWith('image/'))
    throw refused(`an image of type ${data.mediaType}: send it as a file`, context)
  if (data.base64 === '') throw refused('an image of no bytes', context)
  return `data:${data.mediaType};base64,${data.base64}`
}

function toAudio({ input_audio }: AudioPart, context: PartContext): InputAudio {
  const { data, format } = input_audio
  if (!context.profile.takesAudio(context.model))
    throw refused(
      `audio: ${context.model} does not take it on this API (hear() makes text of it)`,
      context,
    )
  if (format !== 'mp3' && format !== 'wav')
    throw refused(`audio of format ${format}: known are mp3 and wav`, context)
  return {
    type: 'input_audio',
    input_audio: { data: readInlineMedia(data)?.base64 ?? data, format },
  }
}

function toFile(part: FilePart, context: PartContext): InputFile | InputImage | InputAudio {
  const { file, provider } = part
  const { file_id, file_url, file_data, filename, format } = file
  const isImage = format?.startsWith('image/') === true
  if (file_id) {
    if (provider !== undefined && provider !== context.profile.provider)
      throw refused(`the file ${file_id}, which is known to ${provider} alone`, context)
    return isImage
      ? { type: 'input_image', file_id, detail: 'auto' }
      : { type: 'input_file', file_id }
  }
  const address = file_url ?? (file_data && isAddress(file_data) ? file_data : undefined)
  if (address !== undefined) {
    if (!isAddress(address)) throw refused('a file whose address is not http', context)
    return isImage
      ? { type: 'input_image', image_url: address, detail: 'auto' }
      : { type: 'input_file', file_url: address }
  }
  if (!file_data) throw refused('a file without file_id, file_url or file_data', context)
  return fromData({ file_data, filename, format }, context)
}

interface FileData {
  readonly file_data: string
  readonly filename: string | undefined
  readonly format: string | undefined
}

function fromData({ file_data, filename, format }: FileData, context: PartContext) {
  const data = readInlineMedia(file_data, { format, filename })
  if (data?.mediaType === undefined)
    throw refused('a file without a media type: give format, filename or a data URI', context)
  const { mediaType, base64 } = data
  if (base64 === '') throw refused('a file of no bytes', context)
  if (mediaType.startsWith('image/'))
    return toImage({ type: 'image_url', image_url: `data:${mediaType};base64,${base64}` }, context)
  const sound = sounds.get(mediaType)
  if (sound)
    return toAudio({ type: 'input_audio', input_audio: { data: base64, format: sound } }, context)
  if (!context.profile.takesInlineFiles)
    throw refused(
      'the bytes of a document: upload it and send its file_id, or its address',
      context,
    )
  return {
    type: 'input_file',
    filename: filename ?? `file.${extensionOf(mediaType)}`,
    file_data: `data:${mediaType};base64,${base64}`,
  } as const
}

const isAddress = (url: string) => /^https?:\/\//i.test(url)

const sounds: ReadonlyMap<string, 'wav' | 'mp3'> = new Map([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
])

const refused = (what: string, { profile, model }: PartContext) =>
  new BadRequestError(`${profile.provider}/${model} cannot be sent ${what}`, {
    provider: profile.provider,
    model,
    status: 400,
    code: 'invalid_part',
    phase: 'request',
  })
