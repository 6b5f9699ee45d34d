/**
 * Writes the chunks of one answer, for all providers: everything that starts ends, calls are
 * numbered from 0, nothing is sent twice.
 */
import {
  type Annotation,
  asObject,
  asText,
  type CallMembers,
  type ChunkOf,
  defined,
  type FinishChunk,
  type FinishReason,
  type HostedTool,
  isObject,
  type JsonObject,
  type Native,
  nonEmpty,
  parseJson,
  toArgumentsText,
  type Usage,
  unknownUsage,
  type Warning,
} from '../chat/index.js'
import { type Call, type Phase, type TetradError, UnexpectedResponseError } from '../core/index.js'
import type { ToError } from '../transport/index.js'
import type { Push, WireContext } from './adapter.js'
import { finishReasonOf } from './finish-reason.js'

/** Optional members may be undefined. */
export type Loose<T> = {
  readonly [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K]
}

export interface ReaderLimits {
  /** Maximum characters of one tool call's arguments. @default 16_777_216 */
  readonly maxArgumentsLength?: number | undefined
}

export interface WriterOptions extends ReaderLimits {
  readonly provider: string
  readonly context: WireContext
  /** Receives the usage each time the wire reports it. */
  readonly call?: Pick<Call, 'onUsage'> | undefined
  /** Prefix of generated call ids. @default 'call_' */
  readonly callPrefix?: string | undefined
}

interface NewCall {
  readonly id?: string | undefined
  readonly name?: string
  readonly isCustom?: boolean
  readonly members?: CallMembers
}

/** A call while its arguments stream. */
export interface WrittenCall {
  /** Among the calls of the answer, in opening order. */
  index: number
  id: string
  name: string
  readonly isCustom: boolean
  readonly members: CallMembers
  /** Arguments so far. */
  text: string
  /** A leading empty object, which the real arguments may replace. */
  placeholder: string
  isEnded: boolean
  /** The call that already has the id of this one, which may be a copy of it. */
  original: WrittenCall | undefined
}

/** Maximum number of calls; their indices are below it. */
export const maxCalls = 1024

export class TurnWriter {
  /** Receives the chunks of the current network read. */
  push: Push = () => {}
  isStarted = false
  private model = ''
  /** Characters of text so far: the offset of the next text. */
  textLength = 0
  hasRefusal = false
  readonly calls: WrittenCall[] = []
  private readonly ids = new Map<string, WrittenCall>()
  /** Ids of calls that were sent twice. */
  private readonly copied = new Set<unknown>()
  /** Number of calls whose start was written. */
  private started = 0
  private phase: string | undefined
  private thought: unknown
  private usage: Usage = unknownUsage
  /** Unknown kinds that were warned of. */
  private readonly unknown = new Set<string>()
  // no prototype: names come from the wire
  private readonly unread: Record<string, unknown> = Object.create(null)

  constructor(private readonly options: WriterOptions) {}

  /** Writes it once. */
  start(wire: { readonly id: string; readonly model: string; readonly created?: number }): void {
    if (this.isStarted) return
    this.isStarted = true
    this.model = wire.model
    const { provider, context } = this.options
    this.push({
      type: 'start',
      provider,
      ...wire,
      created: Math.floor(wire.created || Date.now() / 1000),
      ...defined({ request_id: context.request_id }),
    })
  }

  /** Inserts a blank line before text of another phase, such as the answer after commentary. */
  text(text: string, phase?: string): void {
    if (text === '') return
    const gap = this.gapBefore(phase)
    this.phase = phase
    this.textLength += gap.length + text.length
    this.push({ type: 'text-delta', text: gap + text, ...(phase !== undefined && { phase }) })
  }

  /** The offset at which the next text of this phase begins. */
  textStart(phase?: string): number {
    return this.textLength + this.gapBefore(phase).length
  }

  private gapBefore(phase: string | undefined): string {
    return this.textLength > 0 && phase !== this.phase ? '\n\n' : ''
  }

