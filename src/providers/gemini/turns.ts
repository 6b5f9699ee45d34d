/**
 * Maps a history to `contents`: turns of user and model, each model turn with calls followed by one
 * turn with all results in order.
 */
import {
  type AssistantTurn,
  anyId,
  asObjects,
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

/**
 * Google's signature for calls that Gemini did not sign.
 * https://ai.google.dev/gemini-api/docs/thought-signatures
 */
const foreignSignature = 'skip_thought_signature_validator'

interface Turn {
  readonly role: 'user' | 'model'
  readonly parts: Part[]
  readonly slots: Slot[]
}

export interface Conversation {
  readonly systemInstruction?: Content
  readonly contents: readonly Content[]
}

const ids = { ...anyId, keepsSignature: false }

/** Throws `BadRequestError` for no messages, and for a message or a part that cannot be sent. */
export function toConversation(messages: readonly Message[], context: WriteContext): Conversation {
  const system: Part[] = []
  const turns: Turn[] = []
  const history = turnsOf(messages, context, { ids, readsSignatures: true, members: [] })
  for (const turn of history.turns) {
    if (turn.role === 'assistant') addAssistant(turn, turns, context)
    else {
      const isUser = turn.message.role === 'user'
      const isLeading = !isUser && turns.length === 0
      const parts = partsOf(turn.message, isUser ? toUserPart : toSystemPart, context)
      if (!isUser && !isLeading)
        context.note(
          'changed',
          'a system message in the middle of the conversation is sent as user text',
        )
      const place = isLeading ? system : turnOf('user', turns).parts
      place.push(...parts)
    }
  }
  if (messages.some(isMarked))
    context.note('ignored', 'Gemini caches by itself: cache_control was left out', 'cache_control')
  return toContents(system, turns, context)
}

const isMarked = (message: Message) =>
  [{ ...message }, ...asObjects(message.content)].some((one) => one.cache_control)

const partsOf = (
  { content }: SystemMessage | UserMessage,
  toPart: (part: JsonObject, context: WriteContext) => Part,
  context: WriteContext,
): readonly Part[] =>
  typeof content === 'string'
    ? [{ text: content }]
    : content.map((part) => toPart({ ...part }, context))

function toSystemPart(part: JsonObject, context: WriteContext): Part {
  if (part.type === 'text') return toText(part, context)
  throw unknownPart(part, context)
}

/** Native parts, which have no type. */
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

function addAssistant({ messages }: AssistantTurn, turns: Turn[], context: WriteContext): void {
  for (const message of messages) {
    const { parts, slots, isVerbatim } = fromAssistant(message, context)
    if (parts.length === 0) {
      reportEmpty(context)
      continue
    }
    const turn = turnOf('model', turns, messages[0] !== message)
    const isFirst = turn.slots.length === 0
    turn.parts.push(...(isFirst && !isVerbatim ? signed(parts, context) : parts))
    turn.slots.push(...slots)
  }
}

/** Gemini 3 refuses a step whose first call has no signature. */
function signed(parts: readonly Part[], { facts, note }: WriteContext): readonly Part[] {
  const at = parts.findIndex((part) => part.functionCall)
  const call = parts[at]
  if (!call || call.thoughtSignature || !facts.signs) return parts
  note('changed', 'marked calls that Gemini did not sign as foreign')
  return parts.with(at, { ...call, thoughtSignature: foreignSignature })
}

/** The current turn, or a new one: content after the results of calls is in a turn of its own. */
function turnOf(role: Turn['role'], turns: Turn[], isSameTurn = false): Turn {
  const last = turns.at(-1)
  if (last?.role === role && (isSameTurn || last.slots.length === 0)) return last
  const turn: Turn = { role, parts: [], slots: [] }
  turns.push(turn)
  return turn
}

// -- contents ------------------------------------------------------------------------------------------------------

function toContents(
  system: readonly Part[],
  turns: readonly Turn[],
  context: WriteContext,
): Conversation {
  const contents = [
    ...opening(system, turns, context),
    ...turns.flatMap((turn) => toTurns(turn, context)),
  ]
  if (system.length === 0) return { contents }
  if (context.facts.system) return { systemInstruction: { parts: system }, contents }
  context.note(
    'changed',
    'the model does not accept a system message: put it before the first user text',
  )
  const [first, ...rest] = contents
  return { contents: [{ role: 'user', parts: [...system, ...(first?.parts ?? [])] }, ...rest] }
}

/** The API requires a user turn first. */
function opening(
  system: readonly Part[],
  [first]: readonly Turn[],
  { invalid, note }: WriteContext,
): readonly Content[] {
  if (first?.role === 'user') return []
  if (!first && system.length === 0) throw invalid('there is no message to answer', 'no_messages')
  note(
    'repaired',
    'added a user turn "." at the beginning: a conversation must begin with the user',
  )
  return [{ role: 'user', parts: [{ text: '.' }] }]
}

/** A turn; after its calls, their results. */
function toTurns({ role, parts, slots }: Turn, context: WriteContext): readonly Content[] {
  const results = slots.map((slot) => ({ name: slot.name, ...toResult(slot, context) }))
  const files = results.flatMap((result): readonly Part[] =>
    result.files.length > 0
      ? [{ text: `The files that ${result.name} gave:` }, ...result.files]
      : [],
  )
  const responses = results.map(({ response }) => response)
  const answers = [responses, files].filter((some) => some.length > 0)
  return [{ role, parts }, ...answers.map((some) => ({ role: 'user' as const, parts: some }))]
}
