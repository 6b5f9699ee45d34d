/** Reads a stream of chat.completion.chunk objects: a table, field of the delta → small function, over a small state. */
import {
  asList,
  asNumber,
  asObjects,
  asParts,
  asString,
  asText,
  defined,
  type FinishReason,
  isObject,
  type JsonObject,
  type TokenLogprob,
  type Usage,
  unknownUsage,
} from '../../chat/index.js'
import { StreamInterruptedError } from '../../core/index.js'
import type { ToError, WireEvent } from '../../transport/index.js'
import type { Push, StreamReader, WireContext } from '../adapter.js'
import { TurnWriter } from '../turn-writer.js'
import { CallReader } from './calls.js'
import { errorIn, givenUp } from './errors.js'
import { toAnnotation, toFile, toSound } from './media.js'
import type { ServerTraits } from './models.js'
import { NativeReader } from './native-reader.js'
import { findUsage, toUsage } from './usage.js'

export interface ReaderOptions {
  readonly provider: string
  readonly traits: ServerTraits
  readonly toError: ToError
  readonly onUsage?: ((usage: Usage) => void) | undefined
  /** Characters of one call's arguments. @default 16_777_216 */
  readonly maxArgumentsLength?: number | undefined
}

interface State {
  readonly context: WireContext
  readonly options: ReaderOptions
  readonly writer: TurnWriter
  readonly calls: CallReader
  readonly native: NativeReader
  /** What was cited already: some servers say all sources again with every chunk. */
  readonly cited: Set<string>
  choiceIndex: number | undefined
  isDone: boolean
  finishReason: string | undefined
  /** '' was the last word on why it ends: no reason on the way, an unnamed one before `[DONE]`. */
  isUnnamed: boolean
  nativeReason: string | undefined
  stopSequence: string | undefined
  serviceTier: string | undefined
  usage: Usage | undefined
}

/** The reader of one stream. Its terminal event is a finish reason; usage may come behind it. */
export function streamReader(context: WireContext, options: ReaderOptions): StreamReader {
  const state = newState(context, options)
  return {
    read(event, push) {
      if (state.isDone) return
      state.writer.push = push
      if (!event.done) readEvent(event, state)
      else if (state.finishReason !== undefined || state.isUnnamed) finish(state)
    },
    // usage may come behind the finish reason: only `[DONE]`, or the end, says that nothing follows
    isWhole: () => state.isDone,
    end(push) {
      state.writer.push = push
      if (!state.isDone && state.finishReason !== undefined) finish(state)
      return state.isDone
    },
  }
}

function newState(context: WireContext, options: ReaderOptions): State {
  const { provider, maxArgumentsLength } = options
  const writer = new TurnWriter({ provider, context, maxArgumentsLength })
  return {
    context,
    options,
    writer,
    calls: new CallReader(writer),
    native: new NativeReader(options.traits.returnReasoning),
    cited: new Set(),
    choiceIndex: undefined,
    isDone: false,
    finishReason: undefined,
    isUnnamed: false,
    nativeReason: undefined,
    stopSequence: undefined,
    serviceTier: undefined,
    usage: undefined,
  }
}

function readEvent({ event, data }: WireEvent, state: State): void {
  const chunk: JsonObject = isObject(data) ? data : {}
  const choice = choiceOf(chunk, state)
  // a ping is no part of the answer
  if (Array.isArray(chunk.choices)) state.writer.keepUnread(chunk, readMembers)
  if (choice) start(chunk, state)
  if (choice) readChoice(choice, state)
  readUsage(chunk, choice, state)
  // behind the rest: what came with an error is not lost
  throwError(event, data, state)
  if (typeof chunk.service_tier === 'string') state.serviceTier = chunk.service_tier
  if (state.writer.isStarted) readCitations(asList(chunk.citations), state)
}

/** What is read of a chunk or a body. */
const readMembers: ReadonlySet<string> = new Set(
  'id object created model choices usage service_tier citations error x_groq'.split(' '),
)

const readOfChoice: ReadonlySet<string> = new Set(
  'index delta message text logprobs finish_reason native_finish_reason stop_reason matched_stop usage error'.split(
    ' ',
  ),
)

const readOfDelta: ReadonlySet<string> = new Set(
  'role content refusal annotations images audio tool_calls function_call reasoning_content reasoning reasoning_text reasoning_details extra_content'.split(
    ' ',
  ),
)

