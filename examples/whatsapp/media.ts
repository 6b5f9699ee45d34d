/** Files of people: loaded within bounds, known by their first bytes, asked for again where the link has expired. */
import { createHash } from 'node:crypto'
import type { UserPart } from 'tetrad'
import type { MediaKind } from './content.js'
import type { Graph, MediaInfo } from './graph.js'
import { GraphError } from './graph-error.js'
import { words } from './words.js'

/** Its message is what the person reads. */
export class MediaError extends Error {
  override readonly name = 'MediaError'
}

export interface Media {
  readonly kind: MediaKind
  readonly mediaId: string
  readonly filename: string | undefined
}

const megabyte = 1024 * 1024
/** The API's own limits, but for documents: 100 MB are more than a model reads. */
const maxBytes: Readonly<Record<MediaKind, number>> = {
  image: 5 * megabyte,
  audio: 16 * megabyte,
  document: 20 * megabyte,
}

/** First bytes, from a position on. */
const signatures: readonly (readonly [kind: MediaKind, type: string, at: number, bytes: string])[] =
  [
    ['image', 'image/jpeg', 0, '\xff\xd8\xff'],
    ['image', 'image/png', 0, '\x89PNG'],
    ['image', 'image/webp', 8, 'WEBP'],
    ['audio', 'audio/ogg', 0, 'OggS'],
    ['audio', 'audio/mpeg', 0, 'ID3'],
    ['audio', 'audio/mpeg', 0, '\xff\xfb'],
    ['audio', 'audio/aac', 0, '\xff\xf1'],
    ['audio', 'audio/mp4', 4, 'ftyp'],
    ['audio', 'audio/amr', 0, '#!AMR'],
    ['document', 'application/pdf', 0, '%PDF-'],
  ]

/** Throws `MediaError` for what cannot be used, `GraphError` where the API fails. */
export async function loadMedia(
  graph: Graph,
  { kind, mediaId, filename }: Media,
  signal: AbortSignal,
): Promise<UserPart> {
  const bytes = await loadBytes(graph, mediaId, maxBytes[kind], signal)
  const head = bytes.subarray(0, 16).toString('latin1')
  const found = signatures.find(
    ([of, , at, signature]) => of === kind && head.startsWith(signature, at),
  )
  if (!found) throw new MediaError(words.unreadable)
  return toPart(kind, found[1], bytes.toString('base64'), filename)
}

function toPart(kind: MediaKind, type: string, base64: string, filename = 'file.pdf'): UserPart {
  const url = `data:${type};base64,${base64}`
  if (kind === 'image') return { type: 'image_url', image_url: { url } }
  if (kind === 'document') return { type: 'file', file: { filename, file_data: url } }
  const format = type === 'audio/mpeg' ? 'mp3' : type.slice('audio/'.length)
  return { type: 'input_audio', input_audio: { data: base64, format } }
}

/** A link holds for five minutes: one that has expired, or gave other bytes, is asked for once more. */
async function loadBytes(graph: Graph, mediaId: string, limit: number, signal: AbortSignal) {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const info = await unlessGone(graph.describe(mediaId, signal))
    const bytes = info && (await unlessGone(graph.load(info.url, limit, signal)))
    if (bytes === 'too large') throw new MediaError(words.tooLarge)
    if (bytes && isWhole(bytes, info)) return bytes
  }
  throw new MediaError(words.gone)
}

/** Undefined for what is not there, or not any more. */
const unlessGone = <T>(asked: Promise<T>): Promise<T | undefined> =>
  asked.catch((error: unknown) => {
    const isGone = error instanceof GraphError && [400, 404, 410].includes(error.status)
    if (isGone && !error.isAlarm) return undefined
    throw error
  })

/** Meta gives the sum in hexadecimal. */
const isWhole = (bytes: Buffer, { sha256 }: MediaInfo) =>
  !sha256 || createHash('sha256').update(bytes).digest('hex') === sha256.toLowerCase()
