/** Maps citations of a text block to annotations at the block's place in the joined text. */
import { type Annotation, asNumber, asObject, asText } from '../../chat/index.js'
import { fileCitation, urlCitation } from '../answers.js'

export interface Span {
  readonly start_index: number
  readonly end_index: number
}

/** Undefined for an unknown type. */
export function toAnnotation(citation: unknown, span: Span): Annotation | undefined {
  const { type, cited_text, url, title, source, ...file } = asObject(citation)
  const place = { title: asText(title), cited_text: asText(cited_text), ...span }
  const address = asText(type === 'search_result_location' ? source : url)
  switch (type) {
    case 'web_search_result_location':
      return address === undefined ? undefined : urlCitation(address, place)
    case 'search_result_location': {
      if (address && /^https?:/.test(address)) return urlCitation(address, place)
      const { title: name = address, ...rest } = place
      return fileCitation({ filename: name, ...rest })
    }
    case 'char_location':
    case 'page_location':
    case 'content_block_location':
      return fileCitation({
        file_id: asText(file.file_id),
        filename: asText(file.document_title),
        document_index: asNumber(file.document_index),
        ...pages(asNumber(file.start_page_number), asNumber(file.end_page_number)),
        cited_text: asText(cited_text),
        ...span,
      })
    default:
      return undefined
  }
}

/** The page range: the end page of the API is exclusive. */
function pages(page: number | undefined, behind = 0) {
  const isRange = page !== undefined && behind - 1 > page
  return { page, end_page: isRange ? behind - 1 : undefined }
}
