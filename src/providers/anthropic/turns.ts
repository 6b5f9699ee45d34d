/** Maps messages to `system` and `messages` of the Messages API, with the repairs it requires. */
import {
  type AssistantTurn,
  type InputTurn,
  type Message,
  type SystemMessage,
  shortId,
  type TextPart,
  type Turn,
} from '../../chat/index.js'
import type { Warn } from '../adapter.js'
import { notesOf, pick, reportLost, unreported } from '../notes.js'
import { unknownPart } from '../parts.js'
import { turnsOf } from '../turns.js'
import { toAssistant } from './assistant.js'
import { balanceHostedTools, endsPaused } from './hosted-history.js'
import { profileOf } from './models.js'
import { containerOf } from './native.js'
import { toContent, toText, toTextBlocks, withMark } from './parts.js'
import type { WriteContext } from './profile.js'
import { callMembers, toResult } from './tool-history.js'
import { isThinking, type WireBlock, type WireMessage } from './wire.js'

export interface WireConversation {
  readonly system: readonly WireBlock[]
  readonly messages: readonly WireMessage[]
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
export function toWireMessages(
  messages: readonly Message[],
  context: WriteContext,
): WireConversation {
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
export const convertMessages = (messages: readonly Message[], model: string): WireConversation =>
  toWireMessages(messages, contextOf(model, unreported))

export const contextOf = (model: string, warn: Warn): WriteContext => ({
  ...notesOf('anthropic', model, warn),
  profile: profileOf(model),
})

function toLeading(message: SystemMessage, context: WriteContext): readonly WireBlock[] {
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
const toSystemBlocks = (part: TextPart, context: WriteContext): readonly WireBlock[] => {
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
  const needed = containerOf(answers.at(-1)?.message, true)
  if (needed) return { id: needed, isNeeded: true }
  const ids = answers.flatMap(({ message }) => containerOf(message, false) ?? [])
  return ids.slice(-1).map((id) => ({ id, isNeeded: false }))[0]
}

/** Builds turns; adjacent ones of the same role are merged at the end. */
class Turns {
  private readonly messages: WireMessage[] = []
  /** Made by the assistant, sent with the next user turn. */
  private pendingImages: readonly WireBlock[] = []

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
        this.context.note(
          'repaired',
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

  private addUser(blocks: readonly WireBlock[]): void {
    const images = this.pendingImages
    if (images.length > 0)
      this.context.note(
        'repaired',
        'Images of an assistant message were sent with the user message behind it',
      )
    this.pendingImages = []
    this.push('user', [...images, ...blocks])
  }

  /** The turns of the whole history. */
  end(): readonly WireMessage[] {
    if (this.pendingImages.length > 0)
      this.context.note('dropped', 'Images of the last assistant message were left out')
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
      note('changed', 'A system message between the turns was sent as a note in the user message')
    this.push('user', texts.filter(({ type }) => type === 'text').map(asNote))
  }

  private push(role: WireMessage['role'], content: readonly WireBlock[], members = {}): void {
    if (content.length > 0) this.messages.push({ role, content, ...members })
  }
}

/** Drops empty turns and merges adjacent ones of the same role. */
function joined(turns: readonly WireMessage[]): readonly WireMessage[] {
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
function inOrder(...messages: readonly WireMessage[]): readonly WireBlock[] {
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

function finished(turns: readonly WireMessage[], context: WriteContext): readonly WireMessage[] {
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
function withEnding(
  messages: readonly WireMessage[],
  { profile, note }: WriteContext,
): readonly WireMessage[] {
  const last = messages.at(-1)
  if (last?.role !== 'assistant' || endsPaused(last.content)) return messages
  if (!profile.prefill) {
    note(
      'repaired',
      'The model does not accept the beginning of its answer: added a request to continue',
    )
    return [...messages, { role: 'user', content: [{ type: 'text', text: 'Continue.' }] }]
  }
  const block = last.content.at(-1)
  if (block?.type !== 'text' || typeof block.text !== 'string') return messages
  const content = last.content.with(-1, { ...block, text: block.text.trimEnd() })
  return messages.with(-1, { ...last, content })
}
