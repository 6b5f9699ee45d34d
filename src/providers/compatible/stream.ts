/** Reads a stream of chat.completion.chunk objects: a table, field of the delta → small function, over a small state. */
import {
  asNumber,
  defined,
  type FinishReason,
  isObject,
  type JsonObject,
  type TokenLogprob,
  type Usage,
  unknownUsage,
} from '../../chat/index.js'
import { StreamInterruptedError, UnexpectedResponseError } from '../../core/index.js'
import type { ToError, WireEvent } from '../../transport/index.js'
import type { Push, StreamReader, WireContext } from '../adapter.js'
import { CallReader } from './calls.js'
import { errorIn, givenUp } from './errors.js'
import { toAnnotation, toFile, toSound } from './media.js'
import type { ServerTraits } from './models.js'
import { NativeReader } from './native.js'
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
  readonly calls: CallReader
  readonly native: NativeReader
  /** What was cited already: some servers say all sources again with every chunk. */
  readonly cited: Set<string>
  choiceIndex: number | undefined
  isStarted: boolean
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
      if (!event.done) readEvent(event, state, push)
      else if (state.finishReason !== undefined || state.isUnnamed) finish(state, push)
    },
    // usage may come behind the finish reason: only `[DONE]`, or the end, says that nothing follows
    isWhole: () => state.isDone,
    end(push) {
      if (!state.isDone && state.finishReason !== undefined) finish(state, push)
      return state.isDone
    },
  }
}

function newState(context: WireContext, options: ReaderOptions): State {
  const { provider, maxArgumentsLength = 16 * 1024 * 1024 } = options
  return {
    context,
    options,
    calls: new CallReader({ provider, model: context.model, maxArgumentsLength }),
    native: new NativeReader(options.traits.returnReasoning),
    cited: new Set(),
    choiceIndex: undefined,
    isStarted: false,
    isDone: false,
    finishReason: undefined,
    isUnnamed: false,
    nativeReason: undefined,
    stopSequence: undefined,
    serviceTier: undefined,
    usage: undefined,
  }
}

function readEvent({ event, data }: WireEvent, state: State, push: Push): void {
  const chunk: JsonObject = isObject(data) ? data : {}
  const choice = choiceOf(chunk, state)
  if (choice) start(chunk, state, push)
  if (choice) readChoice(choice, state, push)
  readUsage(chunk, choice, state)
  // behind the rest: what came with an error is not lost
  throwError(event, data, state)
  if (typeof chunk.service_tier === 'string') state.serviceTier = chunk.service_tier
  if (Array.isArray(chunk.citations) && state.isStarted) readCitations(chunk.citations, state, push)
}

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

function checkedIndex(index: unknown, { context, options }: State): number {
  if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < 1024)
    return index
  const { provider } = options
  throw new UnexpectedResponseError(
    `${provider}/${context.model} numbered a choice ${JSON.stringify(index)}`,
    { provider, model: context.model, code: 'bad_index', phase: 'stream', maybeBilled: true },
  )
}

function start(chunk: JsonObject, state: State, push: Push): void {
  if (state.isStarted) return
  state.isStarted = true
  const { context, options } = state
  const { id, model, created } = chunk
  push({
    type: 'start',
    id: typeof id === 'string' && id !== '' ? id : `chatcmpl-${crypto.randomUUID()}`,
    model: typeof model === 'string' && model !== '' ? model : context.model,
    provider: options.provider,
    created: Math.max(0, asNumber(created) ?? 0) || Math.floor(Date.now() / 1000),
    ...defined({ request_id: context.request_id }),
  })
}

function readChoice(choice: JsonObject, state: State, push: Push): void {
  // some gateways make a stream of one event, with a whole message in it
  const isWhole = !isObject(choice.delta)
  const delta = isWhole ? choice.message : choice.delta
  if (isObject(delta)) readDelta(delta, state, push)
  if (isObject(delta)) state.native.read(delta, isWhole)
  readLogprobs(choice.logprobs, push)
  const reason = choice.finish_reason
  // '' is how some servers say null
  state.isUnnamed = reason === ''
  if (typeof reason !== 'string' || reason === '') return
  const { native_finish_reason, stop_reason, matched_stop } = choice
  state.finishReason = reason
  state.nativeReason = text(native_finish_reason) || reason
  state.stopSequence = text(stop_reason) || text(matched_stop) || undefined
}

type Read = (value: unknown, state: State, push: Push) => void

const readContent: Read = (value, state, push) => {
  if (typeof value === 'string') readText(value, push)
  else for (const part of list(value)) if (isObject(part)) readPart(part, state, push)
}

