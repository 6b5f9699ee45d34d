/** What the reader knows of an answer while it comes. */
import type { JsonObject } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import type { ReaderLimits } from '../answers.js'
import { TurnWriter, type WrittenCall } from '../turn-writer.js'
import type { Sources } from './annotations.js'
import { customNames } from './names.js'
import type { PartialArguments } from './partial-arguments.js'
import type { Part, WireFunctionCall } from './wire.js'

/** A call whose arguments are still coming. */
export interface OpenCall {
  readonly call: WrittenCall
  readonly wire: WireFunctionCall
  readonly args: PartialArguments
  signature: string | undefined
}

/** Text that the next chunk may go on with. */
export interface GrowingPart {
  text: string
  readonly thought?: boolean
}

export class State {
  readonly writer: TurnWriter
  /** Names of custom tools. */
  readonly customs: ReadonlySet<string>
  /** The answer's own parts, for `native`: text that was cut on the way is joined, signed parts stay alone. */
  readonly parts: Part[] = []
  /** The last of the parts, if it is such text. */
  growing: GrowingPart | undefined
  readonly sources: Sources = { grounding: [], citations: [], pages: [] }
  open: OpenCall | undefined
  /** The code that ran last: its result may come without an id. */
  codeId: string | undefined
  /** Of the audio that came: its words may come in parts of their own. */
  audioType: string | undefined
  /** The block of reasoning: one that was interrupted by something else is followed by another. */
  thought = 0
  usage: JsonObject = {}
  finishReason: string | undefined
  finishMessage: string | undefined
  blockReason: string | undefined

  constructor(
    readonly context: WireContext,
    call: Pick<Call, 'onUsage'> | undefined,
    { maxArgumentsLength }: ReaderLimits,
  ) {
    this.writer = new TurnWriter({ provider: 'gemini', context, call, maxArgumentsLength })
    this.customs = customNames(context.request.tools)
  }
}
