/** Files of an answer, sorted as the server sorts them: images, one sound, the rest. */
import {
  type AssistantMessage,
  defined,
  type FileChunk,
  type OutputFile,
  type OutputImage,
} from '../chat/index.js'

/** `images`, `audio` and `files` of a message; those that are empty are left out. */
export function toMedia(
  chunks: readonly FileChunk[],
): Pick<AssistantMessage, 'images' | 'audio' | 'files'> {
  const images: OutputImage[] = []
  const files: OutputFile[] = []
  const sounds: FileChunk[] = []
  for (const chunk of chunks) {
    const { media_type, data, url, file_id, name } = chunk
    const [kind] = media_type.split('/')
    const address = url ?? (data === undefined ? undefined : `data:${media_type};base64,${data}`)
    if (kind === 'image' && address !== undefined)
      images.push({ type: 'image_url', image_url: { url: address } })
    else if (kind === 'audio' && (sounds[0] ?? chunk).media_type === media_type) sounds.push(chunk)
    else files.push({ media_type, ...defined({ data, file_id, name }) })
  }
  return {
    ...(images.length > 0 && { images }),
    ...(sounds.length > 0 && { audio: toAudio(sounds) }),
    ...(files.length > 0 && { files }),
  }
}

function toAudio(chunks: readonly FileChunk[]) {
  const pick = <Key extends 'file_id' | 'expires_at'>(key: Key) =>
    chunks.find((chunk) => chunk[key] !== undefined)?.[key]
  const transcript = chunks.map((chunk) => chunk.transcript ?? '').join('')
  return {
    // each piece may be padded: only bytes can be joined
    data: btoa(chunks.map(({ data = '' }) => atob(data)).join('')),
    format: (chunks[0]?.media_type ?? '').slice('audio/'.length),
    ...defined({ id: pick('file_id'), expires_at: pick('expires_at') }),
    ...(transcript && { transcript }),
  }
}
