/**
 * Maps a history to `contents`: turns of user and model, each model turn with calls followed by one
 * turn with all results in order.
 */
import {
  type AssistantTurn,
  anyId,
  type Message,
  type SystemMessage,
  textOfContent,
  type UserMessage,
} from '../../chat/index.js'
import { asObjects, isObject, type JsonObject, parseJson, pick } from '../../chat/json.js'
import { reportPart, unknownPart } from '../parts.js'
import { reportEmpty, turnsOf } from '../turns.js'
import { fromAssistant, type Slot } from './assistant.js'
import { type MediaPart, toMedia } from './media.js'
import type { WriteContext } from './models.js'
import type { Content, FunctionResponsePart, Part, Parts } from './wire.js'

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
        context.note.changed(
          'a system message in the middle of the conversation is sent as user text',
        )
      const place = isLeading ? system : turnOf('user', turns).parts
      place.push(...parts)
    }
  }
  if (messages.some(isMarked))
    context.note.ignored('Gemini caches by itself: cache_control was left out', 'cache_control')
  return toContents(system, turns, context)
}

const isMarked = (message: Message) =>
  [{ ...message }, ...asObjects(message.content)].some((one) => one.cache_control)

const partsOf = (
  { content }: SystemMessage | UserMessage,
  toPart: (part: JsonObject, context: WriteContext) => Part,
  context: WriteContext,
): Parts =>
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
function signed(parts: Parts, { facts, note }: WriteContext): Parts {
  const at = parts.findIndex((part) => part.functionCall)
  const call = parts[at]
  if (!call || call.thoughtSignature || !facts.signs) return parts
  note.changed('marked calls that Gemini did not sign as foreign')
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

function toContents(system: Parts, turns: readonly Turn[], context: WriteContext): Conversation {
  const contents = [
    ...opening(system, turns, context),
    ...turns.flatMap((turn) => toTurns(turn, context)),
  ]
  if (system.length === 0) return { contents }
  if (context.facts.system) return { systemInstruction: { parts: system }, contents }
  context.note.changed(
    'the model does not accept a system message: put it before the first user text',
  )
  const [first, ...rest] = contents
  return { contents: [{ role: 'user', parts: [...system, ...(first?.parts ?? [])] }, ...rest] }
}

/** The API requires a user turn first. */
function opening(
  system: Parts,
  [first]: readonly Turn[],
  context: WriteContext,
): readonly Content[] {
  if (first?.role === 'user') return []
  if (!first && system.length === 0)
    throw context.invalid('there is no message to answer', 'no_messages')
  context.note.repaired(
    'added a user turn "." at the beginning: a conversation must begin with the user',
  )
  return [{ role: 'user', parts: [{ text: '.' }] }]
}

/** A turn; after its calls, their results. */
function toTurns({ role, parts, slots }: Turn, context: WriteContext): readonly Content[] {
  const results = slots.map((slot) => ({ name: slot.name, ...toResult(slot, context) }))
  const files = results.flatMap(
    (result): Parts =>
      result.files.length > 0
        ? [{ text: `The files that ${result.name} gave:` }, ...result.files]
        : [],
  )
  const responses = results.map(({ response }) => response)
  const answers = [responses, files].filter((some) => some.length > 0)
  return [{ role, parts }, ...answers.map((some) => ({ role: 'user' as const, parts: some }))]
}

// -- results -------------------------------------------------------------------------------------------------------

/** The response, and files that it cannot hold: sent in the turn after it. */
function toResult({ wireId, name, result }: Slot, context: WriteContext) {
  const { content = '', is_error } = result
  const text = textOfContent(content)
  const others = asObjects(content).filter(({ type }) => type !== 'text')
  const media = others.map((part) => toMedia(part, context))
  const within = media.filter((part) => isTakenWithin(part, context))
  const functionResponse = {
    ...(wireId !== undefined && { id: wireId }),
    name,
    response: is_error ? { error: text } : toResponse(text, media.length > 0),
    ...(within.length > 0 && { parts: within.map(toResponsePart) }),
  }
  return { response: { functionResponse }, files: media.filter((part) => !within.includes(part)) }
}

/** An object is sent as it is, unless it has our keys; all else is the `output`. */
function toResponse(text: string, hasFiles: boolean): JsonObject {
  if (text === '' && hasFiles) return { output: 'The result is a file.' }
  // a number above 2^53 would lose digits
  const value =
    /[[{]/.test(text.trimStart().charAt(0)) && !longNumber.test(text) ? parseJson(text) : undefined
  if (isObject(value))
    return Object.hasOwn(value, 'output') || Object.hasOwn(value, 'error')
      ? { output: value }
      : value
  return { output: Array.isArray(value) ? value : text }
}

const longNumber = /(?<!["\w.])-?\d{16,}/

/** Gemini 3 and later, and only documented types. */
function isTakenWithin({ inlineData, fileData }: MediaPart, { facts }: WriteContext): boolean {
  const type = inlineData?.mimeType ?? fileData?.mimeType ?? ''
  return facts.isModern && /^image\/|^application\/pdf$|^text\/plain$/.test(type)
}

const toResponsePart = ({ inlineData, fileData }: MediaPart): FunctionResponsePart => ({
  ...(inlineData && { inlineData }),
  ...(fileData && { fileData }),
})
