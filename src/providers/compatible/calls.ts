/** Puts the calls of an answer together, one delta at a time. */
import { isObject, type JsonObject, toArgumentsText } from '../../chat/index.js'
import { UnexpectedResponseError } from '../../core/index.js'
import type { Push } from '../adapter.js'
import type { WireToolCall } from './wire.js'

/** An id for what came without one: 29 characters. */
export const makeCallId = (): string => `call_${crypto.randomUUID().replaceAll('-', '').slice(8)}`

interface OpenCall {
  id: string
  name: string
  isCustom: boolean
  /** Its place in the answer: calls are numbered as they began. */
  readonly index: number
  arguments: string
  /** What the server said beside the official members: Gemini's thought signature. */
  extra: Record<string, unknown> | undefined
}

/** An index of the wire above this is no index. */
const maxCalls = 1024

export interface CallsOptions {
  readonly provider: string
  readonly model: string
  /** Characters of one call's arguments. */
  readonly maxArgumentsLength: number
}

/**
 * Puts calls together. Servers leave the index out, repeat 0 for each call, send ids late, twice or never, names whole, in pieces
 * or again with every delta, arguments as text or as an object. A call is told once its arguments begin, when its name is whole.
 */
export class CallReader {
  private readonly calls: OpenCall[] = []
  private readonly byIndex = new Map<number, OpenCall>()
  private readonly ids = new Set<string>()
  private told = 0

  constructor(private readonly options: CallsOptions) {}

  /** The server said more of a call than the message can. */
  get hasExtras(): boolean {
    return this.calls.some((call) => call.extra)
  }

  /** One `tool_calls` list of a delta or message. */
  read(list: readonly unknown[], push: Push): void {
    for (const wire of list) if (isObject(wire)) this.readOne(wire, push)
  }

  /** The call of the time before `tool_calls`. */
  readLegacy(wire: unknown, push: Push): void {
    if (isObject(wire)) this.readOne({ index: 0, function: wire }, push)
  }

  /** Tells what is still untold and closes all; says whether there are any. */
  end(push: Push): boolean {
    // a delta that said nothing at all began no call
    while (this.calls.length > this.told && isBlank(this.calls.at(-1))) this.calls.pop()
    this.tellUntil(this.calls.length, push)
    for (const call of this.calls) {
      const { index } = call
      // a call without arguments still has JSON for them
      if (!call.isCustom && call.arguments.trim() === '') {
        call.arguments += '{}'
        push({ type: 'tool-call-delta', index, arguments: '{}' })
      }
      push({ type: 'tool-call-end', index })
    }
    return this.calls.length > 0
  }

  /** The calls as they go back. */
  wire(): WireToolCall[] {
    return this.calls.map(toWireCall)
  }

  private readOne(wire: JsonObject, push: Push): void {
    const part = readPart(wire)
    const call = this.find(wire.index, part)
    if (part.id !== '' && call.id === '') this.identify(call, part.id)
    if (part.extra) call.extra = { ...call.extra, ...part.extra }
    if (call.index >= this.told) call.name = joinName(call.name, part.name)
    if (part.text === '') return
    call.arguments += part.text
    if (call.arguments.length > this.options.maxArgumentsLength) throw this.tooLarge(call)
    this.tellUntil(call.index + 1, push)
    push({ type: 'tool-call-delta', index: call.index, arguments: part.text })
  }

  private find(index: unknown, part: Part): OpenCall {
    if (index === undefined || index === null) return this.findUnnumbered(part)
    const slot = this.checked(index)
    const call = this.byIndex.get(slot)
    if (call && !isAnother(call, part)) return call
    // the same index for each of several calls: the id tells them apart
    const sameId = call && this.calls.find((one) => one.id === part.id)
    return sameId ?? this.open(part, slot)
  }

