/** Masks personal data in what is sent to a provider, and masks or restores it in the answer. */
import {
  type ChatRequest,
  type FinishChunk,
  type Message,
  type Native,
  originOf,
} from '../src/chat/index.js'
import {
  BadRequestError,
  type Context,
  key,
  layer,
  type Middleware,
  MisuseError,
  type Next,
  reversible,
} from '../src/core/index.js'
import type { Store } from '../src/store/index.js'
import { patientStore } from '../src/store/patient.js'
import { maskRecorded } from './mask-recorded.js'
import { editAnswer } from './redact/answer.js'
import { maskError, maskPlain } from './redact/errors.js'
import {
  type Detect,
  Detections,
  editContent,
  editValue,
  Masker,
  TextCollector,
} from './redact/mask.js'
import { type OriginalData, readOriginal } from './redact/original.js'
import { literalName, placeholdersOf } from './redact/placeholder.js'
import { editRequest, editResult } from './redact/request.js'
import { Restorer } from './redact/restore.js'
import { type BuiltInRule, type Rule, type SearchRule, toSearchRules } from './redact/rules.js'
import { findHits } from './redact/search.js'
import {
  HashedValues,
  importKey,
  NamelessValues,
  NumberedValues,
  type Seal,
  type Values,
} from './redact/values.js'

export interface RedactOptions<State = {}> {
  /**
   * Built-in rules by name, and your own rules; of two matches the leftmost counts, then the
   * longest.
   * @default all built-in rules
   */
  readonly rules?: readonly (BuiltInRule | Rule)[] | undefined
  /**
   * Restores originals for the client and in the arguments of tools.
   * @default false: both directions are masked
   */
  readonly restore?: boolean | undefined
  /** The conversation of a call: its placeholders keep their numbers. Needs `store`. */
  readonly scope?: ((ctx: Context<State>) => string) | undefined
  /**
   * Stores the originals of a conversation.
   * @default none: placeholders are named by a keyed hash
   */
  readonly store?: Store | undefined
  /**
   * How long originals are stored after the last new value. Milliseconds.
   * @default 31_536_000_000 (a year)
   */
  readonly ttlMs?: number | undefined
  /** Encrypts what is stored. @default stored in clear */
  readonly seal?: Seal | undefined
  /** The secret key of the hash: the same in all processes. @default random */
  readonly key?: string | undefined
  /**
   * A service that finds more (names, addresses), called once a text; without `restore` the answer
   * is then held until its turn is complete.
   */
  readonly detect?: Detect | undefined
  /** Edits reasoning too. False leaves it as the model wrote it, in `native` too. @default true */
  readonly reasoning?: boolean | undefined
}

/**
 * Masks personal data in what is sent to the provider: messages of every step, arguments and
 * results of tools, `user`, `metadata`, descriptions of tools, `stop`, `extra_body`. Without
 * `restore` the answer is masked too; with it placeholders (`<EMAIL_1>`) are sent and originals
 * restored, for the client and in the arguments of tools.
 *
 * Not edited: ids, types, names of tools, hosted tools, URLs and data of media, native blocks (they
 * are dropped from a masked turn). Log-probabilities are dropped. Messages, causes and headers of
 * errors contain no original; with `restore`, `error.partial` is what the client got.
 *
 * Place: two layers. One inside `tools`, outside `fallback` and `retry`; one outside `tools`, for
 * tool results sent to the client without `restore`. `standard({ with: [redact()] })` puts them
 * there.
 *
 * Throws `MisuseError` for an invalid rule, and `scope` without `store`; a call with `restore`,
 * `previous_response_id` and no store rejects with `BadRequestError`. A store that fails
 * (`ServiceUnavailableError`, `store_unavailable`) or an error of `detect` ends the call: nothing
 * is sent in clear.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [redact({ rules: ['email', 'iban'], restore: true })] }) })
 */
export function redact<State = {}>(
  options: RedactOptions<State> = {},
): readonly Middleware<State>[] {
  const settings = toSettings(options)
  const outgoing = async (request: ChatRequest) => {
    const state = { values: forCount(settings), detections: newDetections(settings) }
    return (await maskRequest(request, state, settings)).request
  }
  const inside = layer<State>('redact', (ctx, next) => runInside(ctx, next, settings), {
    place: ['outside fallback', 'inside tools'],
    outgoing,
  })
  if (settings.restore) return [inside]
  const outside = layer<State>('redact-results', (ctx, next) => runOutside(ctx, next, settings), {
    place: 'outside tools',
  })
  return [outside, inside]
}