  refusal(text: string): void {
    if (text === '') return
    this.hasRefusal = true
    this.push({ type: 'refusal-delta', text })
  }

  /** Reports hidden reasoning by its estimated number of tokens. */
  thinking(estimated_tokens: number): void {
    this.push({ type: 'reasoning-delta', text: '', estimated_tokens })
  }

  /** Reasoning of a block; a blank line separates blocks. */
  reasoning(text: string, block: unknown): void {
    if (text === '') return
    const gap = this.thought !== undefined && block !== this.thought ? '\n\n' : ''
    this.thought = block
    this.push({ type: 'reasoning-delta', text: gap + text })
  }

  /** Its start is written with its first arguments or its end: until then id and name may grow. */
  openCall({ id = '', name = '', isCustom = false, members = {} }: NewCall): WrittenCall {
    const { calls } = this
    if (calls.length >= maxCalls)
      throw this.unexpected('bad_index', `made more than ${maxCalls} tool calls`)
    const blank = { id: '', text: '', placeholder: '', isEnded: false, original: undefined }
    const call: WrittenCall = { index: calls.length, name, isCustom, members, ...blank }
    this.identify(call, id)
    calls.push(call)
    return call
  }

  /**
   * Ignores an id that another call of this turn has: their results would be ambiguous. A call with
   * the arguments of that one, too, is the same call, sent twice.
   */
  identify(call: WrittenCall, id: string): void {
    if (id === '' || call.id !== '') return
    call.original ??= this.ids.get(id)
    if (this.ids.has(id)) return
    this.ids.set(id, call)
    call.id = id
  }

  isWritten({ index }: WrittenCall): boolean {
    return index < this.started
  }

  /** Writes the start of this call and of all before it; a possible copy waits for its end. */
  startCall(call: WrittenCall): void {
    if (!call.original) this.startUpTo(call)
  }

  private startUpTo(last: WrittenCall): void {
    while (!last.isEnded && !this.isWritten(last)) {
      const call = this.calls[this.started]
      if (!call) return
      if (isCopy(call)) this.dropCopy(call)
      else this.writeStart(call)
    }
  }

  private writeStart(call: WrittenCall): void {
    this.started++
    this.identify(call, madeCallId(this.options.callPrefix))
    const { index, id, name, isCustom, members, text, original } = call
    const kind = isCustom && ({ kind: 'custom' } as const)
    this.push({ type: 'tool-call-start', index, id, name, ...kind, ...members })
    if (original && text !== '') this.push({ type: 'tool-call-delta', index, arguments: text })
  }

  /** Removes a call that was not written; those behind it move up. */
  private dropCopy(copy: WrittenCall): void {
    copy.isEnded = true
    this.copied.add(copy.original?.id)
    this.calls.splice(copy.index, 1)
    for (const call of this.calls.slice(copy.index)) call.index--
    this.warn('repaired', 'Dropped a duplicate tool call with the same id')
  }

  /** Writes a piece of arguments. Pieces after the end of a call are ignored. */
  addArguments(call: WrittenCall, piece: string): void {
    if (piece === '' || call.isEnded) return
    let text = piece
    if (call.text === '' && !call.isCustom) {
      text = withoutPlaceholder(call.placeholder + piece)
      call.placeholder = placeholder.test(text) ? text : ''
      if (call.placeholder !== '') return
    }
    call.text += text
    this.checkLength(call.text.length)
    const isHeld = call.original && !this.isWritten(call)
    if (isHeld) return
    this.startCall(call)
    this.push({ type: 'tool-call-delta', index: call.index, arguments: text })
  }

  /** Throws if the arguments exceed `maxArgumentsLength`. */
  checkLength(length: number): void {
    const { maxArgumentsLength = 16 * 1024 * 1024 } = this.options
    if (length > maxArgumentsLength)
      throw this.unexpected(
        'too_large',
        `sent more than ${maxArgumentsLength} characters of tool arguments (option maxArgumentsLength)`,
      )
  }

