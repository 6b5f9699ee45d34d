/** Maps `reasoning_effort` and `thinking` to the wire, which has efforts but no budgets. */
import type { ChatRequest } from '../../chat/index.js'
import { allEfforts, effortOfBudget, isOff } from '../model-rules.js'
import { reportThinking } from '../notes.js'
import { nearestEffort } from './models.js'
import type { FieldContext, Profile, WireReasoning } from './wire.js'

/** `reasoning_effort`, else derived from `thinking`. Requested reasoning requests a summary too. */
export function toReasoning(request: ChatRequest, context: FieldContext): WireReasoning {
  const { reasoning_effort, thinking } = request
  const { profile, model, invalid } = context
  reportThinking(thinking, context)
  if (reasoning_effort && !allEfforts.includes(reasoning_effort))
    throw invalid(`reasoning_effort must be one of ${allEfforts.join(', ')}`, 'invalid_effort')
  const effort = reasoning_effort || effortOfThinking(request, context)
  const isAsked = reasoning_effort !== undefined || thinking !== undefined
  const isShown =
    profile.asksForSummary(model) && isAsked && effort !== 'none' && thinking?.display !== 'omitted'
  if (effort === undefined && !isShown) return {}
  return { reasoning: { ...(effort && { effort }), ...(isShown && { summary: 'auto' }) } }
}

/** The inverse of litellm's budgets. */
const effortRows = [
  [1023, 'minimal'],
  [4095, 'low'],
  [16_383, 'medium'],
] as const

function effortOfThinking({ thinking }: ChatRequest, context: FieldContext) {
  const { profile, model, note } = context
  // adaptive: the default of a model without an effort
  if (!thinking || thinking.type === 'adaptive') return undefined
  if (profile.capabilities(model).reasoning === false) {
    if (!isOff(thinking))
      note.dropped(`thinking was left out: ${model} does not reason`, 'thinking')
    return undefined
  }
  const { type, budget_tokens } = thinking
  if (type === 'enabled' && budget_tokens === undefined) return undefined
  const wanted = isOff(thinking) ? 'none' : effortOfBudget(budget_tokens ?? 0, effortRows, 'high')
  const efforts = profile.effortsOf(model)
  const effort = efforts ? nearestEffort(wanted, efforts) : wanted
  if (type === 'enabled' || effort !== wanted)
    note.changed(
      type === 'enabled'
        ? `thinking of ${budget_tokens} tokens was sent as effort ${effort}: the API does not accept a budget`
        : `thinking cannot be switched off for ${model}: sent as effort ${effort}`,
      'thinking',
    )
  return effort
}

/** True for a model known to reason, or an unknown one that is asked to. */
export function mayReason({ model, reasoning_effort, thinking }: ChatRequest, profile: Profile) {
  const { reasoning, known } = profile.capabilities(model)
  const isAsked =
    (reasoning_effort ?? 'none') !== 'none' || (thinking?.type ?? 'disabled') !== 'disabled'
  return reasoning ?? (!known && isAsked)
}
