/** Writes the chunks of one answer, for every provider: what begins ends, calls are numbered from 0, nothing comes twice. */
import {
  asText,
  type CallMembers,
  type ChatResponse,
  defined,
  type FinishChunk,
  type FinishReason,
  isObject,
  type JsonObject,
  type Native,
  parseJson,
  type StreamChunk,
  toArgumentsText,
} from '../chat/index.js'
import { accumulate, type Phase, UnexpectedResponseError } from '../core/index.js'
import type { Push, StreamReader, WireContext } from './adapter.js'

/** Whose answer is written. */
export interface WriterOptions {
  readonly provider: string
  readonly context: WireContext
  /** Characters of one call's arguments. @default 16_777_216 */
  readonly maxArgumentsLength?: number | undefined
  /** How ids of calls begin that have none. @default 'call_' */
  readonly callPrefix?: string | undefined
}

/** A call while its arguments come. */
export interface WrittenCall {
  /** Among the calls of the answer, in the order in which they were opened. */
  readonly index: number
  readonly isCustom: boolean
  readonly members: CallMembers
  id: string
  name: string
  /** Arguments so far. */
  text: string
  /** An empty object that came first: more may come in its place. */
  placeholder: string
  isEnded: boolean
}

interface NewCall {
  readonly id?: string | undefined
  readonly name?: string
  readonly isCustom?: boolean
  readonly members?: CallMembers
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
  openCall({ id = '', name = '', isCustom = false, members = {} }: NewCall): WrittenCall {
    const { calls } = this
    if (calls.length >= maxCalls)
      throw this.unexpected('bad_index', `made more than ${maxCalls} tool calls`)
    const call: WrittenCall = {
      index: calls.length,
      isCustom,
      members,
      id: '',
      name,
      text: '',
      placeholder: '',
      isEnded: false,
    }
    this.identify(call, id)
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
  fittingReason(told: FinishReason): FinishReason {
    if (told !== 'stop' && told !== 'tool_calls') return told
    return this.calls.length > 0 ? 'tool_calls' : 'stop'
  }

  /** Warns once of each kind of what nobody knows: `what` names its place. */
  skip(what: string, kind: unknown): void {
    const { provider, context } = this.options
    const name = asText(kind)?.slice(0, 100) ?? 'unknown'
    const key = `${what} ${name}`
    if (this.unknown.size >= 16 || this.unknown.has(key)) return
    this.unknown.add(key)
    const message = `${what} of the kind '${name}' were not read: it is not known`
    context.warn({ code: 'ignored', provider, message })
  }

  /** Keeps the members of a response that no chunk says; what comes later wins. */
  keepUnread(wire: JsonObject, read: ReadonlySet<string>): void {
    for (const name in wire)
      if (!read.has(name) && isTold(wire[name])) this.unread[name] = wire[name]
  }

  /** The same of its usage: `read` are the names of the counts that are read, at any depth. */
  keepUsage(wire: unknown, read: ReadonlySet<string>): void {
    const usage = unreadIn(wire, read)
    if (isTold(usage)) this.unread.usage = usage
  }

  /** `content`: the blocks of the turn; undefined where the message says it all. */
  finish({ content, ...finish }: WrittenFinish): void {
    this.endCalls()
    const isAny = Object.keys(this.unread).length > 0
    this.push({
      type: 'finish',
      ...finish,
      native: this.native(content),
      ...(isAny && { provider_specific_fields: { ...this.unread } }),
    })
  }

  private native(content: readonly unknown[] | undefined): Native {
    const { provider, context } = this.options
    const { model } = this
    const asked = model === context.model ? undefined : context.model
    return { v: 1, provider, model, ...defined({ asked, content }) }
  }

  /** An answer that cannot be read. */
  unexpected(code: string, what: string, phase: Phase = 'stream'): UnexpectedResponseError {
    return unexpected(this.options, { code, what, phase })
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

interface WrittenFinish extends Omit<FinishChunk, 'type' | 'native' | 'provider_specific_fields'> {
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

/** The error for an answer that cannot be read: what the model did, and the code for it. */
export const unexpected = (
  { provider, context: { model, request_id } }: Pick<WriterOptions, 'provider' | 'context'>,
  { code, what, phase }: { readonly code: string; readonly what: string; readonly phase: Phase },
): UnexpectedResponseError =>
  new UnexpectedResponseError(`${provider}/${model} ${what}`, {
    provider,
    model,
    code,
    phase,
    requestId: request_id,
    maybeBilled: true,
  })

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

/** A whole body is read as a stream of one event, so that both modes say the same. Undefined where it holds no whole answer. */
export function readWhole(reader: StreamReader, data: unknown): ChatResponse | undefined {
  const chunks: StreamChunk[] = []
  const push = (chunk: StreamChunk) => void chunks.push(chunk)
  reader.read({ data }, push)
  return reader.end(push) ? accumulate(chunks) : undefined
}
