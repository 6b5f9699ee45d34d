/** Sources and files as events. */
import {
  type Annotation,
  defined,
  emptyUsage,
  type FileChunk,
  type FileCitation,
  type UrlCitation,
} from '../../../chat/index.js'
import { accumulate } from '../../../core/index.js'
import type { UiState } from './state.js'
import type { SourceDocument, UiEvent } from './wire.js'

/** Emits each source once, however often it is cited. */
export function emitAnnotation(annotation: Annotation, state: UiState): void {
  const source =
    annotation.type === 'url_citation'
      ? toSourceUrl(annotation.url_citation)
      : toSourceDocument(annotation.file_citation)
  const key = JSON.stringify(source)
  if (state.sources.has(key)) return
  state.sources.add(key)
  state.emit({ ...source, sourceId: `${state.context.id}-${state.sources.size}` })
}

type SourceUrl = Extract<UiEvent, { readonly type: 'source-url' }>

const toSourceUrl = ({ url, title }: UrlCitation['url_citation']): Omit<SourceUrl, 'sourceId'> => ({
  type: 'source-url',
  url,
  ...defined({ title }),
})

function toSourceDocument(source: FileCitation['file_citation']): Omit<SourceDocument, 'sourceId'> {
  const { filename, file_id, document_index = 0, page } = source
  const title = filename ?? file_id ?? `Document ${document_index + 1}`
  const isPdf = page !== undefined || /\.pdf$/i.test(title)
  return {
    type: 'source-document',
    mediaType: isPdf ? 'application/pdf' : 'text/plain',
    title,
    ...defined({ filename }),
  }
}

/** Emits a file the page can show; one that only its provider stores is sent by name. */
export function emitFile(chunk: FileChunk, state: UiState): void {
  const { media_type: mediaType, data, url, file_id, name } = chunk
  const address = url ?? (data !== undefined && `data:${mediaType};base64,${data}`)
  state.close()
  if (address) state.emit({ type: 'file', url: address, mediaType })
  else
    state.emit({
      type: 'data-file',
      data: { media_type: mediaType, ...defined({ file_id, name }) },
    })
}

/** Emits the audio chunks of a turn as one file. */
export function emitAudio(state: UiState): void {
  const { audioChunks } = state
  if (audioChunks.length === 0) return
  state.audioChunks = []
  const turn = { id: '', model: '', provider: '', created: 0 }
  const message = accumulate([{ type: 'start', ...turn }, ...audioChunks, end])?.message
  const { audio, files = [] } = message ?? {}
  if (audio)
    emitFile({ media_type: `audio/${audio.format ?? 'wav'}`, ...audio } as FileChunk, state)
  for (const file of files) emitFile({ type: 'file', ...file }, state)
}

const end = { type: 'finish', finish_reason: 'stop', usage: emptyUsage } as const
