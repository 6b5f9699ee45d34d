/** Reads a stream of chat.completion.chunk objects: a table of delta fields over a small state. */
import {
  type AnswerInput,
  asList,
  asNumber,
  asObject,
  asObjects,
  asParts,
  asString,
  asText,
  isObject,
  type JsonObject,
  type TokenLogprob,
  type UrlCitation,
  updateCounts,
} from '../../chat/index.js'
import { type Call, StreamInterruptedError } from '../../core/index.js'
import type { ToError, WireEvent, WireResponse } from '../../transport/index.js'
import type { Push, WireContext } from '../adapter.js'
import { type AnswerReader, namesIn, readAnswer, urlCitation } from '../answers.js'
import { type ReaderLimits, TurnWriter } from '../turn-writer.js'
import { CallReader } from './calls.js'
import { errorIn, givenUp } from './errors.js'
import { toAnnotation, toAudio, toFile } from './media.js'
import type { ServerTraits } from './models.js'
import { NativeReader, textOf } from './native-reader.js'
import { findUsage, toUsage } from './usage.js'

export interface ReaderOptions extends ReaderLimits {
  readonly provider: string
  readonly traits: ServerTraits
  readonly toError: ToError
}

class State {
  readonly writer: TurnWriter
  readonly calls: CallReader
  readonly native: NativeReader
  /** Citations already sent: some servers repeat all sources in every chunk. */
  readonly cited = new Set<string>()
  choiceIndex: number | undefined
  isDone = false
  finishReason: string | undefined
  /** The last finish reason was '': none yet, or an unnamed one before `[DONE]`. */
  isUnnamed = false
  nativeReason: string | undefined
  stopSequence: string | undefined
  serviceTier: string | undefined
  readonly usage: Record<string, unknown> = {}

  constructor(
    readonly context: WireContext,
    readonly options: ReaderOptions,
    call?: Pick<Call, 'onUsage'>,
  ) {
    this.writer = new TurnWriter({ ...options, context, call })
    this.calls = new CallReader(this.writer)
    this.native = new NativeReader(options.traits.returnReasoning)
  }
}

/** The reader of one stream. Its terminal event is a finish reason; usage may follow it. */
export const streamReader = (...given: ConstructorParameters<typeof State>): AnswerReader =>
  new Reader(...given)

class Reader extends State implements AnswerReader {
  read(event: WireEvent, push: Push): void {
    if (this.isDone) return
    this.writer.push = push
    if (!event.done) readEvent(event, this)
    else if (this.finishReason !== undefined || this.isUnnamed) finish(this)
  }

  // usage may follow the finish reason: only `[DONE]` or the end of the body is final
  isWhole(): boolean {
    return this.isDone
  }

  end(push: Push): boolean {
    this.writer.push = push
    if (!this.isDone && this.finishReason !== undefined) finish(this)
    return this.isDone
  }
}

/** Reads a plain answer. Throws the error of a body, `UnexpectedResponseError` without a choice. */
export const fromWire = (
  { body }: WireResponse,
  ...given: ConstructorParameters<typeof State>
): AnswerInput =>
  readAnswer(new Reader(...given), completed(body), 'no_choice', 'JSON without a choice')

/** A body is complete even without a finish reason. Drops a choice without message and text. */
function completed(body: unknown): unknown {
  if (!isObject(body) || !Array.isArray(body.choices)) return body
  const [given, ...others] = body.choices
  if (given === undefined) return body
  const { delta, ...choice } = asObject(given)
  const { message, text, finish_reason } = choice
  const isText = typeof message === 'string' || typeof text === 'string'
  if (!isObject(message) && !isObject(delta) && !isText) return {}
  // a delta beside a whole message is ignored
  const content = { ...choice, ...(!isObject(message) && { delta }) }
  const choices = [{ ...content, finish_reason: asText(finish_reason) ?? 'stop' }, ...others]
  return { ...body, choices }
}

function readEvent({ event, data }: WireEvent, state: State): void {
  const chunk = asObject(data)
  const choice = choiceOf(chunk, state)
  // a ping is not part of the answer
  if (Array.isArray(chunk.choices)) state.writer.keepUnread(chunk, readMembers)
  if (choice) {
    start(chunk, state)
    readChoice(choice, state)
  }
  readUsage(chunk, choice, state)
  // last: content beside an error is not lost
  throwError(event, data, state)
  if (typeof chunk.service_tier === 'string') state.serviceTier = chunk.service_tier
  if (state.writer.isStarted) readCitations(asList(chunk.citations), state)
}

/** Members of a chunk or a body that are read. */
const readMembers = namesIn(
  'id object created model choices usage service_tier citations error x_groq',
)

const readOfChoice = namesIn(
  'index delta message text logprobs finish_reason native_finish_reason stop_reason matched_stop usage error',
)

const readOfDelta = namesIn(
  'role content refusal annotations images audio tool_calls function_call reasoning_content reasoning reasoning_text reasoning_details extra_content',
)

