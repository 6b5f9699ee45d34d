/** Sources of an answer (grounding, recitation, pages read) as annotations. */
import {
  type Annotation,
  asList,
  asNumber,
  asObject,
  asObjects,
  asText,
  defined,
  isObject,
  type JsonObject,
} from '../../chat/index.js'
import type {
  Candidate,
  GroundingChunk,
  GroundingMetadata,
  Part,
  Segment,
  WireCitation,
} from './wire.js'

/** What the chunks of an answer said of its sources. */
export interface Sources {
  readonly grounding: readonly GroundingMetadata[]
  readonly citations: readonly WireCitation[]
  readonly pages: readonly string[]
}

interface Range {
  readonly start_index?: number
  readonly end_index?: number
}

/** Each source once for each place it speaks for. Positions are counted in UTF-16 of the whole text. */
export function toAnnotations(parts: readonly Part[], sources: Sources): Annotation[] {
  const locate = locator(parts)
  const found = new Map<string, Annotation>()
  const add = (annotation: Annotation | undefined) => {
    if (annotation) found.set(JSON.stringify(annotation), annotation)
  }
  const allChunks = sources.grounding.flatMap((metadata) => metadata.groundingChunks ?? [])
  for (const { groundingChunks = [], groundingSupports = [] } of sources.grounding) {
    const unused = new Set(groundingChunks.keys())
    for (const { segment, groundingChunkIndices = [] } of groundingSupports)
      for (const index of groundingChunkIndices) {
        unused.delete(index)
        const chunk = groundingChunks[index] ?? allChunks[index]
        if (chunk) add(toAnnotation(chunk, segment ? locate(segment) : {}))
      }
    for (const index of unused) add(toAnnotation(groundingChunks[index], {}))
  }
  for (const citation of sources.citations)
    if (citation.uri) add(toUrlCitation(citation.uri, citation.title, locate(citation)))
  const cited = new Set([...found.values()].map(urlOf))
  for (const page of sources.pages) if (!cited.has(page)) add(toUrlCitation(page, undefined, {}))
  return [...found.values()]
}

/** Most chunks name none. */
export const namesSources = (candidate: Candidate): boolean =>
  Boolean(candidate.groundingMetadata || candidate.citationMetadata || candidate.urlContextMetadata)

/** The sources that one chunk of an answer names. */
export const sourcesOf = (candidate: Candidate): Partial<Sources> => {
  const { groundingMetadata, citationMetadata, urlContextMetadata } = candidate
  const { citationSources, citations } = asObject(citationMetadata)
  const pages = asObjects(asObject(urlContextMetadata).urlMetadata)
    .filter((page) => page.urlRetrievalStatus === 'URL_RETRIEVAL_STATUS_SUCCESS')
    .flatMap((page) => asText(page.retrievedUrl) ?? [])
  return {
    grounding: isObject(groundingMetadata) ? [checkedGrounding(groundingMetadata)] : [],
    citations: asObjects(citationSources ?? citations).map(checkedTexts),
    pages,
  }
}

/** The metadata with its lists as lists of what they may hold. */
function checkedGrounding(wire: JsonObject): GroundingMetadata {
  const { groundingChunks, groundingSupports, webSearchQueries, searchEntryPoint } = wire
  return defined({
    groundingChunks: list(groundingChunks, (chunks) => asList(chunks).map(checkedChunk)),
    groundingSupports: list(groundingSupports, (supports) =>
      asObjects(supports).map((support) => ({
        ...defined({
          segment: isObject(support.segment) ? checkedTexts(support.segment) : undefined,
        }),
        groundingChunkIndices: asList(support.groundingChunkIndices).filter(isIndex),
      })),
    ),
    webSearchQueries: list(webSearchQueries, (queries) =>
      asList(queries).flatMap((query) => asText(query) ?? []),
    ),
    searchEntryPoint: isObject(searchEntryPoint) ? searchEntryPoint : undefined,
  })
}

const isIndex = (value: unknown): value is number => Number.isInteger(value)

const list = <T>(value: unknown, read: (value: unknown) => T) =>
  value === undefined || value === null ? undefined : read(value)

const checkedChunk = (chunk: unknown): GroundingChunk =>
  Object.fromEntries(
    Object.entries(asObject(chunk)).map(([kind, page]) => [
      kind,
      isObject(page) ? checkedTexts(page) : undefined,
    ]),
  )

const numbers = new Set(['partIndex', 'startIndex', 'endIndex', 'pageNumber'])

/** Members that are numbers where these are, text elsewhere; others are absent. */
const checkedTexts = (wire: JsonObject): JsonObject =>
  defined(
    Object.fromEntries(
      Object.entries(wire).map(([name, value]) => [
        name,
        numbers.has(name) ? asNumber(value) : asText(value),
      ]),
    ),
  )

const urlOf = (annotation: Annotation) =>
  annotation.type === 'url_citation' ? annotation.url_citation.url : undefined

const toUrlCitation = (
  url: string,
  title: string | undefined,
  range: Range,
  text?: string | undefined,
): Annotation => ({
  type: 'url_citation',
  url_citation: { url, ...defined({ title, cited_text: text }), ...range },
})

function toAnnotation(chunk: GroundingChunk | undefined, range: Range): Annotation | undefined {
  const { web, maps, image, retrievedContext: file } = chunk ?? {}
  const page = web ?? maps
  if (page?.uri) return toUrlCitation(page.uri, page.title, range)
  const picture = image?.sourceUri ?? image?.imageUri
  if (picture) return toUrlCitation(picture, image?.title, range)
  if (!file) return undefined
  if (file.uri?.startsWith('http')) return toUrlCitation(file.uri, file.title, range, file.text)
  return {
    type: 'file_citation',
    file_citation: {
      ...defined({
        file_id: file.documentName ?? file.uri ?? file.fileSearchStore,
        filename: file.title,
        page: file.pageNumber,
        cited_text: file.text,
      }),
      ...range,
    },
  }
}

/**
 * Gemini counts bytes of UTF-8 from the start of a part. The words that the segment quotes decide: where the offsets do
 * not lead to them they are looked for, and what is not found has no position.
 */
function locator(parts: readonly Part[]): (segment: Segment) => Range {
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
  return ({ partIndex = 0, startIndex = 0, endIndex, text: quote }) => {
    const base = starts[partIndex] ?? 0
    const start = toIndex(startIndex, base)
    const end = endIndex === undefined ? undefined : toIndex(endIndex, base)
    if (quote === undefined || quote === '')
      return end === undefined ? {} : { start_index: start, end_index: end }
    if (end !== undefined && text.slice(start, end) === quote)
      return { start_index: start, end_index: end }
    const at = text.indexOf(quote)
    return at < 0 ? {} : { start_index: at, end_index: at + quote.length }
  }
}

/** Bytes of UTF-8 before each index of the text, and before its end. */
function bytesBefore(text: string): Uint32Array {
  const table = new Uint32Array(text.length + 1)
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    table[i] = bytes
    const code = text.charCodeAt(i)
    const isHigh = code >= 0xd800 && code < 0xdc00 && isLow(text.charCodeAt(i + 1))
    const isSecond = isLow(code) && i > 0 && isHighSurrogate(text.charCodeAt(i - 1))
    // a pair is four bytes, counted behind its second half: no index falls between the two
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
