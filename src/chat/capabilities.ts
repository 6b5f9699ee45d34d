/** What a model takes, as data: `params()` decides with it, adapters and `timeout()` read it. */
import type { ChatRequest } from './request.js'

/** Milliseconds. Armed around the pending fetch or read only: a paused consumer costs nothing. */
export interface Timeouts {
  readonly headersMs?: number | undefined
  readonly idleBytesMs?: number | undefined
  readonly idleEventsMs?: number | undefined
}

export interface Capabilities {
  /** False: a name we have no data on; everything is let through. */
  readonly known: boolean
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  /** Checked in order, each that fits is applied. What no rule names is taken as it is. */
  readonly rules: readonly ParamRule[]
  readonly timeouts?: Timeouts
  readonly reasoning?: boolean
  /** Formats of audio that it takes in a message, short names: `wav`, `mp3`. Empty: none; absent: not known, any is sent. */
  readonly audio?: readonly string[]
}

/** One row: which parameter, when, and what the model takes instead. */
export interface ParamRule {
  readonly param: keyof ChatRequest
  /** Why, for the message: "reasoning models take only temperature 1". */
  readonly reason: string
  /** Applies only then; absent: whenever the parameter is given. */
  readonly when?: (request: ChatRequest) => boolean
  /** The only values that are taken. Absent, and no `min`, `max`, `maxItems` either: the parameter is not taken at all. */
  readonly values?: readonly unknown[]
  readonly min?: number
  readonly max?: number
  readonly maxItems?: number
  /** The nearest value the model takes; undefined leaves the parameter out. Without it a number is clamped, a list cut, anything else left out. */
  readonly adjust?: (request: ChatRequest) => unknown
  /** The wire has no field for it: where `allowed_openai_params` lets it through, it goes into the body as it is. */
  readonly unmapped?: true
}
