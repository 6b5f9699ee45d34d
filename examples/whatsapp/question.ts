/** Messages of a person → messages for a model. */
import type { UserMessage, UserPart } from 'tetrad'
import type { Changes } from './changes.js'
import type { Graph } from './graph.js'
import { loadMedia, MediaError } from './media.js'
import type { Inbound } from './people.js'
import type { Quotes } from './quotes.js'
import { words } from './words.js'

export interface QuestionOptions {
  readonly graph: Graph
  readonly quotes: Quotes
  readonly changes: Changes
  /** The model, or one beside it, takes voice messages. */
  readonly canHear: boolean
  readonly onError: (error: unknown) => void
}

/** One for each message, under its id: an edit finds it later. */
export interface Question {
  readonly message: UserMessage
  /** Nothing of it could be read: what the person is told. */
  readonly defect?: string
}

/** Edited messages as they read now, without those that were taken back. */
export const standing = (messages: readonly Inbound[], changes: Changes): readonly Inbound[] =>
  messages.flatMap((message) => {
    const text = changes.get(message.id)
    if (text === null) return []
    if (text === undefined) return [message]
    const { content } = message
    return [
      {
        ...message,
        content: content.type === 'text' ? { ...content, text } : { ...content, caption: text },
      },
    ]
  })

export async function toQuestion(
  inbound: Inbound,
  { graph, quotes, changes, canHear, onError }: QuestionOptions,
  signal: AbortSignal,
): Promise<Question> {
  const { id, content, quotedId } = inbound
  const quoted =
    quotedId && (changes.has(quotedId) ? changes.get(quotedId) : await quotes.get(quotedId))
  const quote = quoted ? [textPart(`[about: ${quoted}]`)] : []
  const ask = (...parts: readonly UserPart[]): UserMessage => ({
    role: 'user',
    id,
    content: [...quote, ...parts],
  })
  if (content.type === 'text') return { message: ask(textPart(content.text)) }
  if (content.kind === 'audio' && !canHear)
    return { message: ask(textPart('[voice message, unheard]')), defect: words.noVoice }
  const caption = content.caption ? [textPart(content.caption)] : []
  try {
    return { message: ask(...caption, await loadMedia(graph, content, signal)) }
  } catch (error) {
    if (!(error instanceof MediaError)) throw error
    onError(error)
    const message = ask(...caption, textPart(`[${content.kind}: ${error.message}]`))
    return content.caption ? { message } : { message, defect: error.message }
  }
}

const textPart = (text: string) => ({ type: 'text', text }) as const
