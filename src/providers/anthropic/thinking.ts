/**
 * Maps `reasoning_effort` and `thinking` to `thinking` and `output_config.effort`; room in
 * `max_tokens`, and blocks that are required during tool use.
 */
import type { ChatRequest, Thinking } from '../../chat/index.js'
import { isObject, type JsonObject, omit } from '../../chat/json.js'
import { allEfforts, effortOfBudget, isOff } from '../model-rules.js'
import { asksToThink, budgetOf, canDisableReasoning, minBudget, thinksByBudget } from './effort.js'
import type { Profile, WriteContext } from './profile.js'
import {
  isThinking,
  type WireBody,
  type WireEffort,
  type WireMessages,
  type WireThinking,
  type WireThinkingConfig,
} from './wire.js'

export interface WireReasoning {
  readonly thinking?: WireThinking
  readonly effort?: WireEffort
}

/** Drops and reports requested thinking that the model does not support. */
export function reasoningFor(
  given: ChatRequest,
  messages: WireMessages,
  { profile, note }: WriteContext,
): WireReasoning {
  const request = withKnownEffort(given, note)
  const param = request.thinking ? 'thinking' : 'reasoning_effort'
  if (profile.thinking.length === 0 && asksToThink(request))
    note.dropped('The model does not think', param)
  if (profile.thinking.length > 0 && disablesReasoning(request) && !canDisableReasoning(profile))
    note.dropped('The model always thinks', param)
  if (request.thinking?.type === 'between_tools' && !profile.thinking.includes('between_tools'))
    note.changed('The model cannot think only between tools: thinking was turned off', param)
  const reasoning = toWireReasoning(request, profile)
  if (!thinksByBudget(request, profile) || !lacksThoughts(messages)) return reasoning
  note.dropped(
    'Thinking was left out: the tool call that this request answers has no thoughts',
    param,
  )
  return omit(reasoning, ['thinking'])
}

function withKnownEffort(request: ChatRequest, note: WriteContext['note']): ChatRequest {
  const { reasoning_effort: effort, ...rest } = request
  if (effort === undefined || allEfforts.includes(effort)) return request
  if (effort !== null) note.dropped(`There is no reasoning_effort ${effort}`, 'reasoning_effort')
  return rest
}

/** With a budget, an assistant turn with tool calls is refused unless it begins with thinking. */
function lacksThoughts(messages: WireMessages): boolean {
  const turn = messages.findLast(({ role }) => role === 'assistant')
  const isCalling = turn?.content.some(({ type }) => type === 'tool_use')
  return isCalling === true && !isThinking(turn?.content[0] ?? {})
}

/** `max_tokens` includes thinking and must exceed its budget: raises it up to the model's limit. */
export function withRoomForThinking(
  body: JsonObject & Pick<WireBody, 'max_tokens'>,
  { profile, note }: WriteContext,
): JsonObject {
  const { thinking, max_tokens } = body
  if (!isObject(thinking) || thinking.type !== 'enabled') return body
  const budget = Number(thinking.budget_tokens)
  if (!(budget >= max_tokens)) return body
  const most = profile.maxOutputTokens ?? Number.POSITIVE_INFINITY
  const raised = Math.min(budget + max_tokens, most)
  if (raised > budget) {
    note.changed(
      `max_tokens was raised from ${max_tokens} to ${raised}: it includes the ${budget} tokens of thinking`,
      'max_tokens',
    )
    return { ...body, max_tokens: raised }
  }
  const lowered = Math.max(minBudget, most - max_tokens)
  note.changed(
    `The thinking budget was lowered to ${lowered}: the model writes at most ${most} tokens`,
    'thinking',
  )
  return { ...body, max_tokens: most, thinking: { ...thinking, budget_tokens: lowered } }
}

const disablesReasoning = ({ thinking, reasoning_effort }: ChatRequest): boolean =>
  thinking ? isOff(thinking) : reasoning_effort === 'none'

function toWireReasoning(request: ChatRequest, profile: Profile): WireReasoning {
  if (profile.thinking.length === 0) return {}
  const thinking = toWireThinking(request, profile)
  const effort = toWireEffort(request, profile)
  return { ...(thinking && { thinking }), ...(effort && { effort }) }
}

const types: readonly string[] = ['adaptive', 'enabled', 'disabled', 'between_tools']

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
  [budgetOf('medium'), 'low'],
  [8_192, 'medium'],
  [budgetOf('max'), 'high'],
] as const

function toWireEffort({ thinking, reasoning_effort: asked }: ChatRequest, { efforts }: Profile) {
  if (efforts.length === 0 || asked === 'none') return undefined
  if (asked) return asked === 'minimal' ? 'low' : asked
  const isForeignBudget = thinking?.type === 'adaptive' && thinking.budget_tokens !== undefined
  if (!isForeignBudget) return undefined
  const effort = effortOfBudget(thinking.budget_tokens, effortRows, 'xhigh')
  return efforts.includes(effort) ? effort : 'high'
}
