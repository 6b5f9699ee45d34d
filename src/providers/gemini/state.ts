/** What the reader knows of an answer while it comes. */
import { UnexpectedResponseError } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import type { Sources } from './annotations.js'
import { type ToolNames, toolNames } from './names.js'
import type { PartialArguments } from './partial-arguments.js'
import type { Part, UsageMetadata, WireFunctionCall } from './wire.js'

export interface ReaderLimits {
  /** Characters of one tool call's arguments. @default 16_777_216 */
  readonly maxArgumentsLength?: number
}

/** A call whose arguments are still coming. */
export interface OpenCall {
  readonly index: number
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
  readonly maxArgumentsLength: number
  readonly names: ToolNames
  /** The answer's own parts, for `native`: text that was cut on the way is joined, signed parts stay alone. */
  readonly parts: Part[]
  /** The last of the parts, if it is such text. */
  growing: GrowingText | undefined
  readonly callIds: Set<string>
  readonly sources: { [K in keyof Sources]: Sources[K][number][] }
  isStarted: boolean
  calls: number
  open: OpenCall | undefined
  /** The code that ran last: its result may come without an id. */
  codeId: string | undefined
  /** Reasoning was interrupted by something else, so what follows is a block of its own. */
  reasoning: 'none' | 'open' | 'interrupted'
  usage: UsageMetadata | undefined
  finishReason: string | undefined
  finishMessage: string | undefined
  blockReason: string | undefined
}

export const createState = (
  context: WireContext,
  { maxArgumentsLength = 16 * 1024 * 1024 }: ReaderLimits,
): State => ({
  context,
  maxArgumentsLength,
  names: toolNames(context.request.tools),
  parts: [],
  growing: undefined,
  callIds: new Set(),
  sources: { grounding: [], citations: [], pages: [] },
  isStarted: false,
  calls: 0,
  open: undefined,
  codeId: undefined,
  reasoning: 'none',
  usage: undefined,
  finishReason: undefined,
  finishMessage: undefined,
  blockReason: undefined,
})

/** Throws for arguments that are longer than any tool would want. */
export function checkLength(length: number, { context, maxArgumentsLength }: State): void {
  if (length <= maxArgumentsLength) return
  throw new UnexpectedResponseError(
    `gemini/${context.model} sent more than ${maxArgumentsLength} characters of arguments (option maxArgumentsLength)`,
    {
      provider: 'gemini',
      model: context.model,
      code: 'too_large',
      phase: 'stream',
      retryable: false,
      maybeBilled: true,
    },
  )
}