  /** Writes the rest of the complete arguments. Throws if they contradict the pieces. */
  completeArguments(call: WrittenCall, given: unknown): void {
    const whole = toArgumentsText(given)
    if (whole === undefined) return
    if (whole.startsWith(call.text)) this.addArguments(call, whole.slice(call.text.length))
    else if (normalJson(call.text) !== normalJson(whole))
      throw this.unexpected(
        'bad_arguments',
        'streamed tool arguments that differ from the finished call',
      )
  }

  endCall(call: WrittenCall): void {
    if (call.isEnded) return
    this.startUpTo(call)
    // a copy
    if (call.isEnded) return
    const { index, isCustom, text, placeholder: empty } = call
    // a call without arguments still needs valid JSON
    if (!isCustom && text.trim() === '') {
      call.text += empty || '{}'
      this.push({ type: 'tool-call-delta', index, arguments: empty || '{}' })
    }
    call.isEnded = true
    this.push({ type: 'tool-call-end', index })
  }

  endCalls(): void {
    for (const call of [...this.calls]) this.endCall(call)
  }

  /** The finish reason of a native one; warns of an unknown one, as `stop` alone would hide it. */
  reasonOf(native: string | undefined): FinishReason {
    const reason = finishReasonOf(native)
    const { provider, context } = this.options
    if (native && !reason)
      this.warn('other', `${provider}/${context.model} ended with ${native.slice(0, 100)}`)
    return this.fittingReason(reason ?? 'stop')
  }

  /** With calls `stop` becomes `tool_calls`, without calls the reverse; other reasons stay. */
  fittingReason(reason: FinishReason): FinishReason {
    if (reason !== 'stop' && reason !== 'tool_calls') return reason
    return this.calls.length > 0 ? 'tool_calls' : 'stop'
  }

  hosted(tool: Loose<HostedTool & Pick<ChunkOf<'hosted-tool'>, 'progress'>>): void {
    this.push({ type: 'hosted-tool', ...defined(tool) })
  }

  /** Writes a citation; undefined, for an unknown kind, is reported. */
  cite(annotation: Annotation | undefined, wire: unknown): void {
    if (annotation) this.push({ type: 'annotation', annotation })
    else this.skip('Citations', asObject(wire).type)
  }

  /** The answer has the last usage that is not undefined. */
  reportUsage(usage: Usage | undefined): void {
    if (!usage) return
    this.usage = usage
    this.options.call?.onUsage(usage)
  }

  warn(code: Warning['code'], message: string, param?: string): void {
    const { provider, context } = this.options
    context.warn({ code, provider, message, ...(param !== undefined && { param }) })
  }

  /** Warns once per unknown kind; `what` names its place. */
  skip(what: string, kind: unknown): void {
    const name = asText(kind)?.slice(0, 100) ?? 'unknown'
    const key = `${what} ${name}`
    if (this.unknown.size >= 16 || this.unknown.has(key)) return
    this.unknown.add(key)
    this.warn('ignored', `${what} of the unknown kind '${name}' were skipped`)
  }

  /** Keeps response members that no chunk holds; later values win. */
  keepUnread(wire: JsonObject, read: ReadonlySet<string>): void {
    for (const name in wire)
      if (!read.has(name) && isFilled(wire[name])) this.unread[name] = wire[name]
  }

  /** The same for its usage: `read` names the counts that are read, at any depth. */
  keepUsage(wire: unknown, read: ReadonlySet<string>): void {
    const usage = unreadIn(wire, read)
    if (isFilled(usage)) this.unread.usage = usage
  }

  /** `content`: the blocks of the turn; undefined if the message holds all of it. */
  finish({ content, usage = this.usage, ...members }: WrittenFinish): void {
    this.endCalls()
    this.push({
      type: 'finish',
      ...defined(members),
      usage,
      native: this.native(content && this.withoutCopies(content)),
      ...(nonEmpty(this.unread) && { provider_specific_fields: { ...this.unread } }),
    })
  }

