/** Inlines bytes of files that messages name by address, for models that accept no addresses. */
import { type Message, mediaType, mediaTypeOfData, toBase64 } from '../../chat/index.js'
import { asObject, defined, isObject } from '../../chat/json.js'
import { BadRequestError } from '../../core/index.js'
import { type DownloadOptions, download, isListed } from '../../transport/download.js'
import type { Network } from '../../transport/download-network.js'
import { isGoogleFile } from './media.js'

export interface InlineFilesOptions {
  /** The only hosts to download from, also by redirect: `cdn.example.com`, `*.example.com`. */
  readonly hosts: readonly string[]
  /** Maximum bytes of one file. @default 20_971_520 */
  readonly maxBytes?: number | undefined
  /** Time limit for one file. Milliseconds. @default 10_000 */
  readonly timeoutMs?: number | undefined
}

export interface InlineContext {
  readonly signal: AbortSignal
  readonly network?: Network
}

/**
 * Returns the messages with data URIs in place of listed addresses; others are unchanged. Each
 * address is fetched once. Requires Node. Throws the errors of `download`, and `BadRequestError`
 * for a file whose bytes do not show its type.
 */
export async function inlineFiles(
  messages: readonly Message[],
  options: InlineFilesOptions,
  context: InlineContext,
): Promise<readonly Message[]> {
  const { hosts, maxBytes = 20 * 1024 * 1024, timeoutMs = 10_000 } = options
  const downloading = { hosts, maxBytes, timeoutMs, provider: 'gemini', ...context }
  const wanted = new Map<string, Promise<string>>()
  // first pass: fetch each address once
  mapUrls(messages, (url, isMedia) => {
    const key = keyOf(url, isMedia)
    if (isListed(url, hosts) && !isGoogleFile(url) && !wanted.has(key))
      wanted.set(key, toDataUri(new URL(url), isMedia, downloading))
    return url
  })
  if (wanted.size === 0) return messages
  const addresses = [...wanted.keys()]
  const uris = await Promise.all(wanted.values())
  return mapUrls(messages, (url, isMedia) => uris[addresses.indexOf(keyOf(url, isMedia))] ?? url)
}

/** The same address may be both an image and a file. */
const keyOf = (url: string, isMedia: boolean) => `${isMedia ? 'media' : 'file'} ${url}`

async function toDataUri(url: URL, isMedia: boolean, options: DownloadOptions): Promise<string> {
  const { bytes, contentType } = await download(url, options)
  const data = toBase64(bytes)
  const type = mediaTypeOfData(data) ?? textType(bytes, contentType)
  if (type === undefined || (isMedia && type.startsWith('text/')))
    throw new BadRequestError(
      `The file at ${url.origin} has no media type that can be recognized by its bytes`,
      { provider: 'gemini', status: 400, code: 'invalid_file', phase: 'request' },
    )
  return `data:${type};base64,${data}`
}

/** Text has no signature bytes: it must be declared as text, and be UTF-8. */
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

/** Copies the messages and maps each file address; parts without one stay the same object. */
function mapUrls(messages: readonly Message[], map: MapUrl): readonly Message[] {
  return messages.map((message) => {
    // invalid values are left to the message converter
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
  const { file_url, ...rest } = asObject(part.file)
  const url = typeof file_url === 'string' ? map(file_url, false) : file_url
  return url === file_url ? part : { ...part, file: { ...rest, file_data: url } }
}
