/**
 * A history as `contents`: turns of user and model, each model turn with calls followed by one turn that answers all of
 * them in order. What is wrong in the history is put right, told in warnings; what cannot be is a `BadRequestError`.
 */
import {
  type AssistantInput,
  isObject,
  type Message,
  type SystemMessage,
  splitId,
  type ToolMessage,
  type UserMessage,
} from '../../chat/index.js'
import { fromAssistant, type Slot, type TurnContext } from './assistant.js'
import { toMedia } from './media.js'
import { badRequest } from './notes.js'
import { missingResult, type ToolResult, toResult } from './tool-results.js'
import type { Content, Part } from './wire.js'

/** Google's own word for a call that no Gemini signed. https://ai.google.dev/gemini-api/docs/thought-signatures */
const foreignSignature = 'skip_thought_signature_validator'

interface Turn {
  readonly role: 'user' | 'model'
  readonly parts: Part[]
  readonly slots: OpenSlot[]
  /** Parts that must not be touched. */
  readonly verbatim: Set<Part>
}

interface OpenSlot extends Slot {
  result?: ToolResult
}

interface History {
  readonly system: Part[]
  readonly turns: Turn[]
}

export interface Conversation {
  readonly systemInstruction?: Content
  readonly contents: readonly Content[]
}

/** Throws `BadRequestError` for no messages, an unknown role or part, and a result that belongs to no call. */
export function toConversation(messages: readonly Message[], context: TurnContext): Conversation {
  const history: History = { system: [], turns: [] }
  messages.forEach((message, index) => {
    if (!isObject(message))
      throw badRequest(context.model, `messages[${index}] is no object`, 'invalid_role')
    tellIgnored(message, context)
    add(message, history, context)
  })
  return toContents(withUserFirst(history, context), context)
}

function add(message: Message, history: History, context: TurnContext): void {
  switch (message.role) {
    case 'system':
    case 'developer':
      addSystem(message, history, context)
      break
    case 'user':
      addUser(message, history, context)
      break
    case 'assistant':
      addAssistant(message, history, context)
      break
    case 'tool':
      addTool(message, history, context)
      break
    default:
      throw badRequest(
        context.model,
        // the types end here; a caller without types may go on
        `a message has the role ${JSON.stringify((message satisfies never as Message).role)}`,
        'invalid_role',
      )
  }
}

function addSystem(
  message: SystemMessage,
  { system, turns }: History,
  { note }: TurnContext,
): void {
  const parts = textsOf(message).map((text): Part => ({ text }))
  if (turns.length === 0) {
    system.push(...parts)
    return
  }
  if (parts.length === 0) return
  note('changed', 'a system message amid the conversation is sent as user text')
  turnOf('user', turns).parts.push(...parts)
}

const textsOf = ({ content }: SystemMessage): readonly string[] =>
  (typeof content === 'string' ? [content] : content.map((part) => part.text)).filter(
    (text) => text !== '',
  )

function addUser(message: UserMessage, { turns }: History, context: TurnContext): void {
  const parts = userParts(message, context)
  if (parts.length === 0) context.note('repaired', 'an empty user message was left out')
  else turnOf('user', turns).parts.push(...parts)
}

function userParts({ content }: UserMessage, context: TurnContext): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return (content ?? []).flatMap((part): Part[] => {
    if (part.type === 'text') return part.text === '' ? [] : [{ text: part.text }]
    const media = toMedia({ ...part }, context)
    if (media) return [media]
    throw badRequest(
      context.model,
      `a part of type ${JSON.stringify(part.type)} in a user message`,
      'invalid_part',
    )
  })
}

function addAssistant(message: AssistantInput, { turns }: History, context: TurnContext): void {
  const { parts, slots, isVerbatim } = fromAssistant(message, context)
  if (parts.length === 0) {
    context.note('repaired', 'an empty assistant message was left out')
    return
  }
  const turn = turnOf('model', turns)
  turn.parts.push(...parts)
  turn.slots.push(...slots)
  if (isVerbatim) for (const part of parts) turn.verbatim.add(part)
}

/** The turn that is being said, or a new one. */
function turnOf(role: Turn['role'], turns: Turn[]): Turn {
  const last = turns.at(-1)
  const isAnswered = last?.slots.some((slot) => slot.result) ?? false
  if (last?.role === role && !isAnswered) return last
  const turn: Turn = { role, parts: [], slots: [], verbatim: new Set() }
  turns.push(turn)
  return turn
}

// -- tool results --------------------------------------------------------------------------------------------------