interface Settings<State> extends RedactOptions<State> {
  readonly search: readonly SearchRule[]
  readonly hashKey: Promise<CryptoKey> | undefined
  readonly stateKey: ReturnType<typeof key<CallState>>
}

/** State shared by the steps of one call. */
interface CallState {
  readonly values: Values
  readonly detections: Detections | undefined
}

function toSettings<State>(options: RedactOptions<State>): Settings<State> {
  const { restore = false, scope, store, detect } = options
  if (restore && !scope !== !store)
    throw new MisuseError('redact() needs scope and store together: pass both, or neither')
  if (detect !== undefined && typeof detect !== 'function')
    throw new MisuseError(
      '`detect` of redact() must be a function: (text) => [{ name, start, end }]',
    )
  const isHashed = restore && !store
  return {
    ...options,
    store: store && patientStore(store, { patienceMs: 10_000 }),
    search: toSearchRules(options.rules),
    hashKey: isHashed ? importKey(options.key) : undefined,
    stateKey: key<CallState>('redact'),
  }
}

const newDetections = ({ detect }: { readonly detect?: Detect | undefined }) =>
  detect && new Detections(detect)

/** Counting tokens writes nothing to a store: it uses names of the same length. */
function forCount<State>({ restore, hashKey = importKey(undefined) }: Settings<State>): Values {
  return restore ? new HashedValues(hashKey) : new NamelessValues()
}

function newValues<State>(ctx: Context<State>, settings: Settings<State>): Values {
  const { restore, scope, store, ttlMs = 31_536_000_000, seal, hashKey } = settings
  if (!restore) return new NamelessValues()
  if (hashKey) return new HashedValues(hashKey)
  // toSettings() has checked that both exist
  if (!scope || !store) throw new MisuseError('redact() needs scope and store')
  const id = scope(ctx)
  if (typeof id !== 'string' || id === '')
    throw new MisuseError(
      '`scope` of redact() must return a string that is not empty: the conversation',
    )
  return new NumberedValues({ store, key: `redact:${id}`, ttlMs, seal })
}

function stateOf<State>(ctx: Context<State>, settings: Settings<State>): CallState {
  const known = ctx.get(settings.stateKey)
  if (known) return known
  const state = { values: newValues(ctx, settings), detections: newDetections(settings) }
  ctx.set(settings.stateKey, state)
  return state
}

async function runInside<State>(ctx: Context<State>, next: Next, settings: Settings<State>) {
  checkChain(ctx.request, settings)
  const state = stateOf(ctx, settings)
  const { request, masker } = await maskRequest(ctx.request, state, settings)
  ctx.request = request
  ctx.set(maskRecorded, recordMask(state, settings))
  ctx.transform(
    settings.restore
      ? restoring(ctx, state.values, settings)
      : masking(ctx, masker, state.detections, settings),
  )
  try {
    return await next()
  } catch (error) {
    const mask = errorMask(state.values, settings)
    maskError(error, mask)
    throw maskPlain(error, mask)
  }
}

/** The state at the provider contains placeholders whose originals are no longer known here. */
function checkChain<State>(request: ChatRequest, { restore, store }: Settings<State>): void {
  if (!restore || store || request.previous_response_id === undefined) return
  throw new BadRequestError(
    'previous_response_id with redact({ restore: true }) needs a store: pass scope and store, or send the history',
    { status: 400, code: 'bad_request', phase: 'request' },
  )
}

async function maskRequest<State>(
  request: ChatRequest,
  { values, detections }: CallState,
  settings: Settings<State>,
) {
  const { search, restore, reasoning = true } = settings
  const collector = new TextCollector()
  const everything = { originalOf: () => undefined, mayKeep: () => true }
  editRequest(request, Object.assign(collector, everything))
  await detections?.prepare(collector.all)
  await values.add([])
  const names = [...search.map(({ placeholder }) => placeholder), literalName, ...values.names]
  const literal = restore ? placeholdersOf([...new Set(names)])?.rule : undefined
  const masker = new Masker(literal ? [...search, literal] : search, values, detections)
  await addValues(collector, masker, values)
  const restorer = new Restorer(values)
  const masked = editRequest(request, {
    text: (text) => masker.text(text),
    json: (text) => masker.json(text),
    number: (value) => masker.number(value),
    originalOf: (message) => (restore ? readOriginal(message, restorer, reasoning) : undefined),
    mayKeep: (native) => !reasoning || isClean(native, search),
  })
  return { request: restore ? withLine(masked) : masked, masker }
}

