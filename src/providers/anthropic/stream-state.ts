/** What is known of an answer while it comes in. */
import type { JsonObject } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import type { ReaderLimits } from '../answers.js'
import type { GrowingText } from '../gather.js'
import { TurnWriter, type WrittenCall } from '../turn-writer.js'
import { profileOf } from './models.js'
import { toOutputFormat } from './output-format.js'
import { customNames } from './tools.js'

/** A block while its pieces come in. */
export interface OpenBlock {
  readonly block: JsonObject
  /** Text, thinking or arguments so far. */
  readonly text: GrowingText
  readonly citations: unknown[]
  /** Among all blocks. */
  readonly position: number
  /** Where its text begins in the joined text. */
  readonly start: number
  readonly role: 'content' | 'call' | 'custom' | 'answer'
  readonly call?: WrittenCall
  signature: string
  /** What deltas of another kind brought. */
  extra: JsonObject
}

/** The answer as the call of a tool of ours: its arguments are the text, and other text is only the way there. */
class JsonAnswer {
  private held: string[] = []
  /** The call has come. */
  isGiven = false

  constructor(readonly isWrapped: boolean) {}

  /** Keeps text until it is clear whether the call comes. */
  hold(text: string): void {
    if (!this.isGiven) this.held.push(text)
  }

  /** Text that no call made superfluous. */
  release(): string {
    const text = this.held.join('')
    this.held = []
    return text
  }

  /** The call begins; true where text before it is given up. */
  begin(): boolean {
    this.isGiven = true
    return this.release().trim() !== ''
  }
}

/** All that one stream is read with. */
export class State {
  readonly writer: TurnWriter
  readonly custom: ReadonlySet<string>
  readonly answer: JsonAnswer | undefined
  readonly open = new Map<unknown, OpenBlock>()
  /** Complete and open ones, in their order. */
  readonly blocks: JsonObject[] = []
  readonly hostedNames = new Map<unknown, string>()
  /** Of the message that is being read; undefined before it begins. */
  id: string | undefined
  isEnded = false
  usage: JsonObject = {}
  /** `stop_reason`, `stop_sequence`, `stop_details`, `container`: the last value of each. */
  stop: JsonObject = {}

  constructor(
    readonly context: WireContext,
    call: Pick<Call, 'onUsage'> | undefined,
    { maxArgumentsLength }: ReaderLimits,
  ) {
    const { request, model } = context
    const own = { provider: 'anthropic', callPrefix: 'toolu_' }
    this.writer = new TurnWriter({ ...own, context, call, maxArgumentsLength })
    this.custom = customNames(request)
    const format = toOutputFormat(request, profileOf(model), () => {})
    this.answer = format.kind === 'tool' ? new JsonAnswer(format.isWrapped) : undefined
  }
}
