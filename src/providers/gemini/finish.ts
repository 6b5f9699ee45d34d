/** The end of an answer: sources, warnings, finish reason, native parts. */
import { asList, asObjects, asText, type FinishReason, isObject } from '../../chat/index.js'
import { finishReasonOf, namesIn } from '../answers.js'
import { toAnnotations } from './annotations.js'
import { closeCall } from './calls.js'
import { madeId } from './names.js'
import { isPlainText } from './parts.js'
import type { State } from './state.js'
import { toUsage } from './usage.js'

/** Ends the answer if it is complete; returns whether it is. */
export function finish(state: State): boolean {
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
