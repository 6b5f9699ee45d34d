/** Maps messages to `system` and `messages` of the Messages API, with the repairs it requires. */
import {
  type AssistantTurn,
  type InputTurn,
  type Message,
  pick,
  type SystemMessage,
  shortId,
  type TextPart,
  type Turn,
} from '../../chat/index.js'
import type { Warn } from '../adapter.js'
import { type Note, notesOf, reportLost } from '../notes.js'
import { unknownPart } from '../parts.js'
import { turnsOf } from '../turns.js'
import { callMembers, toAssistant, toResult } from './assistant.js'
import { profileOf } from './models.js'
import { containerOf } from './native.js'
import { toContent, toText, toTextBlocks, withMark } from './parts.js'
import type { WriteContext } from './profile.js'
import {
  isHostedCall,
  isHostedResult,
  isThinking,
  type WireBlock,
  type WireBlocks,
  type WireMessage,
  type WireMessages,
} from './wire.js'

export interface Conversation {
  readonly system: WireBlocks
  readonly messages: WireMessages
  readonly container?: Container | undefined
}

/** `^[a-zA-Z0-9_-]+$`, unique in a conversation. */
const ids = shortId(64, /[^a-zA-Z0-9_-]/g)

/** Members that a system message between turns may have. */
const systemMembers = ['clear_at', 'output_config']

/** Marks of a message that begins the answer in other APIs; here the last assistant one does. */
const prefillMarks = ['prefix', 'partial']

/**
 * Leading system and developer messages become `system`; later ones stay in place, as system turns
 * if the model accepts them. Throws `BadRequestError` if nothing is left to answer, and for content
 * that Claude does not accept.
 */
export function toWireMessages(messages: readonly Message[], context: WriteContext): Conversation {
  const members = [...systemMembers, ...prefillMarks]
  const { turns } = turnsOf(messages, context, { ids, members, callMembers })
  const start = turns.findIndex((turn) => !isSystem(turn))
  const leading = start < 0 ? turns : turns.slice(0, start)
  const dialogue = turns.slice(leading.length)
  const wire = new Turns(context)
  for (const turn of dialogue) wire.add(turn)
  return {
    system: leading.filter(isSystem).flatMap(({ message }) => toLeading(message, context)),
    messages: finished(wire.end(), context),
    container: lastContainer(dialogue),
  }
}

const isSystem = (turn: Turn): turn is InputTurn & { readonly message: SystemMessage } =>
  turn.role === 'input' && turn.message.role !== 'user'

/** The same without warnings, for `adapter.convertMessages`. */
export const convertMessages = (messages: readonly Message[], model: string): Conversation =>
  toWireMessages(messages, contextOf(model))

export const contextOf = (model: string, warn?: Warn): WriteContext => ({
  ...notesOf('anthropic', model, warn),
  profile: profileOf(model),
})

function toLeading(message: SystemMessage, context: WriteContext): WireBlocks {
  const { note } = context
  reportLost(pick(message, systemMembers), [], { note, what: 'the first system message' })
  return toSystem(message, context)
}

function toSystem({ content, cache_control }: SystemMessage, context: WriteContext) {
  const texts =
    typeof content === 'string'
      ? toText(content)
      : content.flatMap((part) => toSystemBlocks(part, context))
  return withMark(texts, cache_control)
}

/** Native tool changes between turns (`tool_addition`, beta) are passed through. */
const toSystemBlocks = (part: TextPart, context: WriteContext): WireBlocks => {
  if (/^tool_/.test(part.type)) return [{ ...part }]
  if (part.type === 'text') return toTextBlocks({ ...part })
  throw unknownPart(part, context)
}

/** The container where code of this conversation ran, with its files. */
export interface Container {
  readonly id: string
  /** The last turn has calls made in code, whose results must go there. */
  readonly isNeeded: boolean
}

/** The last one that has not expired. */
function lastContainer(dialogue: readonly Turn[]): Container | undefined {
  const answers = dialogue.flatMap((turn) => (turn.role === 'assistant' ? turn.messages : []))
  const needed = containerOf(answers.at(-1), true)
  if (needed) return { id: needed, isNeeded: true }
  const ids = answers.flatMap((answer) => containerOf(answer, false) ?? [])
  return ids.slice(-1).map((id) => ({ id, isNeeded: false }))[0]
}

/** Builds turns; adjacent ones of the same role are merged at the end. */
class Turns {
  private readonly messages: WireMessage[] = []
  /** Made by the assistant, sent with the next user turn. */
  private pendingImages: WireBlocks = []

  constructor(private readonly context: WriteContext) {}

  add(turn: Turn): void {
    if (turn.role === 'assistant') this.addAssistant(turn)
    else if (isSystem(turn)) this.addSystem(turn.message)
    else this.addUser(toContent(turn.message.content, turn.message.cache_control, this.context))
  }

  private addAssistant({ messages }: AssistantTurn): void {
    const results: ReturnType<typeof toResult>[] = []
    for (const message of messages) {
      const { blocks, images } = toAssistant(message, this.context)
      // the API requires a user message first; a compaction block replaces the turns before it
      if (blocks.length > 0 && this.messages.length === 0 && !isCompaction(blocks[0])) {
        this.context.note.repaired(
          'The conversation began with the assistant: added a user message before it',
        )
        this.push('user', [{ type: 'text', text: '.' }])
      }
      this.push('assistant', blocks)
      this.pendingImages = [...this.pendingImages, ...images]
      results.push(...message.calls.map((call) => toResult(call, this.context)))
    }
    // results come first in the user turn after the calls
    this.push(
      'user',
      results.map(({ block }) => block),
    )
    if (results.length > 0) this.addUser(results.flatMap(({ beside }) => beside))
  }