function addTool(message: ToolMessage, { turns }: History, context: TurnContext): void {
  const { note, model, names } = context
  const { id } = splitId(message.tool_call_id)
  const found = findSlot(turns, (slot) => slot.id === id) ?? findByName(message, turns, context)
  if (found) {
    if (found.slot.result)
      note('repaired', `of two results of one call of ${found.slot.name} the last was kept`)
    else if (found.turn !== turns.at(-1))
      note('repaired', `a result of ${found.slot.name} was moved to its call`)
    found.slot.result = toResult(message, found.slot, context)
    return
  }
  if (!message.name)
    throw badRequest(
      model,
      `a tool message answers the call ${JSON.stringify(id)}, which no message makes`,
      'unknown_tool_call_id',
    )
  note('repaired', `a call of ${message.name} was put before a result that had none`)
  const slot: OpenSlot = { id, name: message.name }
  const turn = turnOf('model', turns)
  turn.parts.push({ functionCall: { name: names.toWire(message.name), args: {} } })
  turn.slots.push(slot)
  slot.result = toResult(message, slot, context)
}

/** From the end: an id may come twice in a history. Open calls first. */
function findSlot(turns: readonly Turn[], fits: (slot: Slot) => boolean) {
  const find = (isOpen: boolean) => {
    const isIt = (slot: OpenSlot) => fits(slot) && (slot.result === undefined) === isOpen
    const turn = turns.findLast(({ slots }) => slots.some(isIt))
    const slot = turn?.slots.find(isIt)
    return turn && slot ? { turn, slot } : undefined
  }
  return find(true) ?? find(false)
}

/** Results of the time before ids, and of stores that lost them. */
function findByName({ name }: ToolMessage, turns: readonly Turn[], { note }: TurnContext) {
  if (!name) return undefined
  const found = findSlot(turns, (slot) => slot.name === name)
  if (!found || found.slot.result) return undefined
  if (found.slot.id !== '')
    note('repaired', `a result of ${name} was brought to its call by name: the id did not fit`)
  return found
}

// -- contents ------------------------------------------------------------------------------------------------------

/** A conversation is opened by the user. */
function withUserFirst(history: History, { model, note }: TurnContext): History {
  const { system, turns } = history
  if (turns[0]?.role === 'user') return history
  if (turns.length === 0 && system.length === 0)
    throw badRequest(model, 'there are no messages with content', 'empty_messages')
  note('repaired', 'a user turn "." was put first: a conversation is opened by the user')
  return {
    system,
    turns: [{ role: 'user', parts: [{ text: '.' }], slots: [], verbatim: new Set() }, ...turns],
  }
}

function toContents({ system, turns }: History, context: TurnContext): Conversation {
  const { facts, note } = context
  const contents = turns.flatMap((turn) => toTurns(turn, context))
  if (system.length === 0) return { contents }
  if (facts.system) return { systemInstruction: { parts: system }, contents }
  note('changed', 'the model takes no system message: it was put before the first user text')
  const [first, ...rest] = contents
  return { contents: [{ role: 'user', parts: [...system, ...(first?.parts ?? [])] }, ...rest] }
}

function toTurns({ role, parts, slots, verbatim }: Turn, context: TurnContext): Content[] {
  const said: Content = { role, parts: signed(parts, verbatim, context) }
  if (slots.length === 0) return [said]
  const responses = slots.map((slot) => {
    if (!slot.result)
      context.note('repaired', `a call of ${slot.name} had no result: it was told so`)
    return slot.result?.response ?? missingResult(slot, context)
  })
  const files = slots.flatMap(({ name, result }): Part[] =>
    result?.files.length ? [{ text: `The files that ${name} gave:` }, ...result.files] : [],
  )
  return [
    said,
    { role: 'user', parts: responses },
    ...(files.length > 0 ? [{ role: 'user' as const, parts: files }] : []),
  ]
}

/** Gemini 3 refuses a step whose first call bears no signature. */
function signed(parts: readonly Part[], verbatim: ReadonlySet<Part>, context: TurnContext) {
  const at = parts.findIndex((part) => part.functionCall)
  const call = parts[at]
  if (!call || call.thoughtSignature || verbatim.has(call) || !context.facts.signs) return parts
  context.note('changed', 'calls that no Gemini signed were marked as foreign')
  return parts.with(at, { ...call, thoughtSignature: foreignSignature })
}

/** What may stand on any message and has no place here. */
function tellIgnored(message: Message, { note }: TurnContext): void {
  const content = 'content' in message && Array.isArray(message.content) ? message.content : []
  const isMarked = 'cache_control' in message && message.cache_control
  if (isMarked || content.some((part) => 'cache_control' in part && part.cache_control))
    note('ignored', 'Gemini caches by itself: cache_control was left out', 'cache_control')
  if (message.role !== 'tool' && 'name' in message && message.name)
    note('ignored', 'messages have no name here', 'messages[*].name')
}