/** Of its usage, wherever a server has them. */
const readCounts: ReadonlySet<string> = new Set(
  'prompt_tokens completion_tokens total_tokens cached_tokens cache_write_tokens cache_creation_tokens audio_tokens image_tokens text_tokens reasoning_tokens prompt_cache_hit_tokens prompt_cache_miss_tokens cache_read_input_tokens cache_creation_input_tokens server_tool_use num_search_queries cost cost_in_usd_ticks'.split(
    ' ',
  ),
)

/** The answer is the choice that comes first; there is no other, as `n` is 1. */
function choiceOf({ choices }: JsonObject, state: State): JsonObject | undefined {
  if (!Array.isArray(choices)) return undefined
  for (const choice of choices) {
    if (!isObject(choice)) continue
    const index = checkedIndex(choice.index ?? 0, state)
    state.choiceIndex ??= index
    if (index === state.choiceIndex) return choice
  }
  return undefined
}

function checkedIndex(index: unknown, { writer }: State): number {
  if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < 1024)
    return index
  throw writer.unexpected('bad_index', `numbered a choice ${JSON.stringify(index)}`)
}

function start({ id, model, created }: JsonObject, { context, writer }: State): void {
  if (writer.isStarted) return
  writer.start({
    id: asText(id) ?? `chatcmpl-${crypto.randomUUID()}`,
    model: asText(model) ?? context.model,
    created: Math.max(0, asNumber(created) ?? 0),
  })
}

function readChoice(choice: JsonObject, state: State): void {
  // some gateways make a stream of one event, with a whole message in it
  const isWhole = !isObject(choice.delta)
  const { message, text } = choice
  const delta = !isWhole ? choice.delta : isObject(message) ? message : { content: message ?? text }
  if (isObject(delta)) {
    readDelta(delta, state, isWhole)
    state.writer.keepUnread(delta, readOfDelta)
    state.native.read(delta, isWhole)
  }
  state.writer.keepUnread(choice, readOfChoice)
  readLogprobs(choice.logprobs, state.writer.push)
  const reason = choice.finish_reason
  // '' is how some servers say null
  state.isUnnamed = reason === ''
  if (typeof reason !== 'string' || reason === '') return
  const { native_finish_reason, stop_reason, matched_stop } = choice
  state.finishReason = reason
  state.nativeReason = asString(native_finish_reason) || reason
  state.stopSequence = asString(stop_reason) || asString(matched_stop) || undefined
}

type Read = (value: unknown, state: State, isWhole: boolean) => void

const readContent: Read = (value, state, isWhole) => {
  if (typeof value === 'string') state.writer.text(value)
  else if (isWhole && typeof value === 'number') state.writer.text(String(value))
  // a structured answer, as the value itself
  else if (isObject(value)) state.writer.text(JSON.stringify(value))
  else for (const part of asParts(value)) readPart(part, state)
}

const readRefusal: Read = (value, { writer }) => writer.refusal(asString(value))

const readAnnotations: Read = (value, state) => {
  for (const wire of asList(value)) {
    const annotation = toAnnotation(wire)
    if (annotation && isNew(annotation, state))
      state.writer.push({ type: 'annotation', annotation })
  }
  // of another kind, as the files that OpenRouter read
  const others = asObjects(value).filter((wire) => !toAnnotation(wire))
  state.writer.keepUnread({ annotations: others }, none)
}

const none: ReadonlySet<string> = new Set()

const readImages: Read = (value, { writer }) => {
  for (const wire of asList(value)) {
    const file = toFile(wire)
    if (file) writer.push(file)
  }
}

const readAudio: Read = (value, { context, writer }) => {
  const sound = toSound(value, context.request)
  if (sound) writer.push(sound)
}

/** In this order, whatever the order of the wire. */
const fields: readonly (readonly [string, Read])[] = [
  ['content', readContent],
  ['refusal', readRefusal],
  ['annotations', readAnnotations],
  ['images', readImages],
  ['audio', readAudio],
  ['tool_calls', (value, { calls }, isWhole) => calls.read(asList(value), isWhole)],
  ['function_call', (value, { calls }) => calls.readLegacy(value)],
]

function readDelta(delta: JsonObject, state: State, isWhole: boolean): void {
  state.writer.reasoning(reasoningOf(delta), state)
  for (const [field, read] of fields) {
    const value = delta[field]
    if (value !== undefined && value !== null) read(value, state, isWhole)
  }
}

