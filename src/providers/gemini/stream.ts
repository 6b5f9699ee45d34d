/**
 * Reads an answer, streamed or whole: each chunk of Gemini is a small answer of its own. There is no terminal event; an
 * answer is whole once a `finishReason` or a `blockReason` was seen, and what comes after that (text, usage) still counts.
 */
import {
  asId,
  asNumber,
  asObjects,
  asString,
  asText,
  defined,
  isObject,
  mergeCounts,
  type Usage,
} from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import { isErrorBody, type WireEvent } from '../../transport/index.js'
import type { Push, StreamReader, WireContext } from '../adapter.js'
import { namesSources, type Sources, sourcesOf } from './annotations.js'
import { toError } from './errors.js'
import { finish } from './finish.js'
import { madeId } from './names.js'
import { readPart } from './parts.js'
import { createState, type ReaderLimits, type State } from './state.js'
import { toUsage } from './usage.js'
import type { Candidate, GenerateContentResponse } from './wire.js'

export type { ReaderLimits } from './state.js'

type LogprobsResult = NonNullable<Candidate['logprobsResult']>

/** Reads chunks into what they say; usage is told to the call as it comes. */
export function streamReader(
  context: WireContext,
  call: Pick<Call, 'onUsage'> = { onUsage: () => {} },
  limits: ReaderLimits = {},
): StreamReader {
  const state = createState(context, limits)
  return {
    read({ data }: WireEvent, push) {
      state.writer.push = push
      // without `alt=sse` the same chunks come as one list
      for (const chunk of Array.isArray(data) ? data : [data])
        if (isObject(chunk)) {
          const usage = readChunk(chunk, state)
          if (usage) call.onUsage(usage)
        }
    },
    end(push) {
      state.writer.push = push
      return finish(state)
    },
  }
}

/** Gives the usage, where the chunk told one. */
function readChunk(chunk: GenerateContentResponse, state: State): Usage | undefined {
  if (chunk.error !== undefined) throwError(chunk, state.context)
  if (!state.writer.isStarted) {
    if (!isOfAnswer(chunk)) return undefined
    start(chunk, state)
  }
  if (isOfAnswer(chunk)) state.writer.keepUnread({ ...chunk }, readMembers)
  const { usageMetadata, promptFeedback, candidates } = chunk
  if (isObject(usageMetadata)) state.usage = mergeCounts(state.usage ?? {}, usageMetadata)
  const blockReason = asId(promptFeedback?.blockReason)
  if (blockReason) {
    state.blockReason = blockReason
    state.finishMessage ??= asText(promptFeedback?.blockReasonMessage)
  }
  const candidate = Array.isArray(candidates) ? candidates.find(isFirst) : undefined
  if (candidate) readCandidate(candidate, state)
  return usageMetadata && state.usage && toUsage(state.usage)
}

/** What is read of a chunk and of its candidate. */
const readMembers: ReadonlySet<string> = new Set(
  'candidates usageMetadata modelVersion responseId createTime error content finishReason finishMessage index logprobsResult citationMetadata tokenCount avgLogprobs'.split(
    ' ',
  ),
)

/** What a gateway sends to keep a line open is no beginning. */
const isOfAnswer = (chunk: GenerateContentResponse) =>
  answerMembers.some((member) => member in chunk)

const answerMembers = [
  'candidates',
  'promptFeedback',
  'usageMetadata',
  'responseId',
  'modelVersion',
]

function throwError(chunk: GenerateContentResponse, { model, request_id }: WireContext): void {
  if (isObject(chunk.error) || isErrorBody(chunk))
    throw toError({ status: 200, body: chunk, model, ...defined({ request_id }) })
}

/** Only one answer is asked for; what else a server sends must not be mixed into it. */
const isFirst = (candidate: Candidate | null) => isObject(candidate) && !candidate.index

function start(chunk: GenerateContentResponse, { context, writer }: State): void {
  const created = Date.parse(asString(chunk.createTime))
  writer.start({
    id: asId(chunk.responseId) ?? madeId('resp'),
    model: (asText(chunk.modelVersion) ?? context.model).replace(/^models\//, ''),
    created: created / 1000,
  })
}

function readCandidate(candidate: Candidate, state: State): void {
  state.writer.keepUnread({ ...candidate }, readMembers)
  const { content, finishReason, finishMessage, logprobsResult } = candidate
  const parts = partsOf(content)
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    if (typeof part === 'string') readPart({ text: part }, i === 0, state)
    // a value that is no part is passed over, as an unknown field is
    else if (isObject(part)) readPart(part, i === 0, state)
  }
  if (logprobsResult) pushLogprobs(logprobsResult, state.writer.push)
  if (namesSources(candidate)) addSources(sourcesOf(candidate), state.sources)
  // old gateways send the number of the enum
  state.finishReason = asId(finishReason) ?? state.finishReason
  state.finishMessage = asText(finishMessage) ?? state.finishMessage
}

/** One content, or in other forms that gateways give it: a text, a part, a list. */
function partsOf(content: unknown): readonly unknown[] {
  if (isObject(content) && Array.isArray(content.parts)) return content.parts
  if (Array.isArray(content)) return content.flatMap(partsOf)
  if (!isObject(content)) return [content]
  return 'parts' in content ? [content.parts] : [content]
}

/** Metadata may be told again with each chunk, longer each time: the longer takes the place of the shorter. */
function addSources(found: Partial<Sources>, sources: State['sources']): void {
  for (const metadata of found.grounding ?? []) {
    const before = sources.grounding.at(-1)
    const isAgain =
      JSON.stringify(before?.groundingChunks?.[0]) === JSON.stringify(metadata.groundingChunks?.[0])
    if (before && isAgain)
      sources.grounding[sources.grounding.length - 1] = { ...before, ...metadata }
    else sources.grounding.push(metadata)
  }
  sources.citations.push(...(found.citations ?? []))
  sources.pages.push(...(found.pages ?? []))
}

function pushLogprobs({ chosenCandidates, topCandidates }: LogprobsResult, push: Push): void {
  const chosen = asObjects(chosenCandidates)
  if (chosen.length === 0) return
  const tops = asObjects(topCandidates)
  const content = chosen.map(({ token, logProbability }, i) => {
    const top = tops[i]?.candidates
    return {
      token: asString(token),
      logprob: asNumber(logProbability) ?? 0,
      ...(Array.isArray(top) && {
        top_logprobs: asObjects(top).map((one) => ({
          token: asString(one.token),
          logprob: asNumber(one.logProbability) ?? 0,
        })),
      }),
    }
  })
  push({ type: 'logprobs', content })
}