  /** Providers reject two blocks of one call. */
  private withoutCopies(content: readonly unknown[]): readonly unknown[] {
    if (this.copied.size === 0) return content
    const seen = new Set<unknown>()
    return content.filter((block) => {
      const id = callIdOf(asObject(block))
      const isCopy = this.copied.has(id) && seen.has(id)
      seen.add(id)
      return !isCopy
    })
  }

  private native(content: readonly unknown[] | undefined): Native {
    const { provider, context } = this.options
    const { model } = this
    const asked = model === context.model ? undefined : context.model
    return { v: 1, provider, model, ...defined({ asked, content }) }
  }

  /** The error that the wire reports instead of an answer, or in the middle of one. */
  failed(body: unknown, toError: ToError): TetradError {
    const { model, request_id } = this.options.context
    return toError({ status: 200, body, model, ...defined({ request_id }) })
  }

  /** The error for an unreadable answer; `what`: what the model did. */
  unexpected(code: string, what: string, phase: Phase = 'stream'): UnexpectedResponseError {
    const { provider, context } = this.options
    const { model, request_id: requestId } = context
    const details = { provider, model, code, phase, requestId, maybeBilled: true }
    return new UnexpectedResponseError(`${provider}/${model} ${what}`, details)
  }
}

/** Members of a wire call beside name and arguments. A `direct` caller (the model) is omitted. */
export function readCallMembers(call: JsonObject): CallMembers {
  const { namespace, caller, async, toolset_name } = call
  return defined({
    namespace: asText(namespace),
    caller: isObject(caller) && caller.type !== 'direct' ? caller : undefined,
    async: async === true || undefined,
    toolset_name: asText(toolset_name),
  })
}

interface WrittenFinish
  extends Loose<Pick<FinishChunk, 'native_finish_reason' | 'stop_sequence' | 'service_tier'>> {
  readonly finish_reason: FinishReason
  /** @default the last one reported */
  readonly usage?: Usage | undefined
  readonly content: readonly unknown[] | undefined
}

/** False for null, undefined, '' and objects without members. */
const isFilled = (value: unknown) =>
  value !== null &&
  value !== undefined &&
  value !== '' &&
  (typeof value !== 'object' || Object.keys(value).length > 0)

/** The value without members that are read or empty. */
function unreadIn(wire: unknown, read: ReadonlySet<string>): unknown {
  if (!isObject(wire)) return wire === 0 ? undefined : wire
  return Object.fromEntries(
    Object.entries(wire)
      .filter(([name]) => !read.has(name))
      .map(([name, value]) => [name, unreadIn(value, read)])
      .filter(([, value]) => isFilled(value)),
  )
}

const madeCallId = (prefix = 'call_'): string =>
  `${prefix}${crypto.randomUUID().replaceAll('-', '').slice(8)}`

/** The id of the call that a block is: of Responses, Gemini or Messages. */
const callIdOf = ({ call_id, functionCall, id }: JsonObject) =>
  call_id ?? asObject(functionCall).id ?? id

/** True for a call with id, name and arguments of an earlier one. */
const isCopy = (call: WrittenCall) =>
  call.original?.name === call.name && argumentsOf(call.original) === argumentsOf(call)

const argumentsOf = ({ text, placeholder }: WrittenCall) => normalJson(text || placeholder || '{}')

const placeholder = /^\s*(\{\s*\}|null)\s*$/

/** Arguments without the empty object that some servers send before them. */
export const withoutPlaceholder = (json: string) => json.replace(/^\s*(\{\s*\}|null)\s*(?=\{)/, '')

/** Normalizes JSON text; other text is unchanged. */
const normalJson = (text: string) => {
  const value = parseJson(text)
  return value === undefined ? text : JSON.stringify(value)
}
