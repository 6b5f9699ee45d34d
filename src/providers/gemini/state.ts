/** State of an answer while it streams. */
import type { Call } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import { customNames } from '../tools.js'
import { type ReaderLimits, TurnWriter, type WrittenCall } from '../turn-writer.js'
import type { Sources } from './annotations.js'
import type { PartialArguments } from './partial-arguments.js'
import type { Part, WireFunctionCall } from './wire.js'

export interface OpenCall {
  readonly call: WrittenCall
  readonly wire: WireFunctionCall
  readonly args: PartialArguments
  signature?: string | undefined
}

/** Text that the next chunk may continue. */
export interface GrowingPart {
  text: string
  readonly thought?: boolean
}

export class State {
  readonly writer: TurnWriter
  readonly customs: ReadonlySet<string>
  /** Parts for `native`: text cut by streaming is joined, signed parts stay separate. */
  readonly parts: Part[] = []
  /** The last part, if it is such text. */
  growing: GrowingPart | undefined
  readonly sources: Sources = { grounding: [], citations: [], pages: [] }
  open: OpenCall | undefined
  /** Id of the last code run: its result may have none. */
  codeId: string | undefined
  /** Type of the audio so far: its transcript may be in parts of its own. */
  audioType: string | undefined
  /** Number of the reasoning block: other content ends a block. */
  thought = 0
  readonly usage: Record<string, unknown> = {}
  isUsageNew = false
  finishReason: string | undefined
  finishMessage: string | undefined
  blockReason: string | undefined

  constructor(
    readonly context: WireContext,
    call?: Pick<Call, 'onUsage'>,
    limits: ReaderLimits = {},
  ) {
    this.writer = new TurnWriter({ ...limits, provider: 'gemini', context, call })
    this.customs = customNames(context.request)
  }
}

/** An id that the API gave none, of 37 characters for a call: OpenAI accepts at most 40. */
export const madeId = (kind = 'call'): string =>
  `${kind}_${globalThis.crypto.randomUUID().replaceAll('-', '')}`
