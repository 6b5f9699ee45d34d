/** The facts of a model family that requests and rules depend on. */
import type { Notes } from '../notes.js'
import type { WireEffort, WireThinkingConfig } from './wire.js'

export interface WriteContext extends Notes {
  readonly profile: Profile
}

export interface Profile {
  readonly known: boolean
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  /** `either`: temperature or top_p, not both. `none`: only default values. */
  readonly sampling: 'any' | 'either' | 'none'
  readonly thinking: readonly WireThinkingConfig['type'][]
  /** Thinks unless switched off. */
  readonly thinksByDefault: boolean
  /** Returns thoughts only on request (`display`). */
  readonly hidesThoughts: boolean
  /** Levels of `output_config.effort`. */
  readonly efforts: readonly WireEffort[]
  /** Effort above `high` needs thinking. */
  readonly topEffortNeedsThinking: boolean
  /** A signed thought requires the same system, tools and messages before it. */
  readonly bindsThoughts: boolean
  /** `tool_choice` may be `any` or `tool`. */
  readonly forcedTools: boolean
  /** `output_config.format` and strict tools. */
  readonly structured: boolean
  /** The last message may begin the answer. */
  readonly prefill: boolean
  /** A system message may be between turns. */
  readonly systemTurns: boolean
}
