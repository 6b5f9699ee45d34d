/** Answers on their way out: made once, each part sent at most once, whatever dies in between. */
import type { AnswerInput, ChatResponse } from 'tetrad'
import type { Store } from 'tetrad/store'
import { fromMarkdown, splitText } from 'tetrad/text'
import type { Graph } from './graph.js'
import { GraphError, isPassing } from './graph-error.js'
import type { Inbound } from './people.js'
import type { Quotes } from './quotes.js'
import { words } from './words.js'

export interface OutboxOptions {
  readonly store: Store
  readonly graph: Graph
  readonly quotes: Quotes
  readonly onError: (error: unknown) => void
}

/** A turn that an answer is for. */
export interface Answering {
  readonly turnId: string
  /** Its last message: the answer goes where it came from. */
  readonly inbound: Inbound
  /** Nobody will try again. */
  readonly isLast: boolean
  readonly signal: AbortSignal
}

interface Outgoing {
  readonly answer: AnswerInput
  readonly parts: readonly string[]
  /** The parts are not all of the answer. */
  readonly isCut: boolean
}

/** Longer than a turn is tried. */
const ttlMs = 8 * 86_400_000
const limit = 4096
/** More is a flood, and the pair limit of a person is one message in six seconds. */
const maxParts = 3

export class Outbox {
  constructor(private readonly options: OutboxOptions) {}

  /**
   * Sends the answer of a turn, that of an earlier attempt where there is one; gives what the person saw. Throws
   * `GraphError` where nothing of it arrived, or where another attempt can send the rest.
   */
  async deliver(turn: Answering, ask: () => Promise<ChatResponse>): Promise<AnswerInput> {
    const { store, onError } = this.options
    const key = `out:${turn.turnId}`
    const made = await store.get(key)
    // what an earlier attempt wrote
    const outgoing = made ? (JSON.parse(made) as Outgoing) : toOutgoing(await ask())
    if (!made) await store.set(key, JSON.stringify(outgoing), { ttlMs })
    const seen: string[] = []
    try {
      for (const [index, part] of outgoing.parts.entries()) {
        await this.sendOnce(`${key}:${index}`, part, turn)
        seen.push(part)
      }
    } catch (error) {
      const isOver = turn.isLast || (error instanceof GraphError && !isPassing(error))
      if (seen.length === 0 || !isOver) throw error
      onError(error)
      return withText(outgoing.answer, seen)
    }
    return outgoing.isCut ? withText(outgoing.answer, seen) : outgoing.answer
  }

  /** A few words of the bot's own, once a turn. */
  say(turn: Answering, text: string): Promise<void> {
    return this.sendOnce(`say:${turn.turnId}`, text, turn)
  }

  /** Of a send that may have arrived nobody knows more, ever: it counts as sent. */
  private async sendOnce(key: string, text: string, { inbound, signal }: Answering): Promise<void> {
    const { store, graph, quotes, onError } = this.options
    if (!(await store.setIfAbsent(key, 'sending', { ttlMs }))) return
    try {
      const id = await graph.sendText(inbound.phoneNumberId, inbound.to, text, signal)
      await quotes.add(id, text)
    } catch (error) {
      if (error instanceof GraphError && error.isUnknown) return onError(error)
      await store.delete(key)
      throw error
    }
  }
}

function toOutgoing(reply: ChatResponse): Outgoing {
  const { id, created, model, usage, message, finish_reason, text } = reply
  const answer = { id, created, model, usage, message, finish_reason }
  const whole = text || message.refusal || words.nothing
  const parts = splitText(fromMarkdown(whole, 'whatsapp'), { limit: limit - words.goOn.length - 2 })
  const isCut = parts.length > maxParts || finish_reason === 'length'
  const kept = parts.slice(0, maxParts)
  const last = kept.pop() ?? words.nothing
  return { answer, parts: [...kept, isCut ? `${last}\n\n${words.goOn}` : last], isCut }
}

const withText = (answer: AnswerInput, parts: readonly string[]): AnswerInput => ({
  ...answer,
  message: { role: 'assistant', content: parts.join('\n\n') },
  finish_reason: 'stop',
})
