/** Brings calls and results of a history together, as the API wants them: each call with an id of its own and one result. */
import {
  type AssistantInput,
  isObject,
  type JsonObject,
  type Message,
  type SystemMessage,
  splitId,
  type ToolCall,
  type ToolMessage,
  toArguments,
  type UserMessage,
  wrapInput,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import type { Note } from './notes.js'

/** A call as it goes out. */
export interface HistoryCall {
  /** As the history has it. */
  readonly id: string
  readonly wireId: string
  readonly name: string
  readonly input: JsonObject
  result?: ToolMessage
}

/** One step of the dialogue: tool messages stand with the calls they answer. */
export type Entry =
  | { readonly role: 'user'; readonly message: UserMessage }
  | { readonly role: 'system'; readonly message: SystemMessage }
  | {
      readonly role: 'assistant'
      readonly message: AssistantInput
      readonly calls: readonly HistoryCall[]
      /** The message stood right behind another one of the assistant: both are one turn. */
      readonly continues: boolean
    }

/**
 * Repairs, each told: ids that the API does not take or that were used before, a call said twice, arguments that are
 * no JSON object, results that stand elsewhere, twice, or for no call.
 */
export function pairTools(messages: readonly Message[], note: Note): readonly Entry[] {
  const entries: Entry[] = []
  const ids = new WireIds(note)
  for (const [position, message] of messages.entries()) {
    switch (message.role) {
      case 'system':
      case 'developer':
        entries.push({ role: 'system', message })
        break
      case 'user':
        entries.push({ role: 'user', message })
        break
      case 'assistant':
        entries.push({
          role: 'assistant',
          message,
          calls: toCalls(message, ids, note),
          continues: messages[position - 1]?.role === 'assistant',
        })
        break
      case 'tool':
        attach(message, entries, note)
        break
      default:
        attachOld(message, entries, note)
    }
  }
  return entries
}

/** The input object that goes out for the arguments of a call; text that is no JSON object is mended, or wrapped. */
export function toInput(given: unknown, note?: Note): JsonObject {
  const { input, isRepaired } = toArguments(given)
  if (isRepaired)
    note?.('repaired', 'The arguments of a tool call in the history were no JSON object')
  return input
}

/** Calls of the message in today's form; `function_call` is the form before it. */
export function callsOf(message: AssistantInput): readonly ToolCall[] {
  if (message.tool_calls?.length) return message.tool_calls
  const old = message.function_call
  return old ? [{ id: '', type: 'function', function: old }] : []
}

/** What a call says, whatever its kind: the free text of a custom call becomes the one property of our mapping. */
export function contentOf(call: ToolCall, note?: Note): { name: string; input: JsonObject } {
  if (call.type === 'custom') return { name: call.custom.name, input: wrapInput(call.custom.input) }
  if (!call.function)
    throw new BadRequestError(`a tool call in the history has the unknown type '${call.type}'`, {
      status: 400,
      provider: 'anthropic',
    })
  return { name: call.function.name, input: toInput(call.function.arguments, note) }
}

function toCalls(message: AssistantInput, ids: WireIds, note: Note): readonly HistoryCall[] {
  const calls: HistoryCall[] = []
  const said = new Set<string>()
  for (const call of callsOf(message)) {
    const { name, input } = contentOf(call, note)
    const whole = JSON.stringify([call.id, name, input])
    if (call.id && said.has(whole)) {
      note('repaired', 'A tool call that stood twice in one message was sent once')
      continue
    }
    said.add(whole)
    calls.push({ id: call.id, wireId: ids.next(call.id), name, input })
  }
  return calls
}

/** The last turn with such a call is meant; there results come in the order of the calls. */
function attach(message: ToolMessage, entries: readonly Entry[], note: Note): void {
  const id = message.tool_call_id ?? ''
  const turns = entries.flatMap((entry) => (entry.role === 'assistant' ? [entry.calls] : []))
  const calls = turns.findLast((turn) => turn.some((call) => call.id === id)) ?? []
  const fitting = calls.filter((call) => call.id === id)
  const call = fitting.find(({ result }) => !result) ?? fitting.at(-1)
  if (!call) {
    note('repaired', 'A tool result that answers no call was left out')
    return
  }
  if (call.result) note('repaired', 'Of several results for one tool call the last one was sent')
  if (lastSpeaker(entries) !== 'assistant')
    note('repaired', 'A tool result was moved to the call that it answers')
  call.result = message
}

/** A system message between a call and its result is no misplacement: it goes behind the results. */
const lastSpeaker = (entries: readonly Entry[]) =>
  entries.findLast(({ role }) => role !== 'system')?.role

/** `{ role: 'function', name, content }`, the result of the time before tools. */
function attachOld(message: unknown, entries: readonly Entry[], note: Note): void {
  if (!isObject(message) || message.role !== 'function')
    throw new BadRequestError(
      `a message has the unknown role '${isObject(message) ? message.role : message}'`,
      { status: 400, provider: 'anthropic' },
    )
  const content = typeof message.content === 'string' ? message.content : ''
  attach({ role: 'tool', tool_call_id: '', content }, entries, note)
}

/** Ids as the API takes them (`^[a-zA-Z0-9_-]+$`), none of them twice in a conversation. */
class WireIds {
  private readonly used = new Set<string>()

  constructor(private readonly note: Note) {}

  next(id: string): string {
    const clean = cleanId(id)
    let wireId = clean
    for (let count = 2; this.used.has(wireId); count++) wireId = `${clean}_${count}`
    this.used.add(wireId)
    if (wireId !== id)
      this.note('repaired', 'The id of a tool call was changed to one that the API takes')
    return wireId
  }
}

const maxIdLength = 64

function cleanId(id: string | undefined): string {
  return (
    splitId(id)
      .id.replace(/[^a-zA-Z0-9_-]/g, '_')
      .slice(0, maxIdLength) || 'toolu_unnamed'
  )
}
