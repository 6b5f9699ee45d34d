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
import { fileCitation, mergeGiven, urlCitation } from '../answers.js'
import type { Candidate, Parts } from './wire.js'

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
    grounding[grounding.length - 1] = mergeGiven(before, metadata)
  else grounding.push(metadata)
}

/** Each source once per place. Positions are UTF-16 offsets in the whole text. */
export function toAnnotations(parts: Parts, sources: Sources): Annotation[] {
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
function locator(parts: Parts): (segment: JsonObject) => Range {
  const texts = parts.map(({ thought, text = '' }) => (thought ? '' : text))
  const text = texts.join('')
  let table: ReturnType<typeof byteTable> | undefined
  return ({ partIndex, startIndex, endIndex, text: quoted }) => {
    table ??= byteTable(texts, text)
    const { starts, indices } = table
    const base = starts[asNumber(partIndex) ?? 0] ?? 0
    const indexAt = (offset = 0) => indices[Math.max(0, Math.ceil(base + offset))] ?? text.length
    const start_index = indexAt(asNumber(startIndex))
    const last = asNumber(endIndex)
    const end_index = last === undefined ? undefined : indexAt(last)
    const quote = asText(quoted)
    if (end_index !== undefined && (!quote || text.slice(start_index, end_index) === quote))
      return { start_index, end_index }
    const at = quote ? text.indexOf(quote) : -1
    return at < 0 || !quote ? {} : { start_index: at, end_index: at + quote.length }
  }
}

/** The index of the character at each UTF-8 byte, and the byte at which each part starts. */
function byteTable(texts: readonly string[], whole: string) {
  const indices = new Uint32Array(new TextEncoder().encode(whole).length)
  const starts: number[] = []
  let index = 0
  let byte = 0
  for (const text of texts) {
    starts.push(byte)
    for (const character of text) {
      const code = character.codePointAt(0) ?? 0
      const end = byte + (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4)
      indices[byte] = index
      index += character.length
      // no index splits a character
      indices.fill(index, byte + 1, end)
      byte = end
    }
  }
  return { starts, indices }
}
