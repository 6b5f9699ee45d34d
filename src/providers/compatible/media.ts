/** What stands beside the text of an answer: sources, images, sound. */
import {
  type ChatRequest,
  type ChunkOf,
  defined,
  isDataUri,
  isObject,
  readInlineMedia,
  type UrlCitation,
} from '../../chat/index.js'
import { audioType } from '../unknown-members.js'

/** An annotation of OpenAI or OpenRouter; other kinds are passed over. */
export function toAnnotation(wire: unknown): UrlCitation | undefined {
  const citation = isObject(wire) && wire.type === 'url_citation' ? wire.url_citation : undefined
  if (!isObject(citation) || typeof citation.url !== 'string') return undefined
  const { url, title, start_index, end_index, content } = citation
  return {
    type: 'url_citation',
    url_citation: {
      url,
      ...defined({
        title: string(title),
        start_index: number(start_index),
        end_index: number(end_index),
        cited_text: string(content),
      }),
    },
  }
}

/** `{ type: 'image_url', image_url: { url } }`, as OpenRouter and litellm give images. */
export function toFile(wire: unknown): ChunkOf<'file'> | undefined {
  const image = isObject(wire) ? wire.image_url : undefined
  const url = isObject(image) ? image.url : image
  if (typeof url !== 'string' || url === '') return undefined
  const read = isDataUri(url) ? readInlineMedia(url) : undefined
  if (read?.mediaType === undefined) return { type: 'file', media_type: 'image/*', url }
  return { type: 'file', media_type: read.mediaType, data: read.base64 }
}

/** A whole sound, or the next piece of one. */
export function toSound(wire: unknown, request: ChatRequest): ChunkOf<'file'> | undefined {
  if (!isObject(wire)) return undefined
  const { id, data, transcript, expires_at } = wire
  const parts = defined({
    file_id: string(id),
    data: string(data),
    transcript: string(transcript),
    expires_at: number(expires_at),
  })
  if (Object.keys(parts).length === 0) return undefined
  return { type: 'file', media_type: audioType(request), ...parts }
}

const string = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined
