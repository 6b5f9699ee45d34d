/** Messages → `system` and `messages` of the Messages API, with the repairs that its rules ask for. */
import type { Message, SystemMessage, TextPart } from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import { toAssistant } from './assistant.js'
import { toContent, toText, type WireContent, withMark } from './content.js'
import { balanceHostedTools, endsPaused } from './hosted-history.js'
import { profileOf } from './models.js'
import { containerOf, isThinking } from './native.js'
import { type Note, notesTo } from './notes.js'
import type { Profile } from './profile.js'
import { type Entry, type HistoryCall, pairTools } from './tool-history.js'
import { toResult } from './tool-results.js'
import type { WireBlock, WireMessage, WireText } from './wire.js'

export interface WireConversation {
  readonly system: readonly WireText[]
  readonly messages: readonly WireMessage[]
  /** Where the results of calls made in code must go. */
  readonly container?: string | undefined
}

/**
 * Leading system and developer messages become `system`; later ones stay in place, as a system turn where the model takes
 * one. Throws `BadRequestError` where nothing is left to answer, and for content that Claude does not take.
 */
export function toWireMessages(
  messages: readonly Message[],
  model: string,
  note: Note,
): WireConversation {
  const entries = pairTools(messages, note)
  const start = entries.findIndex(({ role }) => role !== 'system')
  const dialogue = start < 0 ? [] : entries.slice(start)
  const leading = start < 0 ? entries : entries.slice(0, start)
  const turns = new Turns(model, note)
  for (const entry of dialogue) turns.add(entry)
  return {
    system: leading.flatMap((entry) => (entry.role === 'system' ? toSystem(entry.message) : [])),
    messages: finished(turns.end(), profileOf(model), note),
    container: lastContainer(dialogue),
  }
}

/** The same without warnings: what `adapter.convertMessages` gives. */
export const convertMessages = (messages: readonly Message[], model: string): WireConversation =>
  toWireMessages(
    messages,
    model,
    notesTo(() => {}),
  )

function toSystem({ content, cache_control }: SystemMessage): readonly WireText[] {
  const texts =
    typeof content === 'string' ? toText(content) : (content ?? []).flatMap(toSystemBlocks)
  return withMark(texts, cache_control)
}

/** Changes of the tools between the turns (`tool_addition`, beta) are this provider's own, and pass as they are. */
const toSystemBlocks = (part: TextPart): readonly WireText[] =>
  /^tool_/.test(part.type) ? [part as WireText] : toText(part.text, part.cache_control)

const lastContainer = (dialogue: readonly Entry[]) => {
  const last = dialogue.findLast((entry) => entry.role === 'assistant')
  return last && containerOf(last.message)
}

/** Turns as they grow: equal roles that follow each other are one turn. */
class Turns {
  readonly messages: WireMessage[] = []
  private readonly profile: Profile
  /** Made by the assistant, to be shown by the user. */
  private pendingImages: readonly WireContent[] = []
  /** Of the turn that is being put together. */
  private pendingCalls: readonly HistoryCall[] = []

  constructor(
    private readonly model: string,
    private readonly note: Note,
  ) {
    this.profile = profileOf(model)
  }

  add(entry: Entry): void {
    if (entry.role !== 'assistant' || !entry.continues) this.addResults()
    if (entry.role === 'user')
      this.addUser(toContent(entry.message.content, entry.message.cache_control))
    else if (entry.role === 'system') this.addSystem(entry.message)
    else this.addAssistant(entry)
  }

  private addAssistant({ message, calls }: Extract<Entry, { role: 'assistant' }>): void {
    const { model, note } = this
    const { blocks, images } = toAssistant(message, calls, { model, note })
    if (blocks.length > 0 && this.messages.length === 0) this.addOpening()
    this.push('assistant', blocks)
    this.pendingImages = [...this.pendingImages, ...images]
    this.pendingCalls = [...this.pendingCalls, ...calls]
  }

  /** The results of a turn's calls stand first in the user turn behind it. */
  private addResults(): void {
    const calls = this.pendingCalls
    if (calls.length === 0) return
    this.pendingCalls = []
    const results = calls.map((call) => toResult(call, this.note))
    this.push(
      'user',
      results.map(({ block }) => block),
    )
    this.addUser(results.flatMap(({ beside }) => beside))
  }

  /** A conversation begins with the user. */
  private addOpening(): void {
    this.note(
      'repaired',
      'The conversation began with the assistant: a user message was put before it',
    )
    this.push('user', [{ type: 'text', text: '.' }])
  }

  private addUser(blocks: readonly WireBlock[]): void {
    const images = this.pendingImages
    if (images.length > 0)
      this.note(
        'repaired',
        'Images of an assistant message were sent with the user message behind it',
      )
    this.pendingImages = []
    this.push('user', [...images, ...blocks])
  }

  /** The turns of a whole history. */
  end(): readonly WireMessage[] {
    this.addResults()
    if (this.pendingImages.length > 0)
      this.note('dropped', 'Images of the last assistant message were left out')
    return this.messages.map(withoutLastThoughts)
  }

  /** A system turn may follow only what the user said; elsewhere the same words are a note in the user's turn. */
  private addSystem(message: SystemMessage): void {
    const texts = toSystem(message)
    const before = this.messages.at(-1)?.role
    if (this.profile.systemTurns && (before === 'user' || before === 'system')) {
      this.push('system', texts)
      return
    }
    if (texts.length > 0)
      this.note(
        'changed',
        'A system message between the turns was sent as a note in the user message',
      )
    this.push('user', texts.filter(({ type }) => type === 'text').map(asNote))
  }

  private push(role: WireMessage['role'], content: readonly WireBlock[]): void {
    if (content.length === 0) return
    const last = this.messages.at(-1)
    const isJoined = last?.role === role
    if (isJoined) this.messages.pop()
    const joined = isJoined ? inOrder([...last.content, ...content]) : content
    // a system turn is pushed with texts only
    this.messages.push({ role, content: joined } as WireMessage)
  }
}

/** Several messages in one turn: what was said stands before what was called; thoughts keep their place. */
function inOrder(blocks: readonly WireBlock[]): readonly WireBlock[] {
  const isCall = ({ type }: WireBlock) => type === 'tool_use'
  const first = blocks.findIndex(isCall)
  if (first < 0 || blocks.slice(first).some(isThinking)) return blocks
  return [...blocks.filter((block) => !isCall(block)), ...blocks.filter(isCall)]
}

/** Thinking that leads to nothing is refused: "the final block in an assistant message cannot be `thinking`". */
function withoutLastThoughts(message: WireMessage): WireMessage {
  if (message.role !== 'assistant' || endsPaused(message.content)) return message
  const end = message.content.findLastIndex((block) => !isThinking(block)) + 1
  return end === message.content.length
    ? message
    : { ...message, content: message.content.slice(0, end) }
}

const asNote = (block: WireText): WireText => ({ ...block, text: `[System note: ${block.text}]` })

function finished(
  turns: readonly WireMessage[],
  profile: Profile,
  note: Note,
): readonly WireMessage[] {
  const messages = withEnding(joined(balanceHostedTools(joined(turns), note)), profile, note)
  if (messages.some(({ role }) => role === 'user')) return messages
  throw new BadRequestError('There is no message to answer: each is empty, or a system message', {
    status: 400,
    provider: 'anthropic',
    code: 'empty_messages',
  })
}

/** Without empty turns; those that then stand side by side are one. */
function joined(turns: readonly WireMessage[]): readonly WireMessage[] {
  const messages: WireMessage[] = []
  for (const turn of turns) {
    const last = messages.at(-1)
    if (last?.role === turn.role)
      // both are of one role, and so are their blocks
      messages.splice(-1, 1, {
        ...turn,
        content: [...last.content, ...turn.content],
      } as WireMessage)
    else if (turn.content.length > 0) messages.push(turn)
  }
  return messages
}

/**
 * A last message of the assistant is the beginning of the answer. It must not end in white space; models that take none
 * are asked to go on. A turn that the provider paused goes back as it is.
 */
function withEnding(
  messages: readonly WireMessage[],
  { prefill }: Profile,
  note: Note,
): readonly WireMessage[] {
  const last = messages.at(-1)
  if (last?.role !== 'assistant' || endsPaused(last.content)) return messages
  if (!prefill) {
    note('repaired', 'The model takes no beginning of its answer: it was asked to continue')
    return [...messages, { role: 'user', content: [{ type: 'text', text: 'Continue.' }] }]
  }
  const content = trimmedEnd(last.content)
  const others = messages.slice(0, -1)
  return content.length > 0 ? [...others, { ...last, content }] : others
}

function trimmedEnd(content: readonly WireBlock[]): readonly WireBlock[] {
  const block = content.at(-1)
  if (block?.type !== 'text') return content
  const text = block.text.trimEnd()
  return text === block.text ? content : content.with(-1, { ...block, text })
}
