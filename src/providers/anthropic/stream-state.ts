/** State of an answer while it streams. */
import type { GrowingText } from '../../chat/gather.js'
import type { JsonObject } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import { notesOf } from '../notes.js'
import { customNames } from '../tools.js'
import { type ReaderLimits, TurnWriter, type WrittenCall } from '../turn-writer.js'
import { profileOf } from './models.js'
import { toOutputFormat } from './output-format.js'

export interface OpenBlock {
  readonly block: JsonObject
  /** Text, thinking or arguments so far. */
  readonly text: GrowingText
  readonly citations: unknown[]
  readonly position: number
  /** Offset of its text in the joined text. */
  readonly start: number
  readonly role: 'content' | 'call' | 'custom' | 'answer'
  readonly call?: WrittenCall
  signature: string
  /** Members from other types of deltas. */
  extra: JsonObject
}

/** The answer as a call of our tool: its arguments are the text, text before it is discarded. */
class JsonAnswer {
  private held: string[] = []
  isGiven = false

  constructor(readonly isWrapped: boolean) {}

  /** Holds text until it is clear whether the call follows. */
  hold(text: string): void {
    if (!this.isGiven) this.held.push(text)
  }

  release(): string {
    const text = this.held.join('')
    this.held = []
    return text
  }

  /** Begins the call; true if text before it is discarded. */
  begin(): boolean {
    this.isGiven = true
    return this.release().trim() !== ''
  }
}

export class State {
  readonly writer: TurnWriter
  readonly custom: ReadonlySet<string>
  readonly answer: JsonAnswer | undefined
  readonly open = new Map<unknown, OpenBlock>()
  /** Indices of all blocks so far. */
  readonly begun = new Set<unknown>()
  /** Complete and open ones, in order. */
  readonly blocks: JsonObject[] = []
  readonly hostedNames = new Map<unknown, string>()
  /** Id of the current message; undefined before it begins. */
  id: string | undefined
  isEnded = false
  usage: Record<string, unknown> = {}
  /** `stop_reason`, `stop_sequence`, `stop_details`, `container`: the last value of each. */
  stop: JsonObject = {}

  constructor(
    readonly context: WireContext,
    call?: Pick<Call, 'onUsage'>,
    limits: ReaderLimits = {},
  ) {
    const { request, model } = context
    const own = { provider: 'anthropic', callPrefix: 'toolu_' }
    this.writer = new TurnWriter({ ...limits, ...own, context, call })
    this.custom = customNames(request)
    const format = toOutputFormat(request, profileOf(model), notesOf('anthropic', model).note)
    this.answer = format.kind === 'tool' ? new JsonAnswer(format.isWrapped) : undefined
  }
}
