/** Maps the sources of an answer (grounding, recitation, pages read) to annotations. */
import {
  type Annotation,
  asList,
  asNumber,
  asObject,
  asObjects,
  asText,
  isObject,
  type JsonObject,
} from '../../chat/index.js'
import { fileCitation, urlCitation, withTold } from '../answers.js'
import type { Candidate, Part } from './wire.js'

/** The sources in the chunks of an answer, unread. */
export interface Sources {
  readonly grounding: JsonObject[]
  readonly citations: JsonObject[]
  readonly pages: string[]
}

interface Range {
  readonly start_index?: number
  readonly end_index?: number
}

/** Keeps the sources of one chunk. */
export function readSources(candidate: Candidate, { grounding, citations, pages }: Sources): void {
  const { groundingMetadata, citationMetadata, urlContextMetadata } = candidate
  if (isObject(groundingMetadata)) addGrounding(groundingMetadata, grounding)
  if (isObject(citationMetadata)) {
    const { citationSources, citations: found } = asObject(citationMetadata)
    citations.push(...asObjects(citationSources ?? found))
  }
  if (!isObject(urlContextMetadata)) return
  for (const { retrievedUrl, urlRetrievalStatus } of asObjects(urlContextMetadata.urlMetadata)) {
    const url = asText(retrievedUrl)
    if (url && urlRetrievalStatus === 'URL_RETRIEVAL_STATUS_SUCCESS') pages.push(url)
  }
}

/** Metadata may be repeated in each chunk, growing: the longer replaces the shorter. */
function addGrounding(metadata: JsonObject, grounding: JsonObject[]): void {
  const first = ({ groundingChunks }: JsonObject) => JSON.stringify(asList(groundingChunks)[0])
  const before = grounding.at(-1)
  if (before && first(before) === first(metadata))
    grounding[grounding.length - 1] = withTold(before, metadata)
  else grounding.push(metadata)
}

/** Each source once per place. Positions are UTF-16 offsets in the whole text. */
export function toAnnotations(parts: readonly Part[], sources: Sources): Annotation[] {
  const locate = locator(parts)
  const found = new Map<string, Annotation>()
  const add = (annotation: Annotation | undefined) => {
    if (annotation) found.set(JSON.stringify(annotation), annotation)
  }
  const allChunks = sources.grounding.flatMap(({ groundingChunks }) => asList(groundingChunks))
  for (const { groundingChunks, groundingSupports } of sources.grounding) {
    const chunks = asList(groundingChunks)
    const unused = new Set<unknown>(chunks.keys())
    for (const { segment, groundingChunkIndices } of asObjects(groundingSupports))
      for (const index of asList(groundingChunkIndices)) {
        unused.delete(index)
        const chunk = chunks[Number(index)] ?? allChunks[Number(index)]
        add(toAnnotation(chunk, isObject(segment) ? locate(segment) : {}))
      }
    for (const index of unused) add(toAnnotation(chunks[Number(index)], {}))
  }
  for (const citation of sources.citations) {
    const url = asText(citation.uri)
    if (url) add(urlCitation(url, { title: asText(citation.title), ...locate(citation) }))
  }
  const cited = new Set([...found.values()].map(urlOf))
  for (const page of sources.pages) if (!cited.has(page)) add(urlCitation(page, {}))
  return [...found.values()]
}

const urlOf = (annotation: Annotation) =>
  annotation.type === 'url_citation' ? annotation.url_citation.url : undefined

function toAnnotation(chunk: unknown, range: Range): Annotation | undefined {
  const { web, maps, image, retrievedContext } = asObject(chunk)
  const page = isObject(web) ? web : asObject(maps)
  const address = asText(page.uri)
  if (address) return urlCitation(address, { title: asText(page.title), ...range })
  const { sourceUri, imageUri, title } = asObject(image)
  const picture = asText(sourceUri) ?? asText(imageUri)
  if (picture) return urlCitation(picture, { title: asText(title), ...range })
  return isObject(retrievedContext) ? toFileAnnotation(retrievedContext, range) : undefined
}

function toFileAnnotation(file: JsonObject, range: Range): Annotation {
  const title = asText(file.title)
  const uri = asText(file.uri)
  const cited_text = asText(file.text)
  if (uri?.startsWith('http')) return urlCitation(uri, { title, cited_text, ...range })
  return fileCitation({
    file_id: asText(file.documentName) ?? uri ?? asText(file.fileSearchStore),
    filename: title,
    page: asNumber(file.pageNumber),
    cited_text,
    ...range,
  })
}

/**
 * Gemini counts UTF-8 bytes from the start of a part. The quoted text of the segment decides: if
 * the offsets do not match it, it is searched for; if not found, there is no position.
 */
function locator(parts: readonly Part[]): (segment: JsonObject) => Range {
  const starts: number[] = []
  let text = ''
  for (const part of parts) {
    starts.push(text.length)
    if (!part.thought) text += part.text ?? ''
  }
  let bytes: Uint32Array | undefined
  const toIndex = (offset: number, base: number) => {
    bytes ??= bytesBefore(text)
    return lowerBound(bytes, (bytes[base] ?? 0) + offset)
  }
  return ({ partIndex, startIndex, endIndex, text: quoted }) => {
    const base = starts[asNumber(partIndex) ?? 0] ?? 0
    const start_index = toIndex(asNumber(startIndex) ?? 0, base)
    const last = asNumber(endIndex)
    const end_index = last === undefined ? undefined : toIndex(last, base)
    const quote = asText(quoted)
    if (end_index !== undefined && (!quote || text.slice(start_index, end_index) === quote))
      return { start_index, end_index }
    const at = quote ? text.indexOf(quote) : -1
    return at < 0 || !quote ? {} : { start_index: at, end_index: at + quote.length }
  }
}

/** UTF-8 bytes before each index of the text, and before its end. */
function bytesBefore(text: string): Uint32Array {
  const table = new Uint32Array(text.length + 1)
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    table[i] = bytes
    const code = text.charCodeAt(i)
    const isHigh = code >= 0xd800 && code < 0xdc00 && isLow(text.charCodeAt(i + 1))
    const isSecond = isLow(code) && i > 0 && isHighSurrogate(text.charCodeAt(i - 1))
    // a pair is four bytes, added after its second half: no index splits it
    bytes += isHigh ? 0 : isSecond ? 4 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3
  }
  table[text.length] = bytes
  return table
}

const isLow = (code: number) => code >= 0xdc00 && code < 0xe000
const isHighSurrogate = (code: number) => code >= 0xd800 && code < 0xdc00

/** The first index with at least this many bytes before it. */
function lowerBound(table: Uint32Array, bytes: number): number {
  let low = 0
  let high = table.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((table[middle] ?? 0) < bytes) low = middle + 1
    else high = middle
  }
  return low
}
