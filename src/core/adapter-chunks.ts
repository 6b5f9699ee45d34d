/** Validates the output of an adapter, so that every later chunk and answer matches its type. */
import {
  type AnswerInput,
  asCost,
  asCount,
  type ChatResponse,
  type FinishReason,
  isObject,
  type JsonObject,
  type StreamChunk,
  type Usage,
  unknownUsage,
} from '../chat/index.js'
import { type ErrorDetails, UnexpectedResponseError } from './errors.js'

/** The requested provider and model, for omitted members and errors. */
export interface CallTarget {
  readonly provider: string
  readonly model: string
}

/** Checks the shape and the order of an adapter's chunks; one for each attempt. */
export class ChunkCheck {
  /** A turn has begun and has no `finish` yet. */
  isOpen = false
  /** Number of turns with a `finish`. */
  turns = 0
  /** For each call of the open turn, whether its arguments are incomplete. */
  private openCalls: boolean[] = []

  constructor(private readonly target: CallTarget) {}

  /** True with at least one turn, none of them open. */
  get isWhole(): boolean {
    return this.turns > 0 && !this.isOpen
  }

  /**
   * The chunks of one read, with omitted members completed, up to the first invalid one. The chunks
   * before it are kept; `error` names the adapter and the member.
   */
  read(given: unknown): { chunks: readonly StreamChunk[]; error?: UnexpectedResponseError } {
    const batch: readonly unknown[] = Array.isArray(given) ? given : [given]
    let completed: StreamChunk[] | undefined
    for (let i = 0; i < batch.length; i++) {
      const defect = this.defectOf(batch[i])
      if (defect !== undefined) {
        // each was checked above
        const chunks = completed?.slice(0, i) ?? (batch.slice(0, i) as readonly StreamChunk[])
        return { chunks, error: badAnswer(this.target, `a bad chunk: ${defect}`, 'bad_chunk') }
      }
      // its members were checked
      const chunk = batch[i] as StreamChunk
      const whole = completeChunk(chunk, this.target)
      if (whole === chunk) continue
      completed ??= [...(batch as readonly StreamChunk[])]
      completed[i] = whole
    }
    // each was checked above
    return { chunks: completed ?? (batch as readonly StreamChunk[]) }
  }

  private defectOf(chunk: unknown): string | undefined {
    if (!isObject(chunk)) return `${kindOf(chunk)} instead of a chunk`
    const { type } = chunk
    const members = typeof type === 'string' && chunkMembers.get(type)
    if (!members) return `its type is ${brief(type)}`
    return defectIn(chunk, members, `'${type}'`) ?? this.misplaced(chunk as unknown as StreamChunk)
  }

  /**
   * Checks the order: calls are numbered from 0 in each turn, content is between `start` and
   * `finish`.
   */
  private misplaced(chunk: StreamChunk): string | undefined {
    const { openCalls } = this
    if (chunk.type === 'start') {
      if (this.isOpen) return `a 'start' before the 'finish' of the open turn`
      this.isOpen = true
      this.openCalls = []
      return undefined
    }
    if (standsOutside.has(chunk.type)) return undefined
    if (!this.isOpen) return `a '${chunk.type}' outside 'start' … 'finish'`
    if (chunk.type === 'tool-call-start') {
      const next = openCalls.length
      if (chunk.index !== next) return `call ${chunk.index} starts, expected ${next}`
      openCalls.push(true)
    }
    if (chunk.type === 'tool-call-delta' || chunk.type === 'tool-call-end') {
      if (!openCalls[chunk.index])
        return `a '${chunk.type}' for call ${chunk.index}, which is not open`
      openCalls[chunk.index] = chunk.type === 'tool-call-delta'
    }
    if (chunk.type !== 'finish') return undefined
    if (openCalls.includes(true))
      return `a 'finish' while call ${openCalls.indexOf(true)} has no 'tool-call-end'`
    this.isOpen = false
    this.turns++
    return undefined
  }
}

/**
 * A whole answer, with omitted members completed. Throws `UnexpectedResponseError`, which names the
 * adapter, for an invalid answer.
 */
export function readAnswer(given: unknown, target: CallTarget): AnswerInput {
  const defect = isObject(given)
    ? defectIn(given, answerMembers, 'the answer')
    : `${kindOf(given)} instead of an answer`
  if (defect !== undefined) throw badAnswer(target, defect, 'bad_answer')
  // its members were checked
  const answer = given as unknown as Partial<ChatResponse> & Pick<ChatResponse, 'message'>
  return {
    ...answer,
    ...identity(answer, target),
    finish_reason: answer.finish_reason ?? (answer.message.tool_calls ? 'tool_calls' : 'stop'),
    usage: readUsage(answer.usage) ?? unknownUsage,
  }
}

/**
 * Usage as an adapter reports it; undefined unless its token counts are finite integers from 0.
 * Invalid details are left out.
 */
export function readUsage(given: unknown): Usage | undefined {
  if (!isUsage(given)) return undefined
  const { prompt_tokens, completion_tokens } = given
  const { cost, ...counts } = given
  const costUsd = asCost(cost)
  return {
    ...countsOf(counts),
    // computed, as some servers report another sum
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    ...(costUsd !== undefined && { cost: costUsd }),
    ...(given.estimated === true && { estimated: true as const }),
  }
}

/** True if its token counts are valid. */
export const isUsage = (
  given: unknown,
): given is Record<'prompt_tokens' | 'completion_tokens', number> & JsonObject =>
  isObject(given) && isCount(given.prompt_tokens) && isCount(given.completion_tokens)

const isCount = (value: unknown) => typeof value === 'number' && asCount(value) !== undefined