  private addUser(blocks: WireBlocks): void {
    const images = this.pendingImages
    if (images.length > 0)
      this.context.note.repaired(
        'Images of an assistant message were sent with the user message behind it',
      )
    this.pendingImages = []
    this.push('user', [...images, ...blocks])
  }

  end(): WireMessages {
    if (this.pendingImages.length > 0)
      this.context.note.dropped('Images of the last assistant message were left out')
    return joined(this.messages).map(withoutLastThoughts)
  }

  /** A system turn may follow only a user or system turn; elsewhere it is a note in a user turn. */
  private addSystem(message: SystemMessage): void {
    const { note, profile } = this.context
    const texts = toSystem(message, this.context)
    const members = pick(message, systemMembers)
    const before = this.messages.at(-1)?.role ?? 'assistant'
    if (profile.systemTurns && before !== 'assistant') {
      this.push('system', texts, members)
      return
    }
    reportLost(members, [], { note, what: 'a system message that is sent as a note' })
    if (texts.length > 0)
      note.changed('A system message between the turns was sent as a note in the user message')
    this.push('user', texts.filter(({ type }) => type === 'text').map(asNote))
  }

  private push(role: WireMessage['role'], content: WireBlocks, members = {}): void {
    if (content.length > 0) this.messages.push({ role, content, ...members })
  }
}

/** Drops empty turns and merges adjacent ones of the same role. */
function joined(turns: WireMessages): WireMessages {
  const messages: WireMessage[] = []
  for (const turn of turns) {
    const last = messages.at(-1)
    if (last?.role === turn.role)
      messages[messages.length - 1] = { ...last, ...turn, content: inOrder(last, turn) }
    else if (turn.content.length > 0) messages.push(turn)
  }
  return messages
}

/** Merged messages: calls move behind text, unless thoughts follow the first call. */
function inOrder(...messages: WireMessages): WireBlocks {
  const blocks = messages.flatMap(({ content }) => content)
  const isCall = ({ type }: WireBlock) => type === 'tool_use'
  const first = blocks.findIndex(isCall)
  if (first < 0 || blocks.slice(first).some(isThinking)) return blocks
  return [...blocks.filter((block) => !isCall(block)), ...blocks.filter(isCall)]
}

/** The API refuses it: "the final block in an assistant message cannot be `thinking`". */
function withoutLastThoughts(message: WireMessage): WireMessage {
  if (message.role !== 'assistant' || endsPaused(message.content)) return message
  const end = message.content.findLastIndex((block) => !isThinking(block)) + 1
  return { ...message, content: message.content.slice(0, end) }
}

const asNote = (block: WireBlock): WireBlock => ({ ...block, text: `[System note: ${block.text}]` })

function finished(turns: WireMessages, context: WriteContext): WireMessages {
  const messages = withEnding(joined(balanceHostedTools(joined(turns), context.note)), context)
  if (messages.some(({ role, content: [first] }) => role === 'user' || isCompaction(first)))
    return messages
  throw context.invalid(
    'There is no message to answer: each is empty, or a system message',
    'no_messages',
  )
}

const isCompaction = (block: WireBlock | undefined) => block?.type === 'compaction'

/**
 * A last assistant message begins the answer. It must not end in white space; models without
 * prefill are asked to continue. A turn paused by the provider is sent back unchanged.
 */
function withEnding(messages: WireMessages, { profile, note }: WriteContext): WireMessages {
  const last = messages.at(-1)
  if (last?.role !== 'assistant' || endsPaused(last.content)) return messages
  if (!profile.prefill) {
    note.repaired(
      'The model does not accept the beginning of its answer: added a request to continue',
    )
    return [...messages, { role: 'user', content: [{ type: 'text', text: 'Continue.' }] }]
  }
  const block = last.content.at(-1)
  if (block?.type !== 'text' || typeof block.text !== 'string') return messages
  const content = last.content.with(-1, { ...block, text: block.text.trimEnd() })
  return messages.with(-1, { ...last, content })
}

// -- hosted tools -----------------------------------------------------------------------------------------------------

/** True for a turn paused during hosted tools (`pause_turn`): sent back unchanged, it continues. */
function endsPaused(content: WireBlocks): boolean {
  const last = content.findLast((block) => !isThinking(block))
  return last !== undefined && (isHostedCall(last) || isHostedResult(last))
}

/** Drops a hosted call without result, except in an open turn, and a result without call. */
function balanceHostedTools(messages: WireMessages, note: Note) {
  const blocks = messages.flatMap(({ content }) => content)
  const called = new Set(blocks.filter(isHostedCall).map(({ id }) => id))
  const answered = new Set(blocks.filter(isHostedResult).map(({ tool_use_id: id }) => id))
  const open = openTurn(messages)
  return messages.map((message) => {
    const content = message.content.filter((block) => {
      if (isHostedCall(block)) return message === open || answered.has(block.id)
      return !isHostedResult(block) || called.has(block.tool_use_id)
    })
    if (content.length === message.content.length) return message
    note.repaired('Dropped a hosted tool call without its result, or a result without its call')
    return { ...message, content }
  })
}

/** The turn that the provider continues: paused by it, or waiting for results of client tools. */
function openTurn(messages: WireMessages): WireMessage | undefined {
  const last = messages.findLast(({ role }) => role === 'assistant')
  const isCalling = last?.content.some(({ type }) => type === 'tool_use')
  return isCalling || last === messages.at(-1) ? last : undefined
}