const readRefusal: Read = (value, _, push) => {
  if (typeof value === 'string' && value !== '') push({ type: 'refusal-delta', text: value })
}

const readAnnotations: Read = (value, state, push) => {
  for (const wire of list(value)) {
    const annotation = toAnnotation(wire)
    if (annotation && isNew(annotation, state)) push({ type: 'annotation', annotation })
  }
}

const readImages: Read = (value, _, push) => {
  for (const wire of list(value)) {
    const file = toFile(wire)
    if (file) push(file)
  }
}

const readAudio: Read = (value, { context }, push) => {
  const sound = toSound(value, context.request)
  if (sound) push(sound)
}

/** In this order, whatever the order of the wire. */
const fields: readonly (readonly [string, Read])[] = [
  ['content', readContent],
  ['refusal', readRefusal],
  ['annotations', readAnnotations],
  ['images', readImages],
  ['audio', readAudio],
  ['tool_calls', (value, { calls }, push) => calls.read(list(value), push)],
  ['function_call', (value, { calls }, push) => calls.readLegacy(value, push)],
]

function readDelta(delta: JsonObject, state: State, push: Push): void {
  readThought(reasoningOf(delta), push)
  for (const [field, read] of fields) {
    const value = delta[field]
    if (value !== undefined && value !== null) read(value, state, push)
  }
}

const readText = (value: string, push: Push) => {
  if (value !== '') push({ type: 'text-delta', text: value })
}

const readThought = (value: string, push: Push) => {
  if (value !== '') push({ type: 'reasoning-delta', text: value })
}

/** Content in parts: Mistral's text and thinking, and images. */
function readPart(part: JsonObject, state: State, push: Push): void {
  if (part.type === 'thinking') readThought(thoughtOf(part), push)
  else if (part.type === 'refusal') readRefusal(part.refusal, state, push)
  else if (part.type === 'image_url') readImages([part], state, push)
  else readText(text(part.text), push)
}

const thoughtOf = ({ thinking }: JsonObject): string =>
  text(thinking) ||
  list(thinking)
    .map((part) => (isObject(part) ? text(part.text) : ''))
    .join('')

/** Reasoning has many names; of those that a delta has, the first that says something counts. */
function reasoningOf(delta: JsonObject): string {
  return (
    text(delta.reasoning_content) ||
    text(delta.reasoning) ||
    text(delta.reasoning_text) ||
    list(delta.reasoning_details).map(detailText).join('')
  )
}

const detailText = (detail: unknown) =>
  isObject(detail) ? text(detail.text) || text(detail.summary) : ''

function readLogprobs(logprobs: unknown, push: Push): void {
  const content = isObject(logprobs) ? list(logprobs.content).filter(isLogprob) : []
  if (content.length > 0) push({ type: 'logprobs', content })
}

const isLogprob = (value: unknown): value is TokenLogprob =>
  isObject(value) && typeof value.token === 'string' && typeof value.logprob === 'number'

/** Each time it is told, the last one counts: some servers count up with every chunk. */
function readUsage(chunk: JsonObject, choice: JsonObject | undefined, state: State): void {
  const usage = toUsage(findUsage(chunk, choice))
  if (!usage) return
  state.usage = usage
  state.options.onUsage?.(usage)
}

/** Bare addresses, as Perplexity and xAI give them. */
function readCitations(citations: readonly unknown[], state: State, push: Push): void {
  for (const url of citations) {
    if (typeof url !== 'string') continue
    const annotation = { type: 'url_citation', url_citation: { url } } as const
    if (!state.cited.has(url) && isNew(annotation, state)) push({ type: 'annotation', annotation })
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

function finish(state: State, push: Push): void {
  state.isDone = true
  const { calls, native, context, options } = state
  const hasCalls = calls.end(push)
  push({
    type: 'finish',
    finish_reason: toFinishReason(state.finishReason, hasCalls),
    usage: state.usage ?? unknownUsage,
    ...defined({
      native_finish_reason: state.nativeReason,
      stop_sequence: state.stopSequence,
      service_tier: state.serviceTier,
      native: native.result(calls, { provider: options.provider, model: context.model }),
    }),
  })
}

/** Where calls are there, a `stop` is none; a cut or a filter is. */
function toFinishReason(reason: string | undefined, hasCalls: boolean): FinishReason {
  const known = finishReasons.get(reason ?? '') ?? 'stop'
  if (known === 'stop' && hasCalls) return 'tool_calls'
  return known === 'tool_calls' && !hasCalls ? 'stop' : known
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

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
