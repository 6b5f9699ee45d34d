/** Maps `reasoning_effort` and `thinking` to `thinking` and `output_config.effort`. */
import { type ChatRequest, type ReasoningEffort, type Thinking, words } from '../../chat/index.js'
import { effortOfBudget, isOff } from '../model-rules.js'
import type { Profile } from './profile.js'
import type { WireEffort, WireThinking, WireThinkingConfig } from './wire.js'

export interface WireReasoning {
  readonly thinking?: WireThinking
  readonly effort?: WireEffort
}

/** The API's minimum. */
export const minBudget = 1_024

/** Tokens for models with a budget instead of a level; low to high are litellm's. */
const budgets: Readonly<Record<Exclude<ReasoningEffort, 'none'>, number>> = {
  minimal: minBudget,
  low: minBudget,
  medium: 2_048,
  high: 4_096,
  xhigh: 16_384,
  max: 32_768,
}

/** True if thinking is to be off. */
export const disablesReasoning = ({ thinking, reasoning_effort }: ChatRequest): boolean =>
  thinking ? isOff(thinking) : reasoning_effort === 'none'

/** True if thinking can be switched off, entirely or outside tool use. */
export const canDisableReasoning = ({ thinking }: Profile): boolean =>
  thinking.includes('disabled') || thinking.includes('between_tools')

export const budgetOf = (effort: ReasoningEffort | undefined): number =>
  effort === undefined || effort === 'none' ? budgets.high : budgets[effort]

/** True if the request asks for thinking, whatever the model's default. */
export function asksToThink({ thinking, reasoning_effort }: ChatRequest): boolean {
  if (thinking) return !isOff(thinking)
  return reasoning_effort !== undefined && reasoning_effort !== 'none'
}

/** True if thinking has a budget, which excludes forced tools and requires its earlier blocks. */
export function thinksByBudget(request: ChatRequest, { thinking }: Profile): boolean {
  if (!asksToThink(request)) return false
  return request.thinking ? request.thinking.type === 'enabled' : !thinking.includes('adaptive')
}

export function toWireReasoning(request: ChatRequest, profile: Profile): WireReasoning {
  if (profile.thinking.length === 0) return {}
  const thinking = toWireThinking(request, profile)
  const effort = toWireEffort(request, profile)
  return { ...(thinking && { thinking }), ...(effort && { effort }) }
}

const types: readonly string[] = words('adaptive enabled disabled between_tools')

function toWireThinking(request: ChatRequest, profile: Profile): WireThinking | undefined {
  if (!asksToThink(request)) return withoutThinking(request, profile)
  const { thinking, reasoning_effort } = request
  const { type, budget_tokens: tokens, display: _, ...others } = thinking ?? {}
  // a future type, passed through
  if (type && !types.includes(type)) return { ...thinking, type }
  const display = displayOf(thinking, profile)
  const budget_tokens = tokens ?? budgetOf(reasoning_effort)
  const config: WireThinkingConfig = thinksByBudget(request, profile)
    ? { type: 'enabled', budget_tokens, ...display }
    : { type: 'adaptive', ...display }
  return { ...config, ...others }
}

/** Requested thoughts are returned, even if the model hides them by default. */
const displayOf = (thinking: Thinking | undefined, { hidesThoughts }: Profile) => {
  const display = thinking?.display ?? (hidesThoughts ? 'summarized' : undefined)
  return display && { display }
}

function withoutThinking(request: ChatRequest, profile: Profile): WireThinkingConfig | undefined {
  if (!disablesReasoning(request)) return undefined
  const isAsked = request.thinking?.type === 'between_tools' || profile.known
  if (profile.thinking.includes('between_tools') && isAsked) return { type: 'between_tools' }
  const isNeeded = request.thinking !== undefined || profile.thinksByDefault
  return isNeeded && profile.thinking.includes('disabled') ? { type: 'disabled' } : undefined
}

/** Levels for a budget that was meant for an older model. */
const effortRows = [
  [budgets.medium, 'low'],
  [8_192, 'medium'],
  [budgets.max, 'high'],
] as const

function toWireEffort({ thinking, reasoning_effort: asked }: ChatRequest, { efforts }: Profile) {
  if (efforts.length === 0 || asked === 'none') return undefined
  if (asked) return asked === 'minimal' ? 'low' : asked
  const isForeignBudget = thinking?.type === 'adaptive' && thinking.budget_tokens !== undefined
  if (!isForeignBudget) return undefined
  const effort = effortOfBudget(thinking.budget_tokens, effortRows, 'xhigh')
  return efforts.includes(effort) ? effort : 'high'
}
