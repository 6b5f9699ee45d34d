/** What of an answer of ours goes to the AI SDK in `providerMetadata.tetrad` and comes back in `providerOptions.tetrad`. */
import { isObject, type Native } from '../chat/index.js'
import type { Json, JsonRecord, WithOptions } from './types.js'

/** What is known of a part that an answer of ours had. */
export interface PartNote {
  /** The blocks of the turn. */
  readonly native?: Native
  /** Of a call: the text of its arguments, where the JSON of its input is another. */
  readonly arguments?: string
  /** Of a call and its result: `tools()` of the stack ran it. */
  readonly ran?: true
  /** The call stands in an earlier message too. */
  readonly again?: true
  /** The text is a refusal. */
  readonly refusal?: true
}

// it may come back by way of a browser: adapters compare native blocks with the message, all else is checked where it is used
export const noteOf = ({ providerOptions }: WithOptions): PartNote =>
  (providerOptions?.tetrad ?? {}) as PartNote

/** Under `providerMetadata`, where the AI SDK keeps it and gives it back. */
export function noted(note: PartNote) {
  const tetrad = plain(note)
  return isObject(tetrad) && Object.keys(tetrad).length > 0
    ? // a plain object has JSON values alone
      { providerMetadata: { tetrad: tetrad as JsonRecord } }
    : {}
}

/** As JSON has it; undefined for what it has not. */
export const plain = (value: unknown): Json | undefined => {
  const text = JSON.stringify(value)
  return text === undefined ? undefined : JSON.parse(text)
}

/** The answer to an approval names its id alone: the call is a part of it. */
export const joinApproval = (id: string, toolCallId: string) => `${id}@${toolCallId}`

export function splitApproval(joined: string): readonly [id: string, toolCallId: string] {
  const at = joined.indexOf('@')
  return [joined.slice(0, Math.max(at, 0)), joined.slice(at + 1)]
}
