/** Fetches the files that messages name by address and puts their bytes in the place of it, for models that take no addresses. */
import {
  asObject,
  defined,
  isObject,
  type Message,
  mediaType,
  mediaTypeOfData,
  toBase64,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import { download, isListed } from './inline-files-download.js'
import type { Network } from './inline-files-network.js'
import { isGoogleFile } from './media.js'

export interface InlineFilesOptions {
  /** Where files may be fetched from: `cdn.example.com`, `*.example.com`. Nothing else is asked, redirects included. */
  readonly hosts: readonly string[]
  /** Bytes of one file. @default 20_971_520 */
  readonly maxBytes?: number | undefined
  /** Milliseconds for one file. @default 10_000 */
  readonly timeoutMs?: number | undefined
}

export interface InlineContext {
  readonly signal: AbortSignal
  readonly network?: Network
}

/**
 * The messages with data URIs in the place of listed addresses; what is not listed stays as it is. The same address is
 * fetched once. Needs Node. Throws what `download` throws, and `BadRequestError` for a file that is not what it is named.
 */
export async function inlineFiles(
  messages: readonly Message[],
  options: InlineFilesOptions,
  context: InlineContext,
): Promise<readonly Message[]> {
  const wanted = new Set<string>()
  // first look: what is there to fetch
  mapUrls(messages, (url, isMedia) => {
    if (isListed(url, options.hosts) && !isGoogleFile(url)) wanted.add(keyOf(url, isMedia))
    return url
  })
  if (wanted.size === 0) return messages
  const files = new Map(
    await Promise.all(
      [...wanted].map(async (key) => [key, await toDataUri(key, options, context)] as const),
    ),
  )
  return mapUrls(messages, (url, isMedia) => files.get(keyOf(url, isMedia)) ?? url)
}

/** The same address may be asked for as an image and as a file. */
const keyOf = (url: string, isMedia: boolean) => `${isMedia ? 'media' : 'file'} ${url}`

async function toDataUri(
  key: string,
  { hosts, maxBytes = 20 * 1024 * 1024, timeoutMs = 10_000 }: InlineFilesOptions,
  context: InlineContext,
): Promise<string> {
  const [kind, url = ''] = key.split(/ (.*)/s)
  const { bytes, contentType } = await download(url, { hosts, maxBytes, timeoutMs, ...context })
  const data = toBase64(bytes)
  const type = mediaTypeOfData(data) ?? textType(bytes, contentType)
  if (type === undefined || (kind === 'media' && type.startsWith('text/')))
    throw new BadRequestError(
      `The file at ${new URL(url).origin} is of no type that can be told by its bytes`,
      { provider: 'gemini', status: 400, code: 'invalid_file', phase: 'request' },
    )
  return `data:${type};base64,${data}`
}

/** Text has no first bytes of its own: it must be named so, and be UTF-8. */
function textType(bytes: Uint8Array, contentType: string | undefined): string | undefined {
  const type = mediaType(contentType) ?? ''
  const isText = type.startsWith('text/') || type === 'application/json'
  if (!isText || bytes.length === 0 || bytes.includes(0)) return undefined
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return type === 'application/json' ? 'text/plain' : type
  } catch {
    return undefined
  }
}

type MapUrl = (url: string, isMedia: boolean) => string

/** A copy of the messages with each address of a file mapped; what holds none stays the same object. */
function mapUrls(messages: readonly Message[], map: MapUrl): readonly Message[] {
  return messages.map((message) => {
    // only what is a part is looked into; all else is the message converter's to judge
    if (!isObject(message)) return message
    const { content, images } = asObject(message)
    const mapped = (parts: unknown) =>
      Array.isArray(parts) ? parts.map((part) => mapPart(part, map)) : undefined
    return { ...message, ...defined({ content: mapped(content), images: mapped(images) }) }
  })
}

const urlMembers = ['image_url', 'audio_url', 'video_url'] as const

function mapPart<Part>(part: Part, map: MapUrl): Part {
  if (!isObject(part)) return part
  for (const member of urlMembers) {
    const given = part[member]
    if (typeof given === 'string') return { ...part, [member]: map(given, true) }
    if (isObject(given) && typeof given.url === 'string')
      return { ...part, [member]: { ...given, url: map(given.url, true) } }
  }
  const { file } = part
  if (!isObject(file) || typeof file.file_url !== 'string') return part
  const url = map(file.file_url, false)
  if (url === file.file_url) return part
  const { file_url: _, ...rest } = file
  return { ...part, file: { ...rest, file_data: url } }
}
