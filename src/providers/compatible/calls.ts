/** Finds the call that a delta belongs to. */
import { toArgumentsText } from '../../chat/index.js'
import { asId, asObjects, asString, isObject, type JsonObject, parseJson } from '../../chat/json.js'
import { maxCalls, type TurnWriter, type WrittenCall } from '../turn-writer.js'

/**
 * Servers omit the index, repeat 0 for each call, send ids late, twice or never, names whole, in
 * pieces or again with every delta, arguments as text or as an object.
 */
export class CallReader {
  private readonly byIndex = new Map<number, WrittenCall>()
  /** By id of the server, with its index and without. */
  private readonly byId = new Map<string, WrittenCall>()
  /** Members beside the official ones: Gemini's thought signature. */
  private readonly extras = new Map<WrittenCall, JsonObject>()

  private hasList = false

  constructor(private readonly writer: TurnWriter) {}

  /** True if a call has members that the message cannot hold. */
  get hasExtras(): boolean {
    return this.extras.size > 0
  }

  /** Reads `tool_calls`, a list or one call: pieces of calls, or the calls of a whole message. */
  read(list: unknown, isWhole: boolean): void {
    for (const wire of asObjects(isObject(list) ? [list] : list)) {
      this.hasList = true
      this.readOne(wire, isWhole)
    }
  }

  /** Reads `function_call`, the predecessor of `tool_calls`: some servers send both. */
  readLegacy(wire: unknown): void {
    if (isObject(wire) && !this.hasList) this.readOne({ index: 0, function: wire }, false)
  }

  /** Removes calls that only empty deltas began. */
  end(): void {
    const { calls } = this.writer
    while (calls.length > 0 && isBlank(calls.at(-1))) calls.pop()
  }

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
    // some servers send a negative index for none
    if (index === undefined || index === null || Number(index) < 0) return this.findUnnumbered(part)
    if (typeof index !== 'number' || !Number.isInteger(index) || index >= maxCalls)
      throw this.writer.unexpected(
        'bad_index',
        `sent a tool call with the index ${JSON.stringify(index)}`,
      )
    const call = this.known(index, part) ?? this.byIndex.get(index)
    // one index for several calls: id, name or arguments distinguish them
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
    if (last && isRest(last, part)) return last
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

function readPart(wire: JsonObject): Part {
  const { index: _, type, id, function: fn, custom, name, arguments: args, ...extra } = wire
  const isCustom = type === 'custom' || (isObject(custom) && !isObject(fn))
  const flat = { name, arguments: args }
  const body: JsonObject = isObject(custom) && isCustom ? custom : isObject(fn) ? fn : flat
  const given = Object.entries(extra).filter(([, value]) => value !== null)
  return {
    id: asId(id) ?? '',
    name: asString(body.name),
    // servers in front of Ollama send the object itself
    text: toArgumentsText(isCustom ? body.input : body.arguments) ?? '',
    isCustom,
    extra: given.length > 0 ? Object.fromEntries(given) : undefined,
  }
}

/** With an id and name of its own it is another call, whatever its index. */
const isAnother = (call: WrittenCall, { id, name }: Part) =>
  id !== '' && name !== '' && call.id !== '' && id !== call.id

/**
 * True for arguments under another name, or new ones after complete ones: those of another call, as
 * servers send no index, repeat 0, or restart ids with each call.
 */
function beginsAnew(call: WrittenCall, { name, text }: Part): boolean {
  if (name !== '' && name !== call.name && call.text + call.placeholder !== '') return true
  // do not parse longer ones repeatedly
  if (call.isCustom || call.text === '' || call.text.length > 16_384) return false
  return /^\s*\{/.test(text) && isObject(parseJson(call.text))
}

/** True for a piece of arguments that are not whole yet, under the name of their call. */
const isRest = ({ name, text, isCustom }: WrittenCall, part: Part) =>
  part.id === '' &&
  part.name === name &&
  !isCustom &&
  text !== '' &&
  (!text.trimEnd().endsWith('}') || parseJson(text) === undefined)

const isBlank = (call: WrittenCall | undefined) =>
  call !== undefined && call.name + call.text + call.placeholder === ''

/** Appends a piece; a repeated name, whole or grown, replaces the old one. */
const joinName = (name: string, piece: string) => (piece.startsWith(name) ? piece : name + piece)

const toWireCall = ({ id, name, text, isCustom }: WrittenCall, extra: JsonObject | undefined) =>
  isCustom
    ? { id, type: 'custom', custom: { name, input: text }, ...extra }
    : { id, type: 'function', function: { name, arguments: text }, ...extra }
