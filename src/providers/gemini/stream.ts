/**
 * Reads an answer, streamed or whole: each chunk of Gemini is a small answer. There is no terminal
 * event; an answer is complete once a `finishReason` or a `blockReason` was read, and later text
 * and usage still count.
 */
import { type FinishReason, updateCounts } from '../../chat/index.js'
import {
  asId,
  asList,
  asNumber,
  asObject,
  asObjects,
  asString,
  asText,
  isObject,
  type JsonObject,
  words,
} from '../../chat/json.js'
import { isErrorBody, type WireEvent, type WireResponse } from '../../transport/index.js'
import type { Push, WireContext } from '../adapter.js'
import { type AnswerReader, namesIn, readAnswer } from '../answers.js'
import { finishReasonOf } from '../finish-reason.js'
import type { ReaderLimits } from '../turn-writer.js'
import { readSources, toAnnotations } from './annotations.js'
import { closeCall } from './calls.js'
import { toError } from './errors.js'
import { isPlainText, readPart } from './parts.js'
import { madeId, State } from './state.js'
import { toUsage } from './usage.js'
import type { Candidate, GenerateContentResponse } from './wire.js'

/** Reads chunks; reports usage to the call after each network read. */
export const streamReader = (...given: ConstructorParameters<typeof State>): AnswerReader =>
  new Reader(...given)

class Reader extends State implements AnswerReader {
  read({ event, data }: WireEvent, push: Push): void {
    this.writer.push = push
    if (event === 'error') throw this.writer.failed(data, toError)
    // without `alt=sse` the same chunks are one list
    for (const chunk of Array.isArray(data) ? data : [data])
      if (isObject(chunk)) readChunk(chunk, this)
  }

  // each chunk has the usage so far: the last one of a network read is enough
  afterRead(): void {
    if (this.isUsageNew) this.writer.reportUsage(toUsage(this.usage))
    this.isUsageNew = false
  }

  end(push: Push): boolean {
    this.writer.push = push
    return finish(this)
  }
}

/**
 * Reads a plain answer. Throws `UnexpectedResponseError` for a body without one, the typed error
 * for a body with an error.
 */
export function fromWire({ body }: WireResponse, context: WireContext, limits?: ReaderLimits) {
  const reader = new Reader(context, undefined, limits)
  return asList(asObject(body).candidates).length > 0
    ? readAnswer(reader, body, 'truncated', 'a candidate that has no finishReason')
    : readAnswer(reader, body, 'not_an_answer', 'a body that holds no candidate')
}

function readChunk(chunk: GenerateContentResponse, state: State): void {
  const { writer } = state
  if (chunk.error && (isObject(chunk.error) || isErrorBody(chunk)))
    throw writer.failed(chunk, toError)
  const isPart = isOfAnswer(chunk)
  if (isPart) start(chunk, state)
  if (!writer.isStarted) return
  if (isPart) writer.keepUnread(asObject(chunk), readMembers)
  const { usageMetadata, promptFeedback, candidates } = chunk
  if (isObject(usageMetadata)) {
    updateCounts(state.usage, usageMetadata)
    state.isUsageNew = true
  }
  const blockReason = asId(promptFeedback?.blockReason)
  if (blockReason) {
    state.blockReason = blockReason
    state.finishMessage ??= asText(promptFeedback?.blockReasonMessage)
  }
  const candidate = asList(candidates).find(isFirst)
  if (candidate) readCandidate(candidate, state)
}

/** Members of a chunk and its candidate that are read. */
const readMembers = namesIn(
  'candidates usageMetadata modelVersion responseId createTime error content finishReason finishMessage index logprobsResult citationMetadata tokenCount avgLogprobs',
)

const membersOfAnswers = words('candidates promptFeedback usageMetadata responseId modelVersion')

/** Keep-alive chunks of gateways do not start an answer. */
const isOfAnswer = (chunk: GenerateContentResponse) =>
  membersOfAnswers.some((member) => member in chunk)

/** Only one candidate is requested; others are skipped. */
const isFirst = (candidate: unknown): candidate is Candidate =>
  isObject(candidate) && !candidate.index

function start(chunk: GenerateContentResponse, { context, writer }: State): void {
  if (writer.isStarted) return
  writer.start({
    id: asId(chunk.responseId) ?? madeId('resp'),
    model: (asText(chunk.modelVersion) ?? context.model).replace(/^models\//, ''),
    created: Date.parse(asString(chunk.createTime)) / 1000,
  })
}

function readCandidate(candidate: Candidate, state: State): void {
  const { writer, sources } = state
  writer.keepUnread(asObject(candidate), readMembers)
  const { content, finishReason, finishMessage, logprobsResult } = candidate
  const parts = partsOf(content)
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    if (typeof part === 'string') readPart({ text: part }, i === 0, state)
    // other values are skipped, as unknown fields are
    else if (isObject(part)) readPart(part, i === 0, state)
  }
  if (logprobsResult) pushLogprobs(logprobsResult, writer.push)
  readSources(candidate, sources)
  // old gateways send the number of the enum
  state.finishReason = asId(finishReason) ?? state.finishReason
  state.finishMessage = asText(finishMessage) ?? state.finishMessage
}

