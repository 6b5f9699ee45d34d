/** Writes the chunks of one answer, for every provider: what begins ends, calls are numbered from 0, nothing comes twice. */
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
import type { Call, Phase, TetradError, UnexpectedResponseError } from '../core/index.js'
import type { ToError } from '../transport/index.js'
import type { Push, WireContext } from './adapter.js'
import { type Loose, type ReaderLimits, unexpected } from './answers.js'

/** Whose answer is written. */
export interface WriterOptions extends ReaderLimits {
  readonly provider: string
  readonly context: WireContext
  /** Gets the usage each time the wire reports it. */
  readonly call?: Pick<Call, 'onUsage'> | undefined
  /** How ids of calls begin that have none. @default 'call_' */
  readonly callPrefix?: string | undefined
}

interface NewCall {
  readonly id?: string | undefined
  readonly name?: string
  readonly isCustom?: boolean
  readonly members?: CallMembers
}

/** A call while its arguments come. */
export class WrittenCall {
  id = ''
  name: string
  readonly isCustom: boolean
  readonly members: CallMembers
  /** Arguments so far. */
  text = ''
  /** An empty object that came first: more may come in its place. */
  placeholder = ''
  isEnded = false

  /** @param index among the calls of the answer, in the order in which they were opened */
  constructor(
    readonly index: number,
    { name = '', isCustom = false, members = {} }: NewCall,
  ) {
    this.name = name
    this.isCustom = isCustom
    this.members = members
  }
}

/** An index of a call above this is none. */
export const maxCalls = 1024

export class TurnWriter {
  /** Takes the chunks of the network read at hand. */
  push: Push = () => {}
  isStarted = false
  /** The model that answers. */
  private model = ''
  /** Characters of text so far: where the next begins. */
  textLength = 0
  hasRefusal = false
  readonly calls: WrittenCall[] = []
  private readonly ids = new Set<string>()
  /** Calls whose start was written. */
  private started = 0
  private phase: string | undefined
  private thought: unknown
  private hasThought = false
  private usage: Usage = unknownUsage
  /** What of the answer is not read. */
  private readonly unknown = new Set<string>()
  // names come from the wire
  private readonly unread: Record<string, unknown> = Object.create(null)

  constructor(private readonly options: WriterOptions) {}

  /** The first time only. */
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

  /** Text of another phase, the answer behind its commentary, begins after a blank line. */
  text(text: string, phase?: string): void {
    if (text === '') return
    const gap = this.gapBefore(phase)
    this.phase = phase
    this.textLength += gap.length + text.length
    this.push({ type: 'text-delta', text: gap + text, ...(phase !== undefined && { phase }) })
  }

  /** Where the next text of this phase begins. */
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

  /** The model thinks, and does not show it: about so many tokens more. */
  thinking(estimated_tokens: number): void {
    this.push({ type: 'reasoning-delta', text: '', estimated_tokens })
  }

  /** Reasoning of this block; a blank line parts it from that of another. */
  reasoning(text: string, block: unknown): void {
    if (text === '') return
    const gap = this.hasThought && block !== this.thought ? '\n\n' : ''
    this.hasThought = true
    this.thought = block
    this.push({ type: 'reasoning-delta', text: gap + text })
  }

  /** Written once its arguments begin, or it ends: until then its id and its name may grow. */
  openCall(asked: NewCall): WrittenCall {
    const { calls } = this
    if (calls.length >= maxCalls)
      throw this.unexpected('bad_index', `made more than ${maxCalls} tool calls`)
    const call = new WrittenCall(calls.length, asked)
    this.identify(call, asked.id ?? '')
    calls.push(call)
    return call
  }

  /** An id that another call of this turn has is none: two results could not be told apart. */
  identify(call: WrittenCall, id: string): void {
    if (id === '' || call.id !== '' || this.ids.has(id)) return
    this.ids.add(id)
    call.id = id
  }

  isWritten = (call: WrittenCall): boolean => call.index < this.started

  /** Writes the start of this call, and of those before it. */
  startCall({ index }: WrittenCall): void {
    for (; this.started <= index; this.started++) {
      const call = this.calls[this.started]
      if (!call) return
      this.identify(call, madeCallId(this.options.callPrefix))
      const { id, name, isCustom, members } = call
      this.push({
        type: 'tool-call-start',
        index: call.index,
        id,
        name,
        ...(isCustom && { kind: 'custom' }),
        ...members,
      })
    }
  }

