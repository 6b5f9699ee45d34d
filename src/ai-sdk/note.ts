/** Notes on responses: sent in `providerMetadata.tetrad`, read from `providerOptions.tetrad`. */
import { isObject, type Native } from '../chat/index.js'
import type { Json, JsonRecord, WithOptions } from './types.js'

/** The notes on one part of a response. */
export interface PartNote {
  /** The native blocks of the turn. */
  readonly native?: Native
  /** Of a call: the text of its arguments, if the JSON of its input differs. */
  readonly arguments?: string
  /** Of a call and its result: run by `tools()` of the stack. */
  readonly ran?: true
  /** The call is also in an earlier message. */
  readonly again?: true
  /** The text is a refusal. */
  readonly refusal?: true
}

// a browser may have relayed it: adapters compare native blocks with the message, all else is
// checked where it is used
export const noteOf = ({ providerOptions }: WithOptions): PartNote =>
  (providerOptions?.tetrad ?? {}) as PartNote

/** Puts a note into `providerMetadata`, which the AI SDK stores and sends back. */
export function noted(note: PartNote) {
  const tetrad = plain(note)
  return isObject(tetrad) && Object.keys(tetrad).length > 0
    ? // a plain object has JSON values alone
      { providerMetadata: { tetrad: tetrad as JsonRecord } }
    : {}
}

/** The value as JSON data; undefined if JSON cannot represent it. */
export const plain = (value: unknown): Json | undefined => {
  const text = JSON.stringify(value)
  return text === undefined ? undefined : JSON.parse(text)
}

/** Joins the ids of approval and call, since an approval response has only one id. */
export const joinApproval = (id: string, toolCallId: string) => `${id}@${toolCallId}`

export function splitApproval(joined: string): readonly [id: string, toolCallId: string] {
  const at = joined.indexOf('@')
  return [joined.slice(0, Math.max(at, 0)), joined.slice(at + 1)]
}
