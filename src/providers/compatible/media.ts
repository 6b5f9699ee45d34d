/** Content of an answer beside its text: sources, images, audio. */
import {
  type ChatRequest,
  type ChunkOf,
  isDataUri,
  readInlineMedia,
  type UrlCitation,
} from '../../chat/index.js'
import { asNumber, asObject, asText, defined, isObject, nonEmpty } from '../../chat/json.js'
import { urlCitation } from '../answers.js'
import { audioType } from '../extras.js'

/** An annotation of OpenAI or OpenRouter; other kinds are skipped. */
export function toAnnotation(wire: unknown): UrlCitation | undefined {
  const { type, url_citation } = asObject(wire)
  const { url, title, start_index, end_index, content } = asObject(url_citation)
  if (type !== 'url_citation' || typeof url !== 'string') return undefined
  return urlCitation(url, {
    title: asText(title),
    start_index: asNumber(start_index),
    end_index: asNumber(end_index),
    cited_text: asText(content),
  })
}

/** `{ type: 'image_url', image_url: { url } }`, as OpenRouter and litellm send images. */
export function toFile(wire: unknown): ChunkOf<'file'> | undefined {
  const image = isObject(wire) ? wire.image_url : undefined
  const url = isObject(image) ? image.url : image
  if (typeof url !== 'string' || url === '') return undefined
  const read = isDataUri(url) ? readInlineMedia(url) : undefined
  if (read?.mediaType === undefined) return { type: 'file', media_type: 'image/*', url }
  return { type: 'file', media_type: read.mediaType, data: read.base64 }
}

/** A whole audio, or a piece of one. */
export function toAudio(wire: unknown, request: ChatRequest): ChunkOf<'file'> | undefined {
  const { id, data, transcript, expires_at } = asObject(wire)
  const parts = defined({
    file_id: asText(id),
    data: asText(data),
    transcript: asText(transcript),
    expires_at: asNumber(expires_at),
  })
  return nonEmpty(parts) && { type: 'file', media_type: audioType(request), ...parts }
}