/** Content in parts: Mistral's text and thinking, and images. */
function readPart(part: JsonObject, state: State): void {
  const { writer } = state
  if (part.type === 'thinking') writer.reasoning(thoughtOf(part), state)
  else if (part.type === 'refusal') writer.refusal(asString(part.refusal))
  else if (part.type === 'image_url') readImages([part], state, false)
  else if (typeof (part.text ?? part.content) === 'string')
    writer.text(asString(part.text) || asString(part.content))
  else writer.skip('Parts', part.type)
}

const thoughtOf = ({ thinking }: JsonObject): string =>
  asString(thinking) ||
  asList(thinking)
    .map((part) => (isObject(part) ? asString(part.text) : ''))
    .join('')

/** Reasoning has many names; of those that a delta has, the first that says something counts. */
function reasoningOf(delta: JsonObject): string {
  return (
    asString(delta.reasoning_content) ||
    asString(delta.reasoning) ||
    asString(delta.reasoning_text) ||
    asList(delta.reasoning_details).map(detailText).join('')
  )
}

const detailText = (detail: unknown) =>
  isObject(detail) ? asString(detail.text) || asString(detail.summary) : ''

function readLogprobs(logprobs: unknown, push: Push): void {
  const content = isObject(logprobs) ? asList(logprobs.content).filter(isLogprob) : []
  if (content.length > 0) push({ type: 'logprobs', content })
}

const isLogprob = (value: unknown): value is TokenLogprob =>
  isObject(value) && typeof value.token === 'string' && typeof value.logprob === 'number'

/** Each time it is told, the last one counts: some servers count up with every chunk. */
function readUsage(chunk: JsonObject, choice: JsonObject | undefined, state: State): void {
  const wire = findUsage(chunk, choice)
  const usage = toUsage(wire)
  // zeros take nothing back
  if (!usage || (state.usage && usage.total_tokens === 0)) return
  state.usage = usage
  state.writer.keepUsage(wire, readCounts)
  state.options.onUsage?.(usage)
}

/** Bare addresses, as Perplexity and xAI give them. */
function readCitations(citations: readonly unknown[], state: State): void {
  for (const url of citations) {
    if (typeof url !== 'string') continue
    const annotation = { type: 'url_citation', url_citation: { url } } as const
    if (!state.cited.has(url) && isNew(annotation, state))
      state.writer.push({ type: 'annotation', annotation })
  }
}

function isNew(annotation: NonNullable<ReturnType<typeof toAnnotation>>, { cited }: State) {
  const key = JSON.stringify(annotation)
  if (cited.has(key)) return false
  cited.add(key)
  cited.add(annotation.url_citation.url)
  return true
}

/**
 * An error in a 200: at the top, in the choice (OpenRouter), in `x_groq`, as an `error` event, as an object that calls itself one,
 * or as a finish reason that says the answer was given up.
 */
function throwError(event: string | undefined, data: unknown, state: State): void {
  const { options, context, finishReason } = state
  const body = errorIn(event, data) ?? (finishReason && givenUp(finishReason))
  if (!body) return
  if (finishReason?.startsWith('abort')) throw aborted(options.provider, context)
  throw options.toError({
    status: 200,
    body,
    model: context.model,
    ...defined({ request_id: context.request_id }),
  })
}

const aborted = (provider: string, { model, request_id }: WireContext) =>
  new StreamInterruptedError(`${provider} aborted the answer of ${model}`, {
    provider,
    model,
    code: 'aborted',
    phase: 'stream',
    maybeBilled: true,
    ...defined({ requestId: request_id }),
  })

function finish(state: State): void {
  state.isDone = true
  const { calls, native, writer } = state
  calls.end()
  writer.endCalls()
  writer.finish({
    finish_reason: writer.fittingReason(finishReasons.get(state.finishReason ?? '') ?? 'stop'),
    usage: state.usage ?? unknownUsage,
    content: native.result(calls),
    ...defined({
      native_finish_reason: state.nativeReason,
      stop_sequence: state.stopSequence,
      service_tier: state.serviceTier,
    }),
  })
}

/** Words of OpenAI, and of what stands behind other servers. */
const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['content_filter', 'content_filter'],
  ['tool_use', 'tool_calls'],
  // Mistral, GLM, Cohere, Anthropic, Gemini behind gateways
  ['model_length', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['max_tokens', 'length'],
  ['MAX_TOKENS', 'length'],
  ['sensitive', 'content_filter'],
  ['safety', 'content_filter'],
  ['SAFETY', 'content_filter'],
  ['RECITATION', 'content_filter'],
  ['refusal', 'content_filter'],
])
