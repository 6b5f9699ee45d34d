/** Turns of the inbox: what a person sent in one go becomes one question, one answer, one piece of history. */
import {
  type AnswerInput,
  BudgetExceededError,
  type Client,
  isTetradError,
  type UserMessage,
} from 'tetrad'
import type { Turn } from 'tetrad/inbox'
import type { Store } from 'tetrad/store'
import type { Caller } from './caller.js'
import { AlreadyKept, type Changes, changesOf } from './changes.js'
import type { Graph } from './graph.js'
import { GraphError, isPassing } from './graph-error.js'
import { type Answering, Outbox } from './outbox.js'
import type { Inbound } from './people.js'
import { type Question, type QuestionOptions, standing, toQuestion } from './question.js'
import { createQuotes } from './quotes.js'
import { system, words } from './words.js'

export interface BotOptions {
  readonly ai: Client<Caller>
  readonly graph: Graph
  readonly store: Store
  readonly model: string
  readonly hearModel?: string | undefined
  /** As of the inbox. */
  readonly attempts: number
  readonly maxTokens: number
  readonly onError: (error: unknown) => void
}

/** Below the 25 seconds after which WhatsApp takes the sign away. */
const typingMs = 20_000
/** Apologies of one chat are so far apart. */
const sorryMs = 60_000

export class Bot {
  private readonly outbox: Outbox
  private readonly asking: Omit<QuestionOptions, 'changes'>

  constructor(private readonly options: BotOptions) {
    const { store, graph, ai, model, hearModel, onError } = options
    const quotes = createQuotes(store)
    const canHear = hearModel !== undefined || ai.capabilities(model).audio?.length !== 0
    this.asking = { graph, quotes, canHear, onError }
    this.outbox = new Outbox({ store, graph, quotes, onError })
  }

  /** For `answer` of the inbox. Rejects with what another attempt may mend. */
  async answer(messages: readonly Inbound[], turn: Turn<Inbound>): Promise<void> {
    const changes = await changesOf(this.options.store, turn.key)
    const asked = standing(messages, changes)
    const inbound = asked.at(-1)
    if (!inbound) return
    const answering = this.answering(inbound, turn)
    const stopTyping = await this.startTyping(answering)
    try {
      const { signal } = turn
      const asking = { ...this.asking, changes }
      const questions = await Promise.all(asked.map((one) => toQuestion(one, asking, signal)))
      await this.reply(questions, answering, changes)
    } catch (error) {
      await this.explain(error, answering)
    } finally {
      stopTyping()
    }
  }

  /** For `onExpired`: into the history, unanswered. */
  async record(messages: readonly Inbound[], turn: Turn<Inbound>): Promise<void> {
    const [inbound] = messages
    if (!inbound) return
    const changes = await changesOf(this.options.store, turn.key)
    const asked = standing(messages, changes).map(({ id, content }): UserMessage => {
      const text = content.type === 'text' ? content.text : `[${content.kind}] ${content.caption}`
      return { role: 'user', id, content: text.trim() }
    })
    if (asked.length > 0)
      await this.ask(asked, { inbound, turn, changes, deliver: async () => late })
  }

  /** For `onFull`. */
  async refuse(inbound: Inbound, { isFirst }: { readonly isFirst: boolean }): Promise<void> {
    if (!isFirst) return
    const signal = AbortSignal.timeout(30_000)
    const turn = { turnId: `full:${inbound.id}`, inbound, isLast: true, signal }
    await this.outbox.say(turn, words.moment).catch(this.options.onError)
  }

  private answering(inbound: Inbound, { id, attempt, signal }: Turn<Inbound>): Answering {
    return { turnId: id, inbound, isLast: attempt >= this.options.attempts, signal }
  }

  private async reply(questions: readonly Question[], turn: Answering, changes: Changes) {
    const defects = questions.map(({ defect }) => defect)
    const [defect] = defects
    // of what nobody can read no model is asked
    if (defect && defects.every(Boolean)) return this.outbox.say(turn, defect)
    const messages = questions.map(({ message }) => message)
    const deliver: Caller['deliver'] = (ask) => this.outbox.deliver(turn, ask)
    await this.ask(messages, { inbound: turn.inbound, turn, changes, deliver })
  }

  private async ask(
    messages: readonly UserMessage[],
    call: Pick<Caller, 'changes' | 'deliver'> & {
      readonly inbound: Inbound
      readonly turn: { readonly signal: AbortSignal }
    },
  ): Promise<void> {
    const { ai, model, maxTokens: max_tokens } = this.options
    const { chat, person } = call.inbound
    const { changes, deliver } = call
    const all = [{ role: 'system', content: system } as const, ...messages]
    try {
      await ai.generate(
        { model, messages: all, max_tokens, drop_params: true },
        { state: { chat, person, changes, deliver }, tags: { person }, signal: call.turn.signal },
      )
    } catch (error) {
      if (!(error instanceof AlreadyKept)) throw error
    }
  }

  /** What failed is told to the person where that helps, and once; the rest is tried again. */
  private async explain(error: unknown, turn: Answering): Promise<void> {
    const { store, onError } = this.options
    const { chat, person } = turn.inbound
    if (turn.signal.aborted || isOfStore(error)) throw error
    if (error instanceof GraphError) {
      if (isPassing(error) && !turn.isLast) throw error
      return onError(error)
    }
    const isCap = error instanceof BudgetExceededError
    if (!isCap) onError(error)
    const resetMs = isCap ? (error.resetsAt?.getTime() ?? 0) - Date.now() : 0
    const key = isCap ? `capped:${person}` : `sorry:${chat}`
    const isNews = await store.setIfAbsent(key, turn.turnId, { ttlMs: Math.max(resetMs, sorryMs) })
    if (isNews) await this.outbox.say(turn, isCap ? words.capped : words.sorry).catch(onError)
  }

  /** The first sign is awaited: an account that may not show it may not answer either, and no model is paid. */
  private async startTyping({ inbound, signal }: Answering): Promise<() => void> {
    const { graph } = this.options
    const show = () => graph.showTyping(inbound.phoneNumberId, inbound.id, signal)
    try {
      await show()
    } catch (error) {
      if (error instanceof GraphError && error.isAlarm) throw error
    }
    // a sign that fails is no reason not to answer
    const timer = setInterval(() => void show().catch(() => {}), typingMs)
    return () => clearInterval(timer)
  }
}

/** The store is down, or another process has gone on with this chat. */
const isOfStore = (error: unknown) =>
  isTetradError(error) &&
  (error.code === 'store_unavailable' || error.code === 'conversation_overtaken')

const late: AnswerInput = {
  id: 'late',
  created: 0,
  model: 'none',
  message: { role: 'assistant', content: words.late },
  finish_reason: 'stop',
  usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
}
