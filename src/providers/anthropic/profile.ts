/** The facts about one model family that requests and rules are made by. */
import type { Notes } from '../notes.js'
import type { WireEffort, WireThinkingConfig } from './wire.js'

/** For whom a request is written. */
export interface WriteContext extends Notes {
  readonly profile: Profile
}

export interface Profile {
  readonly known: boolean
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  /** `either`: temperature or top_p, not both. `none`: only what is the default anyway. */
  readonly sampling: 'any' | 'either' | 'none'
  readonly thinking: readonly WireThinkingConfig['type'][]
  /** It thinks unless told not to. */
  readonly thinksByDefault: boolean
  /** It shows its thoughts only when asked (`display`). */
  readonly hidesThoughts: boolean
  /** Levels of `output_config.effort`. */
  readonly efforts: readonly WireEffort[]
  /** Effort above `high` needs thinking. */
  readonly topEffortNeedsThinking: boolean
  /** A signed thought goes back only behind the system, the tools and the messages that it was made behind. */
  readonly bindsThoughts: boolean
  /** `tool_choice` may be `any` or `tool`. */
  readonly forcedTools: boolean
  /** `output_config.format` and strict tools. */
  readonly structured: boolean
  /** The last message may be the beginning of the answer. */
  readonly prefill: boolean
  /** A system message may stand between the turns. */
  readonly systemTurns: boolean
}
