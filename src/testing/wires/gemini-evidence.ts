/** Grounding and log probabilities in Gemini's last response. */
import { defined, type JsonObject, type TokenLogprob } from '../../chat/index.js'
import type { Citation, Part, Text } from '../script.js'

/** From all texts of an answer. */
export function evidence(parts: readonly Part[]): JsonObject {
  const texts = parts.filter((part): part is Text => part.type === 'text')
  const logprobs = texts.flatMap((text) => text.logprobs ?? [])
  return {
    ...groundingOf(texts),
    ...(logprobs.length > 0 && {
      avgLogprobs: logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length,
      logprobsResult: {
        topCandidates: logprobs.map(({ top_logprobs = [] }) => ({
          candidates: top_logprobs.map(candidateOf),
        })),
        chosenCandidates: logprobs.map(candidateOf),
      },
    }),
  }
}

const candidateOf = ({ token, logprob }: Pick<TokenLogprob, 'token' | 'logprob'>) => ({
  token,
  logProbability: logprob,
})

function groundingOf(texts: readonly Text[]): JsonObject {
  const chunks: JsonObject[] = []
  const supports: JsonObject[] = []
  let offset = 0
  for (const text of texts) {
    for (const citation of text.citations) {
      supports.push(supportOf(citation, text, offset, chunks.length))
      chunks.push({ web: { uri: citation.url ?? '', title: citation.title ?? '' } })
    }
    offset += byteLength(text.text)
  }
  if (chunks.length === 0) return {}
  return { groundingMetadata: { groundingChunks: chunks, groundingSupports: supports } }
}

/** Positions are UTF-8 bytes on this wire, over the text of all parts. */
function supportOf(citation: Citation, { text }: Text, offset: number, index: number): JsonObject {
  const { start_index = 0, end_index = text.length } = citation
  return {
    segment: defined({
      // zero is omitted
      startIndex: offset + byteLength(text.slice(0, start_index)) || undefined,
      endIndex: offset + byteLength(text.slice(0, end_index)),
      text: text.slice(start_index, end_index),
    }),
    groundingChunkIndices: [index],
  }
}

const byteLength = (text: string) => new TextEncoder().encode(text).length
