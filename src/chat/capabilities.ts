/** The parameters and limits of a model, as data for `params()`, `timeout()` and the adapters. */
import type { ChatRequest } from './request.js'

/** Milliseconds. Timers run only during a fetch or read, not while the consumer pauses. */
export interface Timeouts {
  readonly headersMs?: number | undefined
  readonly idleBytesMs?: number | undefined
  readonly idleEventsMs?: number | undefined
}

export interface Capabilities {
  /** False for a model without data: every parameter passes. */
  readonly known: boolean
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  /** All matching rules are applied, in order. Parameters without a rule pass unchanged. */
  readonly rules: readonly ParamRule[]
  readonly timeouts?: Timeouts
  readonly reasoning?: boolean
  /** Accepted audio formats by short name: `wav`, `mp3`. Empty: none. Absent: unknown, all sent. */
  readonly audio?: readonly string[]
}

/** One rule: a parameter, when the rule applies, and what the model accepts. */
export interface ParamRule {
  readonly param: keyof ChatRequest
  /** The reason, for the message: "reasoning models take only temperature 1". */
  readonly reason: string
  /** Condition of the rule. Absent: applies whenever the parameter is set. */
  readonly when?: (request: ChatRequest) => boolean
  /** The accepted values. With none of `values`, `min`, `max`, `maxItems`: not supported. */
  readonly values?: readonly unknown[]
  readonly min?: number
  readonly max?: number
  readonly maxItems?: number
  /**
   * The nearest accepted value; undefined drops the parameter. Without `adjust` a number is
   * clamped, a list truncated, anything else dropped.
   */
  readonly adjust?: (request: ChatRequest) => unknown
  /** The wire has no field for it: let through by `allowed_openai_params`, it is sent unchanged. */
  readonly unmapped?: true
}
