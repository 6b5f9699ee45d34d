/** Files of an answer, sorted as the server sorts them: images, one audio, the rest. */
import {
  type AssistantMessage,
  defined,
  type FileChunk,
  type OutputFile,
  type OutputImage,
} from '../chat/index.js'

/** `images`, `audio` and `files` of a message; empty ones are omitted. */
export function toMedia(
  chunks: readonly FileChunk[],
): Pick<AssistantMessage, 'images' | 'audio' | 'files'> {
  const images: OutputImage[] = []
  const files: OutputFile[] = []
  const audioChunks: FileChunk[] = []
  for (const chunk of chunks) {
    const { media_type, data, url, file_id, name } = chunk
    const kind = media_type.slice(0, 6)
    const address = url ?? (data === undefined ? undefined : `data:${media_type};base64,${data}`)
    if (kind === 'image/' && address !== undefined)
      images.push({ type: 'image_url', image_url: { url: address } })
    else if (kind === 'audio/' && (audioChunks[0] ?? chunk).media_type === media_type)
      audioChunks.push(chunk)
    else files.push({ media_type, ...defined({ data, file_id, name }) })
  }
  return {
    ...filled({ images }),
    ...(audioChunks.length > 0 && { audio: toAudio(audioChunks) }),
    ...filled({ files }),
  }
}

function toAudio(chunks: readonly FileChunk[]) {
  // the first value of each member is kept
  const named = chunks.reduceRight<Partial<FileChunk>>(
    (later, chunk) => Object.assign(later, chunk),
    {},
  )
  const { media_type = '', file_id: id, expires_at } = named
  return {
    // each piece may have padding: decode before joining
    data: btoa(chunks.map(({ data = '' }) => atob(data)).join('')),
    format: media_type.slice(6),
    ...defined({ id, expires_at }),
    ...filled({ transcript: chunks.map(({ transcript = '' }) => transcript).join('') }),
  }
}

/** The members that are not empty. */
export const filled = <T extends Readonly<Record<string, string | readonly unknown[]>>>(
  object: T,
): Partial<T> =>
  // entries are only removed, as the return type states
  Object.fromEntries(Object.entries(object).filter(([, value]) => value.length > 0)) as Partial<T>
