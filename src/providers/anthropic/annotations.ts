/** Citations of a text block → annotations, with the place of the block in the joined text. */
import { type Annotation, asNumber, asText, defined, isObject } from '../../chat/index.js'

export interface Span {
  readonly start: number
  readonly end: number
}

/** undefined for a kind of citation that we do not know. Pages end where the API says, which names the page after. */
export function toAnnotation(citation: unknown, { start, end }: Span): Annotation | undefined {
  if (!isObject(citation)) return undefined
  const place = { start_index: start, end_index: end, cited_text: asText(citation.cited_text) }
  switch (citation.type) {
    case 'web_search_result_location':
      return urlCitation(citation.url, citation.title, place)
    case 'search_result_location':
      return /^https?:/.test(String(citation.source))
        ? urlCitation(citation.source, citation.title, place)
        : fileCitation({ filename: asText(citation.title) ?? asText(citation.source), ...place })
    case 'char_location':
    case 'page_location':
    case 'content_block_location':
      return fileCitation({
        file_id: asText(citation.file_id),
        filename: asText(citation.document_title),
        document_index: asNumber(citation.document_index),
        ...pages(citation.start_page_number, citation.end_page_number),
        ...place,
      })
  }
  return undefined
}

function pages(from: unknown, to: unknown) {
  const page = asNumber(from)
  const behind = asNumber(to)
  const isRange = page !== undefined && behind !== undefined && behind - 1 > page
  return { page, end_page: isRange ? behind - 1 : undefined }
}

type Place = { start_index: number; end_index: number; cited_text: string | undefined }

const urlCitation = (url: unknown, title: unknown, place: Place): Annotation | undefined => {
  const address = asText(url)
  return address === undefined
    ? undefined
    : {
        type: 'url_citation',
        url_citation: { url: address, ...defined({ title: asText(title), ...place }) },
      }
}

type FileFields = Partial<Extract<Annotation, { type: 'file_citation' }>['file_citation']>

const fileCitation = (
  fields: { [K in keyof FileFields]: FileFields[K] | undefined },
): Annotation => ({
  type: 'file_citation',
  file_citation: defined(fields),
})
