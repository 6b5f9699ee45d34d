/** Finds the call that a delta speaks of. */
import {
  asId,
  asString,
  isObject,
  type JsonObject,
  parseJson,
  toArgumentsText,
} from '../../chat/index.js'
import { maxCalls, type TurnWriter, type WrittenCall } from '../turn-writer.js'

/**
 * Servers leave the index out, repeat 0 for each call, send ids late, twice or never, names whole, in pieces or again with
 * every delta, arguments as text or as an object.
 */
export class CallReader {
  private readonly byIndex = new Map<number, WrittenCall>()
  /** By id, as the server sends it: behind its index, and behind none. */
  private readonly byId = new Map<string, WrittenCall>()
  /** What the server sent beside the official members: Gemini's thought signature. */
  private readonly extras = new Map<WrittenCall, JsonObject>()

  constructor(private readonly writer: TurnWriter) {}

  /** The server said more of a call than the message can. */
  get hasExtras(): boolean {
    return this.extras.size > 0
  }

  /** One `tool_calls` list: pieces of calls, or (of a whole message) one call each. */
  read(list: readonly unknown[], isWhole: boolean): void {
    for (const wire of list) if (isObject(wire)) this.readOne(wire, isWhole)
  }

  /** The call of the time before `tool_calls`. */
  readLegacy(wire: unknown): void {
    if (isObject(wire)) this.readOne({ index: 0, function: wire }, false)
  }

  /** A delta that said nothing at all began no call. */
  end(): void {
    const { calls } = this.writer
    while (calls.length > 0 && isBlank(calls.at(-1))) calls.pop()
  }

  /** The calls as they go back. */
  wire(): JsonObject[] {
    return this.writer.calls.map((call) => toWireCall(call, this.extras.get(call)))
  }

  private readOne(wire: JsonObject, isWhole: boolean): void {
    const { writer } = this
    const part = readPart(wire)
    const call = isWhole ? writer.openCall(part) : this.find(wire.index, part)
    this.remember(wire.index, part, call)
    writer.identify(call, part.id)
    if (part.extra) this.extras.set(call, { ...this.extras.get(call), ...part.extra })
    if (!writer.isWritten(call)) call.name = joinName(call.name, part.name)
    writer.addArguments(call, part.text)
  }

  private find(index: unknown, part: Part): WrittenCall {
    // a negative index is how some servers say none
    if (index === undefined || index === null || Number(index) < 0) return this.findUnnumbered(part)
    if (typeof index !== 'number' || !Number.isInteger(index) || index >= maxCalls)
      throw this.writer.unexpected('bad_index', `numbered a tool call ${JSON.stringify(index)}`)
    const call = this.known(index, part) ?? this.byIndex.get(index)
    // the same index for each of several calls: the id, the name or the arguments tell them apart
    if (call && !isAnother(call, part) && !beginsAnew(call, part)) return call
    const opened = this.writer.openCall(part)
    this.byIndex.set(index, opened)
    this.byId.delete(`${index} ${part.id}`)
    return opened
  }

  private known(index: unknown, { id }: Part): WrittenCall | undefined {
    return id === '' ? undefined : this.byId.get(`${index ?? ''} ${id}`)
  }

  private remember(index: unknown, { id }: Part, call: WrittenCall): void {
    if (id === '') return
    for (const key of [`${index ?? ''} ${id}`, ` ${id}`])
      if (!this.byId.has(key)) this.byId.set(key, call)
  }

  private findUnnumbered(part: Part): WrittenCall {
    const known = this.known(undefined, part)
    if (known && !beginsAnew(known, part)) return known
    const last = this.writer.calls.at(-1)
    const isNew = !last || part.name !== '' || part.id !== '' || beginsAnew(last, part)
    if (!isNew) return last
    this.byId.delete(` ${part.id}`)
    return this.writer.openCall(part)
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
    id: asId(id) ?? '',
    name: asString(body.name),
    // servers in front of Ollama send the object itself
    text: toArgumentsText(isCustom ? body.input : body.arguments) ?? '',
    isCustom,
    extra: told.length > 0 ? Object.fromEntries(told) : undefined,
  }
}

/** With an id and a name of its own it is another call, whatever its index says. */
const isAnother = (call: WrittenCall, { id, name }: Part) =>
  id !== '' && name !== '' && call.id !== '' && id !== call.id

/**
 * Arguments under another name, or that begin anew behind whole ones, are those of another call: servers number nothing,
 * repeat 0, and count ids anew with each call.
 */
function beginsAnew(call: WrittenCall, { name, text }: Part): boolean {
  if (name !== '' && name !== call.name && call.text + call.placeholder !== '') return true
  // longer ones are not parsed again and again
  if (call.isCustom || call.text === '' || call.text.length > 16_384) return false
  return /^\s*\{/.test(text) && isObject(parseJson(call.text))
}

const isBlank = (call: WrittenCall | undefined) =>
  call !== undefined && call.name + call.text + call.placeholder === ''

/** A piece is added; a name that comes again, whole or grown, takes the place of what was there. */
const joinName = (name: string, piece: string) => (piece.startsWith(name) ? piece : name + piece)

const toWireCall = ({ id, name, text, isCustom }: WrittenCall, extra: JsonObject | undefined) =>
  isCustom
    ? { id, type: 'custom', custom: { name, input: text }, ...extra }
    : { id, type: 'function', function: { name, arguments: text }, ...extra }
