/** Content parts: each as the server takes it, or an error that says what to do. */
import {
  type CacheControl,
  defined,
  type FilePart,
  type ImagePart,
  isDataUri,
  isObject,
  readInlineMedia,
  type TextPart,
  type UserPart,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import type { Warn } from '../adapter.js'
import type { ServerTraits } from './models.js'
import type { WireFilePart, WireImagePart, WireTextPart, WireUserPart } from './wire.js'

export interface PartContext {
  readonly provider: string
  readonly traits: ServerTraits
  readonly warn: Warn
}

/** Text alone as one string, which every server takes; parts only where a cache mark must stand on one of them. */
export function toWireText(
  content: string | readonly TextPart[],
  mark: CacheControl | undefined,
  context: PartContext,
): string | readonly WireTextPart[] {
  const parts = partsOf(content, context)
  const wire = withMark(
    parts.map((part) => toTextPart(part, context)),
    mark,
    context,
  )
  if (wire.some((part) => part.cache_control)) return wire
  return wire.map((part) => part.text).join('\n')
}

/** The content of a user message. */
export function toWireContent(
  content: string | readonly UserPart[],
  mark: CacheControl | undefined,
  context: PartContext,
): string | readonly WireUserPart[] {
  const parts = partsOf(content, context)
  const wire = withMark(
    parts.map((part) => toUserPart(part, context)),
    mark,
    context,
  )
  const [first] = wire
  if (!first) return ''
  const isPlain = wire.length === 1 && first.type === 'text' && !first.cache_control
  return isPlain ? first.text : wire
}

/** Content as parts. Throws `BadRequestError` for what is neither text nor a list. */
export function partsOf<Part extends UserPart>(
  content: string | readonly Part[],
  { provider }: PartContext,
): readonly (Part | TextPart)[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if (Array.isArray(content) && content.every((part): boolean => isObject(part))) return content
  throw new BadRequestError('The content of a message is text, or a list of parts', {
    provider,
    code: 'invalid_content',
    status: 400,
  })
}

/** A mark on the message stands on its last part. */
function withMark<Part extends WireUserPart>(
  parts: readonly Part[],
  mark: CacheControl | undefined,
  context: PartContext,
): readonly Part[] {
  const last = parts.at(-1)
  if (!mark || !last || last.cache_control) return parts
  return [...parts.slice(0, -1), { ...last, ...cacheMark(mark, context) }]
}

export function toUserPart(part: UserPart, context: PartContext): WireUserPart {
  switch (part.type) {
    case 'text':
      return toTextPart(part, context)
    case 'image_url':
      return toImagePart(part, context)
    case 'input_audio': {
      const { data, format } = part.input_audio
      // other short names are for the server to judge
      const audio = { data: readInlineMedia(data)?.base64 ?? data, format: format as 'wav' | 'mp3' }
      return { type: 'input_audio', input_audio: audio, ...cacheMark(part.cache_control, context) }
    }
    case 'file':
      return { ...toFilePart(part, context), ...cacheMark(part.cache_control, context) }
    default:
      part satisfies never
      throw unknownPart(part, context)
  }
}

function toTextPart(part: TextPart, context: PartContext): WireTextPart {
  const { text, cache_control } = part
  // nothing but text may stand in a system message
  if (typeof text !== 'string') throw unknownPart(part, context)
  return { type: 'text', text, ...cacheMark(cache_control, context) }
}

function toImagePart({ image_url, cache_control }: ImagePart, context: PartContext): WireImagePart {
  const { url, detail } = typeof image_url === 'string' ? { url: image_url } : image_url
  return {
    type: 'image_url',
    // other levels of detail are for the server to judge
    image_url: {
      url: imageUrl(url),
      ...(detail !== undefined && { detail: detail as 'auto' | 'low' | 'high' }),
    },
    ...cacheMark(cache_control, context),
  }
}

/** An image inside the request as base64, which is all that servers read; what is no such image is theirs to judge. */
function imageUrl(url: string): string {
  const read = isDataUri(url) ? readInlineMedia(url) : undefined
  return read?.mediaType === undefined ? url : `data:${read.mediaType};base64,${read.base64}`
}

function cacheMark(mark: CacheControl | undefined, { traits, warn, provider }: PartContext) {
  if (!mark) return {}
  if (traits.cacheControl) return { cache_control: defined({ type: mark.type, ttl: mark.ttl }) }
  warn({
    code: 'ignored',
    param: 'cache_control',
    provider,
    message: 'Cache marks were left out: this server finds what it can cache by itself',
  })
  return {}
}

/** Images and sound have parts of their own; all else goes as a file. */
function toFilePart({ file, provider }: FilePart, context: PartContext): WireUserPart {
  const { file_id, file_url, file_data, filename } = file
  if (file_id !== undefined) {
    if (provider !== undefined && provider !== context.provider)
      throw badFile(`the file ${file_id} is known to ${provider} only`, context)
    return { type: 'file', file: { file_id } }
  }
  const url = file_url ?? (isAddress(file_data) ? file_data : undefined)
  if (url !== undefined) return fromAddress(url, file, context)
  if (file_data === undefined)
    throw badFile('a file part has neither file_data, file_id nor file_url', context)
  return fromData(file_data, file.format, filename)
}

function fromAddress(url: string, file: FilePart['file'], context: PartContext): WireUserPart {
  if (file.format?.startsWith('image/')) return { type: 'image_url', image_url: { url } }
  if (context.traits.fileURLs)
    return { type: 'file', file: { file_data: url, filename: file.filename ?? nameIn(url) } }
  throw badFile(
    'a file is given by its address, which Chat Completions servers do not fetch: send it as file_data (inlineFiles does that), or set fileURLs: true for a server that does',
    context,
  )
}

function fromData(
  file_data: string,
  format: string | undefined,
  filename: string | undefined,
): WireUserPart {
  const read = readInlineMedia(file_data, { format, filename })
  if (read?.mediaType === undefined) return filePart(file_data, filename ?? 'file')
  const { mediaType: type, base64: data } = read
  const url = `data:${type};base64,${data}`
  if (type.startsWith('image/')) return { type: 'image_url', image_url: { url } }
  const sound = soundFormats.get(type)
  if (sound) return { type: 'input_audio', input_audio: { data, format: sound } }
  return filePart(url, filename ?? `file.${type.split('/')[1] ?? 'bin'}`)
}

/** `filename` is demanded wherever data is sent. */
const filePart = (file_data: string, filename: string): WireFilePart => ({
  type: 'file',
  file: { filename, file_data },
})

const soundFormats: ReadonlyMap<string, 'wav' | 'mp3'> = new Map([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
])

const isAddress = (data: string | undefined): data is string =>
  data !== undefined && /^https?:\/\//i.test(data)

const nameIn = (url: string) => {
  const name = URL.canParse(url) ? new URL(url).pathname.split('/').at(-1) : ''
  return name || 'file'
}

const badFile = (what: string, { provider }: PartContext) =>
  new BadRequestError(`Not sent to ${provider}: ${what}`, {
    provider,
    code: 'invalid_file',
    status: 400,
  })

const unknownPart = (part: { readonly type?: unknown }, { provider }: PartContext) =>
  new BadRequestError(`A content part of type ${JSON.stringify(part.type)} cannot stand there`, {
    provider,
    code: 'invalid_part',
    status: 400,
  })
