/** The end of an answer: sources, warnings, the reason, the parts that go back. */
import { asObjects, asText, defined, type FinishReason, unknownUsage } from '../../chat/index.js'
import { toAnnotations } from './annotations.js'
import { closeCall } from './calls.js'
import { madeId } from './names.js'
import { isPlainText } from './parts.js'
import type { State } from './state.js'
import { toUsage } from './usage.js'

/** Says whether the answer is whole; only then it is ended. */
export function finish(state: State): boolean {
  const { finishReason, blockReason, writer } = state
  const reason = blockReason || finishReason
  if (!writer.isStarted || !reason) return false
  closeCall(state)
  const annotations = toAnnotations(state.parts, state.sources)
  for (const annotation of annotations) writer.push({ type: 'annotation', annotation })
  const searches = pushSearch(state)
  warnOfEnd(state)
  writer.keepUsage(unreadUsage(state.usage), readCounts)
  writer.finish({
    finish_reason: toFinishReason(state),
    native_finish_reason: reason,
    usage: (state.usage && toUsage(state.usage, searches)) ?? unknownUsage,
    ...defined({ service_tier: asText(state.usage?.serviceTier) }),
    content: contentOf(state),
  })
  return true
}

const readCounts: ReadonlySet<string> = new Set(
  'promptTokenCount candidatesTokenCount totalTokenCount cachedContentTokenCount thoughtsTokenCount toolUsePromptTokenCount serviceTier'.split(
    ' ',
  ),
)

/** Its counts by modality say something where one is of a kind that our usage has no member for. */
const unreadUsage = (usage: State['usage']) =>
  Object.fromEntries(
    Object.entries(usage ?? {}).filter(
      ([, value]) =>
        !Array.isArray(value) || asObjects(value).some(({ modality }) => isUnread(modality)),
    ),
  )

const isUnread = (modality: unknown) => !['TEXT', 'IMAGE', 'AUDIO'].includes(String(modality))

/** Google's terms ask to show the search suggestions; before Gemini 3 a search is told in the metadata alone. */
function pushSearch({ sources, parts, writer }: State): number {
  const told = sources.grounding.flatMap((one) => one.webSearchQueries ?? [])
  const queries = [...new Set(told)].filter((query) => query !== '')
  const entry = sources.grounding.findLast((one) => one.searchEntryPoint)?.searchEntryPoint
  const isShown = parts.some((part) => part.toolCall?.toolType?.startsWith('GOOGLE_SEARCH'))
  if (!isShown && (queries.length > 0 || entry))
    writer.push({
      type: 'hosted-tool',
      id: madeId('hosted'),
      name: 'google_search',
      status: 'done',
      input: { queries },
      ...(entry && { output: entry }),
    })
  return queries.length
}

/** What the message itself cannot say. Plain text needs no second copy. */
const contentOf = ({ parts }: State) =>
  parts.every((part) => isPlainText(part) && !part.thought) ? undefined : parts

const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['MAX_TOKENS', 'length'],
  ['MODEL_ARMOR', 'content_filter'],
  ['CONTINUATION', 'length'],
  ['SAFETY', 'content_filter'],
  ['RECITATION', 'content_filter'],
  ['LANGUAGE', 'content_filter'],
  ['BLOCKLIST', 'content_filter'],
  ['PROHIBITED_CONTENT', 'content_filter'],
  ['SPII', 'content_filter'],
  ['IMAGE_SAFETY', 'content_filter'],
  ['IMAGE_PROHIBITED_CONTENT', 'content_filter'],
  ['IMAGE_RECITATION', 'content_filter'],
])

function toFinishReason({ finishReason = '', blockReason, writer }: State): FinishReason {
  if (blockReason) return 'content_filter'
  return finishReason === 'STOP'
    ? writer.fittingReason('stop')
    : (finishReasons.get(finishReason) ?? 'stop')
}

const ordinary = new Set(['STOP', 'MAX_TOKENS', 'FINISH_REASON_UNSPECIFIED'])

/** The model went wrong, or was stopped: a `stop` alone would hide it. */
function warnOfEnd({ finishReason = '', blockReason, finishMessage, context }: State): void {
  if (!blockReason && ordinary.has(finishReason)) return
  const reason = blockReason ? `blocked the prompt (${blockReason})` : `ended with ${finishReason}`
  context.warn({
    code: 'other',
    provider: 'gemini',
    message: `gemini/${context.model} ${reason}${finishMessage ? `: ${finishMessage}` : ''}`,
  })
}