  /** The next piece of arguments. What comes behind the end of a call is too late. */
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
    this.startCall(call)
    this.push({ type: 'tool-call-delta', index: call.index, arguments: text })
  }

  /** Throws for arguments that are longer than any tool would want. */
  checkLength(length: number): void {
    const { maxArgumentsLength = 16 * 1024 * 1024 } = this.options
    if (length > maxArgumentsLength)
      throw this.unexpected(
        'too_large',
        `sent more than ${maxArgumentsLength} characters of tool arguments (option maxArgumentsLength)`,
      )
  }

  /** What the whole arguments say beyond their pieces. Throws where they differ: nobody knows what is to be run. */
  completeArguments(call: WrittenCall, given: unknown): void {
    const whole = toArgumentsText(given)
    if (whole === undefined) return
    if (whole.startsWith(call.text)) this.addArguments(call, whole.slice(call.text.length))
    else if (normalJson(call.text) !== normalJson(whole))
      throw this.unexpected(
        'bad_arguments',
        'streamed tool arguments that are not those of its finished call',
      )
  }

  /** The wire says that it is complete. A call that cannot be yet, without arguments or with a part of them, stays open. */
  settleCall(call: WrittenCall): void {
    if (call.isCustom || parseJson(call.text) !== undefined) this.endCall(call)
  }

  endCall(call: WrittenCall): void {
    if (call.isEnded) return
    this.startCall(call)
    const { index, isCustom, text, placeholder: empty } = call
    // a call without arguments still has JSON for them
    if (!isCustom && text.trim() === '') {
      call.text += empty || '{}'
      this.push({ type: 'tool-call-delta', index, arguments: empty || '{}' })
    }
    call.isEnded = true
    this.push({ type: 'tool-call-end', index })
  }

  /** Ends what is open. */
  endCalls(): void {
    for (const call of this.calls) this.endCall(call)
  }

  /** Where there are calls a `stop` is none, and where there are none nothing waits for them; a cut or a filter stays. */
  fittingReason(reason: FinishReason): FinishReason {
    if (reason !== 'stop' && reason !== 'tool_calls') return reason
    return this.calls.length > 0 ? 'tool_calls' : 'stop'
  }

  /** What the provider ran, or runs. */
  hosted(tool: Loose<HostedTool & Pick<ChunkOf<'hosted-tool'>, 'progress'>>): void {
    this.push({ type: 'hosted-tool', ...defined(tool) })
  }

  /** A citation as the dialect reads it: undefined for a kind that nobody knows. */
  cite(annotation: Annotation | undefined, wire: unknown): void {
    if (annotation) this.push({ type: 'annotation', annotation })
    else this.skip('Citations', asObject(wire).type)
  }

  /** The last one that is not undefined is that of the answer. */
  reportUsage(usage: Usage | undefined): void {
    if (!usage) return
    this.usage = usage
    this.options.call?.onUsage(usage)
  }

  warn(code: Warning['code'], message: string, param?: string): void {
    const { provider, context } = this.options
    context.warn({ code, provider, message, ...(param !== undefined && { param }) })
  }

  /** Warns once of each kind of what nobody knows: `what` names its place. */
  skip(what: string, kind: unknown): void {
    const name = asText(kind)?.slice(0, 100) ?? 'unknown'
    const key = `${what} ${name}`
    if (this.unknown.size >= 16 || this.unknown.has(key)) return
    this.unknown.add(key)
    this.warn('ignored', `${what} of the kind '${name}' were not read: it is not known`)
  }

  /** Keeps the members of a response that no chunk holds; what comes later wins. */
  keepUnread(wire: JsonObject, read: ReadonlySet<string>): void {
    for (const name in wire)
      if (!read.has(name) && isTold(wire[name])) this.unread[name] = wire[name]
  }

  /** The same of its usage: `read` are the names of the counts that are read, at any depth. */
  keepUsage(wire: unknown, read: ReadonlySet<string>): void {
    const usage = unreadIn(wire, read)
    if (isTold(usage)) this.unread.usage = usage
  }

  /** `content`: the blocks of the turn; undefined where the message holds it all. */
  finish({ content, usage = this.usage, ...told }: WrittenFinish): void {
    this.endCalls()
    this.push({
      type: 'finish',
      ...defined(told),
      usage,
      native: this.native(content),
      ...(nonEmpty(this.unread) && { provider_specific_fields: { ...this.unread } }),
    })
  }

  private native(content: readonly unknown[] | undefined): Native {
    const { provider, context } = this.options
    const { model } = this
    const asked = model === context.model ? undefined : context.model
    return { v: 1, provider, model, ...defined({ asked, content }) }
  }

  /** The error that the wire reports in place of an answer, or in the middle of it. */
  failed(body: unknown, toError: ToError): TetradError {
    const { model, request_id } = this.options.context
    return toError({ status: 200, body, model, ...defined({ request_id }) })
  }

  /** An answer that cannot be read. */
  unexpected(code: string, what: string, phase: Phase = 'stream'): UnexpectedResponseError {
    return unexpected({ ...this.options, code, what, phase })
  }
}

/** What the wire says of a call beside name and arguments. That the model called it itself goes without saying. */
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
  /** @default the last one that was reported */
  readonly usage?: Usage | undefined
  readonly content: readonly unknown[] | undefined
}

/** Null, '' and what has no members say nothing. */
const isTold = (value: unknown) =>
  value !== null &&
  value !== undefined &&
  value !== '' &&
  (typeof value !== 'object' || Object.keys(value).length > 0)

/** Without what is read, and what says nothing. */
function unreadIn(wire: unknown, read: ReadonlySet<string>): unknown {
  if (!isObject(wire)) return wire === 0 ? undefined : wire
  return Object.fromEntries(
    Object.entries(wire)
      .filter(([name]) => !read.has(name))
      .map(([name, value]) => [name, unreadIn(value, read)])
      .filter(([, value]) => isTold(value)),
  )
}

/** An id for a call that has none: 29 characters. */
const madeCallId = (prefix = 'call_'): string =>
  `${prefix}${crypto.randomUUID().replaceAll('-', '').slice(8)}`

const placeholder = /^\s*(\{\s*\}|null)\s*$/

/** Arguments without the empty object that some servers put in front of them. */
export const withoutPlaceholder = (json: string) => json.replace(/^\s*(\{\s*\}|null)\s*(?=\{)/, '')

/** JSON without its spaces; text that is none as it is. */
const normalJson = (text: string) => {
  const value = parseJson(text)
  return value === undefined ? text : JSON.stringify(value)
}