function countsOf(given: object): Record<string, unknown> {
  const counts: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given))
    if (isCount(value)) counts[name] = value
    else if (isObject(value)) counts[name] = countsOf(value)
  return counts
}

// ---- Optional members ---------------------------------------------------------------------------

const identity = (given: Partial<ChatResponse>, { provider, model }: CallTarget) => ({
  id: given.id ?? crypto.randomUUID(),
  created: given.created ?? Math.floor(Date.now() / 1000),
  model: given.model ?? model,
  provider: given.provider ?? provider,
})

function completeChunk(chunk: StreamChunk, target: CallTarget): StreamChunk {
  if (chunk.type === 'start') {
    const isWhole = chunk.id && chunk.created && chunk.model && chunk.provider
    return isWhole ? chunk : { ...chunk, ...identity(chunk, target) }
  }
  if (chunk.type !== 'finish') return chunk
  return { ...chunk, usage: readUsage(chunk.usage) ?? unknownUsage }
}

// ---- Required members ---------------------------------------------------------------------------

type Is = (value: unknown) => boolean
type Members = readonly (readonly [name: string, is: Is, what: string])[]

const isString: Is = (value) => typeof value === 'string'
const isNumber: Is = (value) => typeof value === 'number' && Number.isFinite(value)
const maybe =
  (is: Is): Is =>
  (value) =>
    value === undefined || value === null || is(value)
const each =
  (is: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(is)

const string = (name: string) => [name, isString, 'a string'] as const
const optionalString = (name: string) => [name, maybe(isString), 'a string'] as const
const optionalNumber = (name: string) => [name, maybe(isNumber), 'a number'] as const
const object = (name: string) => [name, isObject, 'an object'] as const
const list = (name: string) => [name, each(isObject), 'a list of objects'] as const
const index = ['index', isCount, 'a number from 0'] as const
const optionalList = (name: string) => [name, maybe(each(isObject)), 'a list of objects'] as const

const reasons: ReadonlySet<unknown> = new Set<FinishReason>([
  'stop',
  'length',
  'tool_calls',
  'content_filter',
])
const isReason: Is = (value) => reasons.has(value)
const reasonNames = [...reasons].join(', ')

const start: Members = [
  optionalString('id'),
  optionalString('model'),
  optionalString('provider'),
  optionalNumber('created'),
  optionalString('request_id'),
]

const chunkTable: { readonly [Type in StreamChunk['type']]: Members } = {
  start,
  'text-delta': [string('text')],
  'reasoning-delta': [string('text')],
  'refusal-delta': [string('text')],
  'tool-call-start': [index, string('id'), string('name')],
  'tool-call-delta': [index, string('arguments')],
  'tool-call-end': [index],
  'tool-result': [
    string('tool_call_id'),
    string('name'),
    ['content', (value) => isString(value) || each(isObject)(value), 'text or a list of parts'],
  ],
  'tool-approval': [string('id'), string('tool_call_id')],
  'hosted-tool': [string('id'), string('name'), string('status')],
  annotation: [object('annotation')],
  file: [
    string('media_type'),
    optionalString('data'),
    optionalString('url'),
    optionalString('file_id'),
    optionalString('name'),
  ],
  logprobs: [list('content')],
  data: [string('name')],
  warning: [
    ['warning', (value) => isObject(value) && isString(value.message), 'an object with a message'],
  ],
  finish: [['finish_reason', isReason, `one of ${reasonNames}`], optionalString('service_tier')],
}

const chunkMembers: ReadonlyMap<string, Members> = new Map(Object.entries(chunkTable))

const standsOutside: ReadonlySet<string> = new Set<StreamChunk['type']>([
  'tool-result',
  'tool-approval',
  'data',
  'warning',
])

const isToolCall: Is = (call) => {
  if (!isObject(call) || !isString(call.id)) return false
  const { function: named, custom } = call
  return isObject(custom)
    ? isString(custom.name) && isString(custom.input)
    : isObject(named) && isString(named.name) && isString(named.arguments)
}

const answerMembers: Members = [
  ...start,
  object('message'),
  ['finish_reason', maybe(isReason), `one of ${reasonNames}`],
  ['message.content', maybe(isString), 'text'],
  ['message.refusal', maybe(isString), 'text'],
  ['message.reasoning_content', maybe(isString), 'text'],
  ['message.tool_calls', maybe(each(isToolCall)), 'a list of calls with id, name and arguments'],
  optionalList('message.annotations'),
  optionalList('message.images'),
  optionalList('message.files'),
  optionalList('message.hosted_tools'),
  optionalList('messages'),
  optionalList('warnings'),
]

function defectIn(given: JsonObject, members: Members, where: string): string | undefined {
  for (const [path, is, what] of members) {
    const value = memberAt(given, path)
    if (!is(value)) return `${path} of ${where} is ${kindOf(value)}, not ${what}`
  }
  return undefined
}

function memberAt(given: JsonObject, path: string): unknown {
  if (!path.includes('.')) return given[path]
  let value: unknown = given
  for (const name of path.split('.')) value = isObject(value) ? value[name] : undefined
  return value
}

// ---- Error messages -----------------------------------------------------------------------------

/** Types and short names only: content must not be quoted. */
const kindOf = (value: unknown): string =>
  value === null || value === undefined
    ? String(value)
    : Array.isArray(value)
      ? 'an array'
      : typeof value

const brief = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : kindOf(value)

/** The error for an invalid answer; its message names the adapter. */
export const badAnswer = ({ provider, model }: CallTarget, what: string, code: string) =>
  new UnexpectedResponseError(
    `The adapter '${provider}' returned an invalid answer for ${model}: ${what}`,
    {
      provider,
      model,
      code,
      phase: 'stream',
      maybeBilled: true,
    } satisfies ErrorDetails,
  )
