/** What stands beside the text of an answer: sources, images, sound. */
import {
  asNumber,
  asText,
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
        title: asText(title),
        start_index: asNumber(start_index),
        end_index: asNumber(end_index),
        cited_text: asText(content),
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
    file_id: asText(id),
    data: asText(data),
    transcript: asText(transcript),
    expires_at: asNumber(expires_at),
  })
  if (Object.keys(parts).length === 0) return undefined
  return { type: 'file', media_type: audioType(request), ...parts }
}
