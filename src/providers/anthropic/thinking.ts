/** Effects of thinking on a request: room in `max_tokens`, and required blocks during tool use. */
import { type ChatRequest, isObject, type JsonObject } from '../../chat/index.js'
import { allEfforts } from '../model-rules.js'
import { omit } from '../notes.js'
import {
  asksToThink,
  canDisableReasoning,
  disablesReasoning,
  minBudget,
  thinksByBudget,
  toWireReasoning,
  type WireReasoning,
} from './effort.js'
import type { WriteContext } from './profile.js'
import { isThinking, type WireBody, type WireMessage } from './wire.js'

/** Drops and reports requested thinking that the model does not support. */
export function reasoningFor(
  given: ChatRequest,
  messages: readonly WireMessage[],
  { profile, note }: WriteContext,
): WireReasoning {
  const request = withKnownEffort(given, note)
  const param = request.thinking ? 'thinking' : 'reasoning_effort'
  if (profile.thinking.length === 0 && asksToThink(request))
    note('dropped', 'The model does not think', param)
  if (profile.thinking.length > 0 && disablesReasoning(request) && !canDisableReasoning(profile))
    note('dropped', 'The model always thinks', param)
  if (request.thinking?.type === 'between_tools' && !profile.thinking.includes('between_tools'))
    note('changed', 'The model cannot think only between tools: thinking was turned off', param)
  const reasoning = toWireReasoning(request, profile)
  if (!thinksByBudget(request, profile) || !lacksThoughts(messages)) return reasoning
  note(
    'dropped',
    'Thinking was left out: the tool call that this request answers has no thoughts',
    param,
  )
  return omit(reasoning, ['thinking'])
}

function withKnownEffort(request: ChatRequest, note: WriteContext['note']): ChatRequest {
  const { reasoning_effort: effort, ...rest } = request
  if (effort === undefined || allEfforts.includes(effort)) return request
  if (effort !== null) note('dropped', `There is no reasoning_effort ${effort}`, 'reasoning_effort')
  return rest
}

/** With a budget, an assistant turn with tool calls is refused unless it begins with thinking. */
function lacksThoughts(messages: readonly WireMessage[]): boolean {
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
    note(
      'changed',
      `max_tokens was raised from ${max_tokens} to ${raised}: it includes the ${budget} tokens of thinking`,
      'max_tokens',
    )
    return { ...body, max_tokens: raised }
  }
  const lowered = Math.max(minBudget, most - max_tokens)
  note(
    'changed',
    `The thinking budget was lowered to ${lowered}: the model writes at most ${most} tokens`,
    'thinking',
  )
  return { ...body, max_tokens: most, thinking: { ...thinking, budget_tokens: lowered } }
}
