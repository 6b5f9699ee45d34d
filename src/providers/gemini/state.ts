/** What the reader knows of an answer while it comes. */
import type { JsonObject } from '../../chat/index.js'
import type { WireContext } from '../adapter.js'
import { TurnWriter, type WrittenCall } from '../turn-writer.js'
import type { Sources } from './annotations.js'
import { customNames } from './names.js'
import type { PartialArguments } from './partial-arguments.js'
import type { Part, WireFunctionCall } from './wire.js'

export interface ReaderLimits {
  /** Characters of one tool call's arguments. @default 16_777_216 */
  readonly maxArgumentsLength?: number
}

/** A call whose arguments are still coming. */
export interface OpenCall {
  readonly call: WrittenCall
  readonly wire: WireFunctionCall
  readonly args: PartialArguments
  signature: string | undefined
}

/** Text that the next chunk may go on with. */
export interface GrowingText {
  text: string
  readonly thought?: boolean
}

export interface State {
  readonly context: WireContext
  readonly writer: TurnWriter
  /** Names of custom tools. */
  readonly customs: ReadonlySet<string>
  /** The answer's own parts, for `native`: text that was cut on the way is joined, signed parts stay alone. */
  readonly parts: Part[]
  /** The last of the parts, if it is such text. */
  growing: GrowingText | undefined
  readonly sources: { [K in keyof Sources]: Sources[K][number][] }
  open: OpenCall | undefined
  /** The code that ran last: its result may come without an id. */
  codeId: string | undefined
  /** Of the sound that came: its words may come in parts of their own. */
  audioType: string | undefined
  /** The block of reasoning: one that was interrupted by something else is followed by another. */
  thought: number
  usage: JsonObject | undefined
  finishReason: string | undefined
  finishMessage: string | undefined
  blockReason: string | undefined
}

export const createState = (context: WireContext, { maxArgumentsLength }: ReaderLimits): State => ({
  context,
  writer: new TurnWriter({ provider: 'gemini', context, maxArgumentsLength }),
  customs: customNames(context.request.tools),
  parts: [],
  growing: undefined,
  sources: { grounding: [], citations: [], pages: [] },
  open: undefined,
  codeId: undefined,
  audioType: undefined,
  thought: 0,
  usage: undefined,
  finishReason: undefined,
  finishMessage: undefined,
  blockReason: undefined,
})