/** Of its usage, wherever servers put them. */
const readCounts = namesIn(
  'prompt_tokens completion_tokens input_tokens output_tokens total_tokens cached_tokens cache_write_tokens cache_creation_tokens audio_tokens image_tokens text_tokens reasoning_tokens prompt_cache_hit_tokens prompt_cache_miss_tokens cache_read_input_tokens cache_creation_input_tokens server_tool_use num_search_queries cost cost_in_usd_ticks',
)

/** The answer is the first choice; `n` is 1. */
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
  throw writer.unexpected('bad_index', `sent a choice with the index ${JSON.stringify(index)}`)
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
  // some gateways send one event with a whole message
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
  // some servers send '' for null
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
  // a structured answer, as a JSON value
  else if (isObject(value)) state.writer.text(JSON.stringify(value))
  else for (const part of asParts(value)) readPart(part, state)
}

const readRefusal: Read = (value, { writer }) => writer.refusal(asString(value))

const readAnnotations: Read = (value, state) => {
  for (const wire of asList(value)) {
    const annotation = toAnnotation(wire)
    if (annotation) cite(annotation, state)
  }
  // other kinds, such as the files that OpenRouter read
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
  const audio = toAudio(value, context.request)
  if (audio) writer.push(audio)
}

/** Read in this order, whatever the order on the wire. */
const fields: readonly (readonly [string, Read])[] = [
  ['content', readContent],
  ['refusal', readRefusal],
  ['annotations', readAnnotations],
  ['images', readImages],
  ['audio', readAudio],
  ['tool_calls', (value, { calls }, isWhole) => calls.read(value, isWhole)],
  ['function_call', (value, { calls }) => calls.readLegacy(value)],
]

function readDelta(delta: JsonObject, state: State, isWhole: boolean): void {
  state.writer.reasoning(reasoningOf(delta), state)
  for (const [field, read] of fields) {
    const value = delta[field]
    if (value !== undefined && value !== null) read(value, state, isWhole)
  }
}

/** A content part: Mistral's text or thinking, or an image. */
function readPart(part: JsonObject, state: State): void {
  const { writer } = state
  if (part.type === 'thinking') writer.reasoning(textOf(part.thinking), state)
  else if (part.type === 'refusal') writer.refusal(asString(part.refusal))
  else if (part.type === 'image_url') readImages([part], state, false)
  else if (typeof (part.text ?? part.content) === 'string')
    writer.text(asString(part.text) || asString(part.content))
  else writer.skip('Parts', part.type)
}

/** Reasoning has many names; the first non-empty one of a delta is read. */
function reasoningOf(delta: JsonObject): string {
  return (
    asString(delta.reasoning_content) ||
    asString(delta.reasoning) ||
    asString(delta.reasoning_text) ||
    asList(delta.reasoning_details).map(detailText).join('')
  )
}

const detailText = (detail: unknown) => {
  const { text, summary } = asObject(detail)
  return asString(text) || asString(summary)
}

function readLogprobs(logprobs: unknown, push: Push): void {
  if (!isObject(logprobs)) return
  const content = asList(logprobs.content).filter(isLogprob)
  if (content.length > 0) push({ type: 'logprobs', content })
}

const isLogprob = (value: unknown): value is TokenLogprob =>
  isObject(value) && typeof value.token === 'string' && typeof value.logprob === 'number'

/** The last report of each count applies: some servers count up with every chunk. */
function readUsage(chunk: JsonObject, choice: JsonObject | undefined, state: State): void {
  const wire = findUsage(chunk, choice)
  if (!isObject(wire)) return
  updateCounts(state.usage, wire)
  state.writer.keepUsage(state.usage, readCounts)
  state.writer.reportUsage(toUsage(state.usage))
}

/** Plain URLs, as Perplexity and xAI send them. */
function readCitations(citations: readonly unknown[], state: State): void {
  for (const url of citations)
    if (typeof url === 'string' && !state.cited.has(url)) cite(urlCitation(url, {}), state)
}

function cite(annotation: UrlCitation, { cited, writer }: State): void {
  const key = JSON.stringify(annotation)
  if (cited.has(key)) return
  cited.add(key)
  cited.add(annotation.url_citation.url)
  writer.push({ type: 'annotation', annotation })
}

/**
 * Throws an error in a 200: at the top, in the choice (OpenRouter), in `x_groq`, as an `error`
 * event, as an object of type `error`, or as a finish reason without an answer.
 */
function throwError(event: string | undefined, data: unknown, state: State): void {
  const { options, context, finishReason, writer } = state
  const body = errorIn(event, data) ?? (finishReason && givenUp(finishReason))
  if (!body) return
  if (!finishReason?.startsWith('abort')) throw writer.failed(body, options.toError)
  const { provider } = options
  const { model, request_id: requestId } = context
  throw new StreamInterruptedError(`${provider} aborted the answer of ${model}`, {
    provider,
    model,
    requestId,
    code: 'aborted',
    phase: 'stream',
    maybeBilled: true,
  })
}

function finish(state: State): void {
  state.isDone = true
  const { calls, native, writer } = state
  calls.end()
  writer.endCalls()
  writer.finish({
    finish_reason: writer.reasonOf(state.finishReason),
    content: native.result(calls),
    native_finish_reason: state.nativeReason,
    stop_sequence: state.stopSequence,
    service_tier: state.serviceTier,
  })
}
