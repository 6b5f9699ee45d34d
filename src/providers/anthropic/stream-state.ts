/** What is known of an answer while it comes in. */
import type { JsonObject, Usage } from '../../chat/index.js'
import type { WireContext } from '../adapter.js'
import { TurnWriter, type WrittenCall } from '../turn-writer.js'
import { JsonAnswer } from './json-answer.js'
import { profileOf } from './models.js'
import { toOutputFormat } from './output-format.js'
import { customNames } from './tools.js'

/** A block while its pieces come in. */
export interface OpenBlock {
  readonly block: JsonObject
  /** Text, thinking or arguments so far. */
  readonly pieces: string[]
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

export interface State {
  readonly context: WireContext
  readonly onUsage: (usage: Usage) => void
  readonly custom: ReadonlySet<string>
  readonly answer: JsonAnswer | undefined
  readonly open: Map<unknown, OpenBlock>
  /** Complete and open ones, in their order. */
  readonly blocks: JsonObject[]
  readonly hostedNames: Map<unknown, string>
  /** Of the message that is being read; undefined before it begins. */
  id: string | undefined
  isEnded: boolean
  usage: JsonObject
  /** `stop_reason`, `stop_sequence`, `stop_details`, `container`: the last word on each. */
  stop: JsonObject
  readonly writer: TurnWriter
}

export function newState(context: WireContext, onUsage: (usage: Usage) => void): State {
  const format = toOutputFormat(context.request, profileOf(context.model), () => {})
  return {
    context,
    onUsage,
    custom: customNames(context.request),
    answer: format.kind === 'tool' ? new JsonAnswer(format.isWrapped) : undefined,
    open: new Map(),
    blocks: [],
    hostedNames: new Map(),
    id: undefined,
    isEnded: false,
    usage: {},
    stop: {},
    writer: new TurnWriter({ provider: 'anthropic', context, callPrefix: 'toolu_' }),
  }
}

/** Later words win; null says nothing. */
export const withTold = (before: JsonObject, after: JsonObject): JsonObject => ({
  ...before,
  ...Object.fromEntries(Object.entries(after).filter(([, value]) => value != null)),
})