  private findUnnumbered(part: Part): OpenCall {
    const known = part.id !== '' && this.calls.find((call) => call.id === part.id)
    if (known && !hasOtherName(known, part)) return known
    const last = this.calls.at(-1)
    const isNew = !last || part.name !== '' || part.id !== ''
    return isNew ? this.open(part, undefined) : last
  }

  private open(part: Part, slot: number | undefined): OpenCall {
    const call: OpenCall = {
      id: '',
      name: '',
      isCustom: part.isCustom,
      index: this.calls.length,
      arguments: '',
      extra: undefined,
    }
    if (this.calls.length >= maxCalls) throw this.badIndex(this.calls.length)
    this.calls.push(call)
    if (slot !== undefined) this.byIndex.set(slot, call)
    return call
  }

  /** An id that another call of this turn has already is none. */
  private identify(call: OpenCall, id: string): void {
    if (this.ids.has(id)) return
    this.ids.add(id)
    call.id = id
  }

  private tellUntil(end: number, push: Push): void {
    for (; this.told < end; this.told++) {
      const call = this.calls[this.told]
      if (!call) return
      if (call.id === '') this.identify(call, makeCallId())
      const { id, name, index } = call
      push({
        type: 'tool-call-start',
        index,
        id,
        name,
        ...(call.isCustom && { kind: 'custom' as const }),
      })
    }
  }

  private checked(index: unknown): number {
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < maxCalls)
      return index
    throw this.badIndex(index)
  }

  private badIndex(index: unknown) {
    const { provider, model } = this.options
    return new UnexpectedResponseError(
      `${provider}/${model} numbered a tool call ${JSON.stringify(index)}`,
      { provider, model, code: 'bad_index', phase: 'stream', maybeBilled: true },
    )
  }

  private tooLarge(call: OpenCall) {
    const { provider, model, maxArgumentsLength } = this.options
    return new UnexpectedResponseError(
      `${provider}/${model} sent more than ${maxArgumentsLength} characters of arguments for ${call.name} (option maxArgumentsLength)`,
      { provider, model, code: 'too_large', phase: 'stream', maybeBilled: true },
    )
  }
}

interface Part {
  readonly id: string
  readonly name: string
  readonly text: string
  readonly isCustom: boolean
  readonly extra: Record<string, unknown> | undefined
}

function readPart({ index: _, type, id, function: fn, custom, ...extra }: JsonObject): Part {
  const isCustom = type === 'custom' || (isObject(custom) && !isObject(fn))
  const body: JsonObject = isObject(custom) && isCustom ? custom : isObject(fn) ? fn : {}
  const told = Object.entries(extra).filter(([, value]) => value !== null)
  return {
    id: typeof id === 'string' ? id : typeof id === 'number' ? String(id) : '',
    name: text(body.name),
    text: argumentsText(isCustom ? body.input : body.arguments),
    isCustom,
    extra: told.length > 0 ? Object.fromEntries(told) : undefined,
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Servers in front of Ollama send the object itself. */
const argumentsText = (value: unknown): string => toArgumentsText(value) ?? ''

/** With an id and a name of its own it is another call, whatever its index says. */
const isAnother = (call: OpenCall, { id, name }: Part) =>
  id !== '' && name !== '' && call.id !== '' && id !== call.id

/** Servers that number nothing and count ids anew with each call. */
const hasOtherName = (call: OpenCall, { name }: Part) =>
  call.arguments !== '' && name !== '' && name !== call.name

const isBlank = (call: OpenCall | undefined) =>
  call !== undefined && call.name === '' && call.arguments === ''

/** A piece is added; a name that comes again, whole or grown, takes the place of what was there. */
const joinName = (name: string, piece: string) => (piece.startsWith(name) ? piece : name + piece)

const toWireCall = (call: OpenCall): WireToolCall => {
  const { id, name, extra } = call
  return call.isCustom
    ? { id, type: 'custom', custom: { name, input: call.arguments }, ...extra }
    : { id, type: 'function', function: { name, arguments: call.arguments }, ...extra }
}
