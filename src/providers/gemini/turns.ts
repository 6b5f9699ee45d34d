/**
 * A history as `contents`: turns of user and model, each model turn with calls followed by one turn that answers all of
 * them in order.
 */
import {
  type AssistantTurn,
  anyId,
  isObject,
  type JsonObject,
  type Message,
  type SystemMessage,
  type UserMessage,
} from '../../chat/index.js'
import { pick } from '../notes.js'
import { reportPart, unknownPart } from '../parts.js'
import { reportEmpty, turnsOf } from '../turns.js'
import { fromAssistant, type Slot } from './assistant.js'
import { toMedia } from './media.js'
import type { WriteContext } from './models.js'
import { toResult } from './tool-results.js'
import type { Content, Part } from './wire.js'

/** Google's own word for a call that no Gemini signed. https://ai.google.dev/gemini-api/docs/thought-signatures */
const foreignSignature = 'skip_thought_signature_validator'

interface Turn {
  readonly role: 'user' | 'model'
  readonly parts: Part[]
  readonly slots: Slot[]
  /** Parts that must not be touched. */
  readonly verbatim: Set<Part>
}

interface History {
  readonly system: Part[]
  readonly turns: Turn[]
}

export interface Conversation {
  readonly systemInstruction?: Content
  readonly contents: readonly Content[]
}

const ids = { ...anyId, keepsSignature: false }

/** Throws `BadRequestError` for no messages, and for a message or a part that cannot be sent. */
export function toConversation(messages: readonly Message[], context: WriteContext): Conversation {
  const history: History = { system: [], turns: [] }
  const { turns } = turnsOf(messages, context, { ids, readsSignatures: true, members: [] })
  for (const turn of turns) {
    if (turn.role === 'assistant') addAssistant(turn, history, context)
    else if (turn.message.role === 'user') addUser(turn.message, history, context)
    else addSystem(turn.message, history, context)
  }
  if (messages.some(isMarked))
    context.note('ignored', 'Gemini caches by itself: cache_control was left out', 'cache_control')
  return toContents(withUserFirst(history, context), context)
}

const isMarked = (message: Message) => {
  const content = 'content' in message && Array.isArray(message.content) ? message.content : []
  return [message, ...content].some((one) => isObject(one) && Boolean(one.cache_control))
}

function addSystem(message: SystemMessage, history: History, context: WriteContext): void {
  const { system, turns } = history
  const { content } = message
  const parts =
    typeof content === 'string'
      ? [{ text: content }]
      : content.map((part) => {
          if (part.type === 'text') return toText({ ...part }, context)
          throw unknownPart(part, context)
        })
  if (turns.length === 0) {
    system.push(...parts)
    return
  }
  context.note('changed', 'a system message amid the conversation is sent as user text')
  turnOf('user', turns).parts.push(...parts)
}

function addUser({ content }: UserMessage, { turns }: History, context: WriteContext): void {
  const parts =
    typeof content === 'string'
      ? [{ text: content }]
      : content.map((part) => toUserPart({ ...part }, context))
  turnOf('user', turns).parts.push(...parts)
}

/** Parts in Gemini's own words, which have no type. */
const ownForms = ['inlineData', 'fileData']

function toUserPart(part: JsonObject, context: WriteContext): Part {
  if (part.type === 'text') return toText(part, context)
  if (part.type === undefined && ownForms.some((own) => isObject(part[own]))) return part
  return toMedia(part, context)
}

const textMembers = ['thoughtSignature']

function toText(part: JsonObject, context: WriteContext): Part {
  reportPart(part, textMembers, context)
  return { text: String(part.text), ...pick(part, textMembers) }
}

function addAssistant(
  { messages }: AssistantTurn,
  { turns }: History,
  context: WriteContext,
): void {
  for (const said of messages) {
    const { parts, slots, isVerbatim } = fromAssistant(said, context)
    if (parts.length === 0) reportEmpty(context)
    else {
      const turn = turnOf('model', turns, messages[0] !== said)
      turn.parts.push(...parts)
      turn.slots.push(...slots)
      if (isVerbatim) for (const part of parts) turn.verbatim.add(part)
    }
  }
}

/** The turn that is being said, or a new one; what was said behind the results of calls is one of its own. */
function turnOf(role: Turn['role'], turns: Turn[], isSameTurn = false): Turn {
  const last = turns.at(-1)
  if (last?.role === role && (isSameTurn || last.slots.length === 0)) return last
  const turn: Turn = { role, parts: [], slots: [], verbatim: new Set() }
  turns.push(turn)
  return turn
}

// -- contents ------------------------------------------------------------------------------------------------------

/** A conversation is opened by the user. */
function withUserFirst(history: History, { invalid, note }: WriteContext): History {
  const { system, turns } = history
  if (turns[0]?.role === 'user') return history
  if (turns.length === 0 && system.length === 0)
    throw invalid('there is no message to answer', 'no_messages')
  note('repaired', 'a user turn "." was put first: a conversation is opened by the user')
  return {
    system,
    turns: [{ role: 'user', parts: [{ text: '.' }], slots: [], verbatim: new Set() }, ...turns],
  }
}

function toContents({ system, turns }: History, context: WriteContext): Conversation {
  const { facts, note } = context
  const contents = turns.flatMap((turn) => toTurns(turn, context))
  if (system.length === 0) return { contents }
  if (facts.system) return { systemInstruction: { parts: system }, contents }
  note('changed', 'the model takes no system message: it was put before the first user text')
  const [first, ...rest] = contents
  return { contents: [{ role: 'user', parts: [...system, ...(first?.parts ?? [])] }, ...rest] }
}

function toTurns({ role, parts, slots, verbatim }: Turn, context: WriteContext): Content[] {
  const said: Content = { role, parts: signed(parts, verbatim, context) }
  if (slots.length === 0) return [said]
  const results = slots.map((slot) => ({ name: slot.name, ...toResult(slot, context) }))
  const responses = results.map(({ response }) => response)
  const files = results.flatMap((result): readonly Part[] =>
    result.files.length > 0
      ? [{ text: `The files that ${result.name} gave:` }, ...result.files]
      : [],
  )
  return [
    said,
    { role: 'user', parts: responses },
    ...(files.length > 0 ? [{ role: 'user' as const, parts: files }] : []),
  ]
}

/** Gemini 3 refuses a step whose first call bears no signature. */
function signed(parts: readonly Part[], verbatim: ReadonlySet<Part>, context: WriteContext) {
  const at = parts.findIndex((part) => part.functionCall)
  const call = parts[at]
  if (!call || call.thoughtSignature || verbatim.has(call) || !context.facts.signs) return parts
  context.note('changed', 'calls that no Gemini signed were marked as foreign')
  return parts.with(at, { ...call, thoughtSignature: foreignSignature })
}
