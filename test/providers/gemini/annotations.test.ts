/** Annotations: source, position, and that each is emitted once. */
import { describe, expect, it } from 'vitest'
import type { Annotation } from '../../../src/chat/index.js'
import { answerOf, chunk, stop } from './support.js'

const web = (name: string) => ({ web: { uri: `https://${name}/`, title: name } })
const support = (segment: object, ...groundingChunkIndices: number[]) => ({
  segment,
  groundingChunkIndices,
})

const cited = (text: string, annotations: readonly Annotation[] | undefined) =>
  annotations?.map((annotation) => {
    if (annotation.type !== 'url_citation') return annotation.file_citation
    const { url, start_index, end_index } = annotation.url_citation
    return [url, start_index === undefined ? undefined : text.slice(start_index, end_index)]
  })

describe('positions', () => {
  it('UTF-8 byte offsets become text indices', () => {
    const text = 'Größe: 🦊 läuft. Ende.'
    const start = Buffer.byteLength('Größe: ')
    const end = start + Buffer.byteLength('🦊 läuft.')
    const { message } = answerOf([
      stop([{ text }], {
        groundingMetadata: {
          groundingChunks: [web('a')],
          groundingSupports: [support({ startIndex: start, endIndex: end, text: '🦊 läuft.' }, 0)],
        },
      }),
    ])
    expect(cited(text, message.annotations)).toEqual([['https://a/', '🦊 läuft.']])
  })

  it('count from the whole text, however it is split, without thoughts', () => {
    const { message, text } = answerOf([
      chunk([{ text: 'Hm.', thought: true }]),
      chunk([{ text: 'One ' }]),
      chunk([{ text: 'two' }]),
      stop([{ text: ' three' }], {
        groundingMetadata: {
          groundingChunks: [web('a')],
          groundingSupports: [support({ startIndex: 4, endIndex: 13, text: 'two three' }, 0)],
        },
      }),
    ])
    expect(cited(text, message.annotations)).toEqual([['https://a/', 'two three']])
  })

  it('the quoted text is searched where the offsets do not match it', () => {
    const segment = { startIndex: 100, endIndex: 110, text: 'second' }
    const groundingMetadata = {
      groundingChunks: [web('a'), web('b')],
      groundingSupports: [support(segment, 0), support({ ...segment, text: 'nowhere' }, 1)],
    }
    const { message, text } = answerOf([stop([{ text: 'first second' }], { groundingMetadata })])
    expect(cited(text, message.annotations)).toEqual([
      ['https://a/', 'second'],
      ['https://b/', undefined],
    ])
  })

  it('a segment of a later part counts from the start of that part', () => {
    const { message, text } = answerOf([
      stop([{ text: 'ää ' }, { text: 'bb cc', thoughtSignature: 'YQ==' }], {
        groundingMetadata: {
          groundingChunks: [web('a')],
          groundingSupports: [support({ partIndex: 1, startIndex: 3, endIndex: 5 }, 0)],
        },
      }),
    ])
    expect(cited(text, message.annotations)).toEqual([['https://a/', 'cc']])
  })
})

describe('sources', () => {
  it('repeated metadata emits each source once', () => {
    const groundingMetadata = { groundingChunks: [web('a'), web('b')] }
    const { message } = answerOf([
      chunk([{ text: 'a' }], { groundingMetadata: {} }),
      chunk([{ text: 'b' }], { groundingMetadata: { groundingChunks: [web('a')] } }),
      stop([], { groundingMetadata }),
    ])
    expect(cited('', message.annotations)).toEqual([
      ['https://a/', undefined],
      ['https://b/', undefined],
    ])
  })

  it('one statement may have several', () => {
    const groundingMetadata = {
      groundingChunks: [web('a'), web('b')],
      groundingSupports: [support({ endIndex: 2, text: 'ab' }, 0, 1, 7)],
    }
    const { message } = answerOf([stop([{ text: 'ab' }], { groundingMetadata })])
    expect(cited('ab', message.annotations)).toEqual([
      ['https://a/', 'ab'],
      ['https://b/', 'ab'],
    ])
  })

  it('a document of the caller is a file', () => {
    const retrievedContext = {
      documentName: 'fileSearchStores/s/documents/d',
      title: 'rivers.pdf',
      text: 'The Po is long.',
      pageNumber: 3,
    }
    const groundingMetadata = { groundingChunks: [{ retrievedContext }] }
    expect(answerOf([stop([], { groundingMetadata })]).message.annotations).toEqual([
      {
        type: 'file_citation',
        file_citation: {
          file_id: 'fileSearchStores/s/documents/d',
          filename: 'rivers.pdf',
          page: 3,
          cited_text: 'The Po is long.',
        },
      },
    ])
  })

  it('maps, images, recitations and fetched pages are sources too', () => {
    const { message } = answerOf([
      stop([{ text: 'abc' }], {
        groundingMetadata: {
          groundingChunks: [
            { maps: { uri: 'https://maps/', title: 'Place' } },
            { image: { sourceUri: 'https://image/', imageUri: 'https://image/i.png' } },
            { unknown: {} },
          ],
        },
        citationMetadata: {
          citationSources: [{ startIndex: 1, endIndex: 2, uri: 'https://book/' }],
        },
        urlContextMetadata: {
          urlMetadata: [
            { retrievedUrl: 'https://maps/', urlRetrievalStatus: 'URL_RETRIEVAL_STATUS_SUCCESS' },
            { retrievedUrl: 'https://page/', urlRetrievalStatus: 'URL_RETRIEVAL_STATUS_SUCCESS' },
            { retrievedUrl: 'https://gone/', urlRetrievalStatus: 'URL_RETRIEVAL_STATUS_ERROR' },
          ],
        },
      }),
    ])
    expect(cited('abc', message.annotations)).toEqual([
      ['https://maps/', undefined],
      ['https://image/', undefined],
      ['https://book/', 'b'],
      ['https://page/', undefined],
    ])
  })

  it('a search that is only in the metadata is a hosted tool, with the suggestions that must be shown', () => {
    const groundingMetadata = {
      webSearchQueries: ['', 'rivers', 'rivers'],
      searchEntryPoint: { renderedContent: '<div>' },
    }
    const answer = answerOf([
      {
        ...stop([{ text: 'a' }], { groundingMetadata }),
        usageMetadata: { promptTokenCount: 1, totalTokenCount: 1 },
      },
    ])
    expect(answer.message.hosted_tools).toEqual([
      {
        id: expect.any(String),
        name: 'google_search',
        status: 'done',
        input: { queries: ['rivers'] },
        output: { renderedContent: '<div>' },
      },
    ])
    expect(answer.usage.server_tool_use).toEqual({ web_search_requests: 1 })
  })
})
