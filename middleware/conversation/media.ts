/**
 * Images, audio and files of a conversation: sent with their own turn, replaced by a text line in
 * later ones.
 */
import {
  asMoved,
  type ContentPart,
  isObject,
  type Message,
  mediaType,
  originOf,
} from '../../src/chat/index.js'
import type { Where } from './draft.js'

/**
 * The media sent in later turns: all, those of the last turn that had any, or a text line for each.
 */
export type Media = 'last' | 'never' | 'all'

/** Transcripts by the data of their audio. */
type Heard = ReadonlyMap<string, string>

/** A message as it is stored. */
interface Kept {
  readonly entry: string
  /** The message with its media, if the entry has text lines instead. */
  readonly whole: Message | undefined
}

/**
 * The log contains text lines; with `last` a separate key has the messages of the last turn with
 * media, by their positions in the log. Content signed over media is marked as moved in the log: it
 * is sent unchanged only together with its media.
 */
export class MediaStore {
  /** Media of an earlier turn are sent again. */
  private showsLast = false

  constructor(
    private readonly where: Where,
    private readonly media: Media,
  ) {}

  /** The messages to send again; `from` is the position of the first. */
  async restore(
    messages: readonly Message[],
    from: number,
    added: readonly Message[],
  ): Promise<readonly Message[]> {
    if (this.media === 'all') return messages
    const isLast = this.media === 'last' && !added.some(hasMedia)
    const last = isLast ? await this.lastTurn() : new Map<number, Message>()
    this.showsLast = last.size > 0
    const first = Math.min(...last.keys())
    let isMoved = false
    return messages.map((message, index) => {
      const whole = last.get(from + index)
      if (whole) return whole
      const line = withoutMedia(message)
      // stored with its media, before `media` was set
      isMoved ||= line !== message
      if (isMoved) return asMoved(line)
      return from + index > first ? unmoved(line) : line
    })
  }

  /** The entries of a turn. */
  toKeep(messages: readonly Message[], heard: Heard): readonly Kept[] {
    let isBehind = this.showsLast
    return messages.map((message) => {
      const whole = withHeard(message, heard)
      const line = this.media === 'all' ? whole : withoutMedia(whole)
      isBehind ||= line !== whole
      const entry = JSON.stringify(isBehind ? asMoved(line) : line)
      return { entry, whole: line === whole ? undefined : whole }
    })
  }

  /** Whether content that follows these is signed over media. */
  isBehind(own: readonly Kept[]): boolean {
    return this.showsLast || own.some(({ whole }) => whole)
  }

  /** `at` is the position of the first. */
  async remember(kept: readonly Kept[], at: number): Promise<void> {
    const { store, key, ttlMs } = this.where
    const places = kept.flatMap(({ whole }, index) => (whole ? [[at + index, whole]] : []))
    if (this.media !== 'last' || places.length === 0) return
    await store.set(mediaOf(key), JSON.stringify(places), { ttlMs })
  }

  private async lastTurn(): Promise<ReadonlyMap<number, Message>> {
    const found = (await this.where.store.get(mediaOf(this.where.key))) ?? '[]'
    // written by remember()
    return new Map(JSON.parse(found) as [number, Message][])
  }
}

const mediaOf = (key: string) => `media:${key}`

function unmoved(message: Message): Message {
  if (message.role !== 'assistant') return message
  const { is_moved: _, ...rest } = message
  return rest
}

const hasMedia = (message: Message) => withoutMedia(message) !== message

/** Replaces transcribed audio by its text. The same message if there is none. */
const withHeard = (message: Message, heard: Heard): Message =>
  editParts(message, (part) => {
    const text = heard.get(dataOf(part))
    return text === undefined ? part : { type: 'text', text }
  })

const dataOf = (part: ContentPart): string => {
  if (part.type === 'input_audio') return part.input_audio.data
  return (part.type === 'file' && part.file.file_data) || ''
}

/**
 * Replaces each image, audio and file by a text line, those made by the model too. The native
 * blocks of such an answer are dropped, as they contain the bytes. The same message if there is
 * none.
 */
function withoutMedia(message: Message): Message {
  const edited = editParts(message, (part) => {
    const line = lineOf(part)
    return line === undefined ? part : { type: 'text', text: line }
  })
  return edited.role === 'assistant' ? withoutOutput(edited) : edited
}

type AssistantTurn = Extract<Message, { readonly role: 'assistant' }>

function withoutOutput(message: AssistantTurn): Message {
  const { images, audio, files, native, ...rest } = message
  const lines = [
    ...(images ?? []).map(() => '[image]'),
    ...(audio?.data ? [`[audio] ${audio.transcript ?? ''}`.trim()] : []),
    ...(files ?? []).map(({ name, media_type }) => fileLine(name, media_type)),
  ]
  if (lines.length === 0) return message
  return {
    ...rest,
    content: withLines(rest.content, lines),
    ...(native && { native: originOf(native) }),
  }
}

function withLines(content: AssistantTurn['content'], lines: readonly string[]) {
  if (Array.isArray(content))
    return [...content, ...lines.map((text) => ({ type: 'text' as const, text }))]
  return [...(content ? [content] : []), ...lines].join('\n')
}

/** The same message if no part changed. */
function editParts(message: Message, edit: (part: ContentPart) => ContentPart): Message {
  const { content } = message
  if (!Array.isArray(content)) return message
  // in each role the list contains content parts
  const parts = content as readonly ContentPart[]
  const edited = parts.map((part) => (isObject(part) ? edit(part) : part))
  if (edited.every((part, index) => part === parts[index])) return message
  // a text part is valid in every role
  return { ...message, content: edited } as Message
}

function lineOf(part: ContentPart): string | undefined {
  if (part.type === 'image_url') return '[image]'
  if (part.type === 'input_audio') return '[audio]'
  if (part.type !== 'file') return undefined
  const { filename, format, file_data } = part.file
  return fileLine(filename, format ?? file_data?.slice(0, 64).match(/^data:([^;,]+)/i)?.[1])
}

function fileLine(name: string | undefined, type: string | undefined): string {
  const [kind = ''] = (mediaType(type) ?? '').split('/')
  if (kind === 'image' || kind === 'audio' || kind === 'video') return `[${kind}]`
  return name ? `[file: ${name}]` : '[file]'
}