async function addValues({ texts, numbers }: TextCollector, masker: Masker, values: Values) {
  const words = texts.flatMap((text) => masker.valuesIn(text))
  const counts = numbers.flatMap((text) => masker.valuesIn(text))
  await values.add([...words, ...counts])
  for (const { text } of counts) if (numbers.includes(text)) values.numbers.add(text)
  for (const { text } of words) values.numbers.delete(text)
}

/** True if none of its strings matches a rule. */
function isClean({ content = [] }: Native, rules: readonly SearchRule[]): boolean {
  const strings = new TextCollector()
  editValue(content, strings)
  return strings.texts.every((text) => findHits(text, rules).next().done)
}

const line: Message = {
  role: 'system',
  content:
    'Some values are replaced by placeholders in angle brackets, a name in capitals and an id: <EMAIL_1>, <NAME_k3x>. Each stands for one real value that you may use but not see. Write a placeholder exactly as it stands, brackets included, wherever you mean its value, also in the arguments of tools, and never make one up.',
}

/**
 * Always added, after the system messages: adding it with the first value would change the cached
 * prefix.
 */
function withLine(request: ChatRequest): ChatRequest {
  const { messages } = request
  const isSystem = ({ role }: Message) => role === 'system' || role === 'developer'
  const first = messages.findIndex((message) => !isSystem(message))
  const at = first === -1 ? messages.length : first
  return { ...request, messages: messages.toSpliced(at, 0, line) }
}

function restoring<State>(ctx: Context<State>, values: Values, settings: Settings<State>) {
  const { search, reasoning = true } = settings
  const restorer = new Restorer(values)
  const isJson = isJsonAsked(ctx.request)
  const keepOriginal = (chunk: FinishChunk, original: OriginalData, isEdited: boolean) => {
    const { native } = chunk
    if (!native?.content || !(isEdited || hasHits(original, search))) return chunk
    return { ...chunk, native: { ...native, said: original } }
  }
  return reversible(
    editAnswer({
      rules: restorer.rules,
      replace: (form, channel) =>
        isJson && channel === 'text-delta'
          ? restorer.escapedOriginal(form)
          : restorer.original(form),
      map: restorer,
      reasoning,
      finish: keepOriginal,
      warn: ctx.warn,
    }),
  )
}

function masking<State>(
  ctx: Context<State>,
  masker: Masker,
  detections: Detections | undefined,
  { search, reasoning = true }: Settings<State>,
) {
  const dropBlocks = (chunk: FinishChunk, _: OriginalData, isEdited: boolean) => {
    const { native } = chunk
    if (!native?.content) return chunk
    const isSafe = !isEdited && (!reasoning || isClean(native, search))
    return isSafe ? chunk : { ...chunk, native: originOf(native) }
  }
  const whole = isJsonAsked(ctx.request) ? 'json' : detections && 'text'
  return editAnswer({
    rules: search,
    replace: (_, __, { name }) => `<${name}>`,
    map: masker,
    reasoning,
    whole,
    prepare: detections && ((texts) => detections.prepare(texts)),
    finish: dropBlocks,
    warn: ctx.warn,
  })
}

const isJsonAsked = ({ response_format: format }: ChatRequest) =>
  format?.type === 'json_object' || format?.type === 'json_schema'

const hasHits = (
  { content, reasoning, refusal, arguments: args }: OriginalData,
  rules: readonly SearchRule[],
) => [content, reasoning, refusal, ...args].some((text) => !findHits(text, rules).next().done)

/** Errors are not restored, so their placeholders have no number. */
function errorMask<State>(values: Values, { search }: Settings<State>) {
  const masker = new Masker(search, new NamelessValues())
  return (text: string) => masker.text(values.mask(text))
}

/** A layer further in reads the answer before this layer has masked it. */
function recordMask<State>(
  { values, detections }: CallState,
  { search, restore }: Settings<State>,
): (text: string) => string {
  const masker = new Masker(search, new NamelessValues(), restore ? undefined : detections)
  return (text) => editContent(values.mask(text), masker)
}

/** Masks tool results sent to the client. */
async function runOutside<State>(ctx: Context<State>, next: Next, settings: Settings<State>) {
  const detections = newDetections(settings)
  const masker = new Masker(settings.search, new NamelessValues(), detections)
  ctx.transform((chunk, emit) => {
    if (chunk.type !== 'tool-result') return emit(chunk)
    const run = () => emit({ ...chunk, content: editResult(chunk.content, masker) })
    if (!detections) return run()
    const collector = new TextCollector()
    editResult(chunk.content, collector)
    return detections.prepare(collector.all).then(run)
  })
  return next()
}

export type { Detect, Detected } from './redact/mask.js'
export type { BuiltInRule, Pattern, Rule } from './redact/rules.js'
export type { Seal } from './redact/values.js'