/** The parts of a content, or of the other forms that gateways send: a text, a part, a list. */
function partsOf(content: unknown): readonly unknown[] {
  if (isObject(content) && Array.isArray(content.parts)) return content.parts
  if (Array.isArray(content)) return content.flatMap(partsOf)
  if (!isObject(content)) return [content]
  return 'parts' in content ? [content.parts] : [content]
}

function pushLogprobs(result: NonNullable<Candidate['logprobsResult']>, push: Push): void {
  const tops = asObjects(result.topCandidates)
  const content = asObjects(result.chosenCandidates).map((chosen, i) => {
    const top = tops[i]?.candidates
    return {
      ...toLogprob(chosen),
      ...(Array.isArray(top) && { top_logprobs: asObjects(top).map(toLogprob) }),
    }
  })
  if (content.length > 0) push({ type: 'logprobs', content })
}

const toLogprob = ({ token, logProbability }: JsonObject) => ({
  token: asString(token),
  logprob: asNumber(logProbability) ?? 0,
})

// -- the end -------------------------------------------------------------------------------------------------------

/** Ends the answer if it is complete; returns whether it is. */
function finish(state: State): boolean {
  const { finishReason, blockReason, usage, writer } = state
  const reason = blockReason || finishReason
  if (!writer.isStarted || !reason) return false
  closeCall(state)
  const annotations = toAnnotations(state.parts, state.sources)
  for (const annotation of annotations) writer.push({ type: 'annotation', annotation })
  const searches = pushSearch(state)
  warnOfEnd(state)
  writer.keepUsage(unreadUsage(usage), readCounts)
  writer.finish({
    finish_reason: toFinishReason(state),
    native_finish_reason: reason,
    usage: toUsage(usage, searches),
    service_tier: asText(usage.serviceTier),
    content: contentOf(state),
  })
  return true
}

const readCounts = namesIn(
  'promptTokenCount candidatesTokenCount totalTokenCount cachedContentTokenCount thoughtsTokenCount toolUsePromptTokenCount serviceTier',
)

/** Keeps counts by modality if one of them has no member in our usage. */
const unreadUsage = (usage: State['usage']) =>
  Object.fromEntries(
    Object.entries(usage).filter(
      ([, value]) =>
        !Array.isArray(value) || asObjects(value).some(({ modality }) => isUnread(modality)),
    ),
  )

const isUnread = (modality: unknown) => !['TEXT', 'IMAGE', 'AUDIO'].includes(String(modality))

/** Google's terms require showing search suggestions; before Gemini 3 searches are in metadata. */
function pushSearch({ sources: { grounding }, parts, writer }: State): number {
  const found = grounding.flatMap(({ webSearchQueries }) => asList(webSearchQueries))
  const queries = [...new Set(found)].filter(asText)
  const output = grounding.map((one) => one.searchEntryPoint).findLast(isObject)
  const isShown = parts.some((part) => part.toolCall?.toolType?.startsWith('GOOGLE_SEARCH'))
  if (!isShown && (queries.length > 0 || output))
    writer.hosted({
      id: madeId('hosted'),
      name: 'google_search',
      status: 'done',
      input: { queries },
      output,
    })
  return queries.length
}

/** The parts, if the message cannot hold them all: plain text needs no second copy. */
const contentOf = ({ parts }: State) =>
  parts.every((part) => isPlainText(part) && !part.thought) ? undefined : parts

function toFinishReason({ finishReason, blockReason, writer }: State): FinishReason {
  if (blockReason) return 'content_filter'
  const reason = finishReasonOf(finishReason) ?? 'stop'
  return finishReason === 'STOP' ? writer.fittingReason(reason) : reason
}

const ordinary = namesIn('STOP MAX_TOKENS FINISH_REASON_UNSPECIFIED')

/** Warns of an abnormal end, which a `stop` alone would hide. */
function warnOfEnd({
  finishReason = '',
  blockReason,
  finishMessage,
  context,
  writer,
}: State): void {
  if (!blockReason && ordinary.has(finishReason)) return
  const reason = blockReason ? `blocked the prompt (${blockReason})` : `ended with ${finishReason}`
  const why = finishMessage ? `: ${finishMessage}` : ''
  writer.warn('other', `gemini/${context.model} ${reason}${why}`)
}
