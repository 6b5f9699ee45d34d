/** Whether a request asks for thinking, and with which budget. */
import type { ChatRequest, ReasoningEffort } from '../../chat/index.js'
import { isOff } from '../model-rules.js'
import type { Profile } from './profile.js'

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
