/** The rule rows of a profile: what is not taken, why, and the nearest thing that is. */
import type { ChatRequest, ParamRule, ReasoningEffort } from '../../chat/index.js'
import { asksToThink, budgetOf, canRest, minBudget, thinksByBudget } from './effort.js'
import type { Profile } from './profile.js'
import { isForced } from './tool-choice.js'

/** `hasSampling`: the version of the API knows temperature, top_p and top_k. */
export const rulesOf = (
  profile: Profile,
  { hasSampling }: { readonly hasSampling: boolean },
): readonly ParamRule[] => [
  ...everyModel,
  ...outputRules(profile),
  ...reasoningRules(profile),
  ...samplingRules(hasSampling ? profile.sampling : 'missing', profile),
  ...toolRules(profile),
]

const missing = (
  param: ParamRule['param'],
  isGiven?: (request: ChatRequest) => boolean,
): ParamRule => ({
  param,
  reason: `the Messages API has no ${param}`,
  unmapped: true,
  ...(isGiven && { when: isGiven }),
})

const isBlank = (text: string) => text.trim() === ''

/** One stop sequence or several. */
export const stopsOf = ({ stop }: ChatRequest): readonly string[] =>
  typeof stop === 'string' ? [stop] : (stop ?? [])

const efforts: readonly ReasoningEffort[] = [
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
]

const everyModel: readonly ParamRule[] = [
  missing('seed'),
  missing('logit_bias'),
  missing('logprobs', ({ logprobs }) => logprobs === true),
  missing('top_logprobs'),
  missing('presence_penalty', ({ presence_penalty }) => presence_penalty !== 0),
  missing('frequency_penalty', ({ frequency_penalty }) => frequency_penalty !== 0),
  missing('verbosity'),
  missing('store', ({ store }) => store === true),
  missing('previous_response_id'),
  missing('prompt_cache_key'),
  {
    param: 'modalities',
    reason: 'Claude answers in text only',
    when: ({ modalities = [] }) => modalities.some((modality) => modality !== 'text'),
    adjust: () => ['text'],
    unmapped: true,
  },
  {
    param: 'service_tier',
    reason: 'the Messages API knows the tiers auto, priority and standard_only',
    values: ['auto', 'default', 'priority', 'standard_only'],
  },
  {
    param: 'stop',
    reason: 'a stop sequence needs a character that is no white space',
    when: (request) => stopsOf(request).some(isBlank),
    adjust: (request) => {
      const kept = stopsOf(request).filter((text) => !isBlank(text))
      return kept.length > 0 ? kept : undefined
    },
  },
  {
    param: 'reasoning_effort',
    reason: `known levels are ${efforts.join(', ')}`,
    values: efforts,
    adjust: () => undefined,
  },
]

function outputRules({ maxOutputTokens: max, known }: Profile): readonly ParamRule[] {
  if (!known || max === undefined) return []
  const reason = `the model writes at most ${max} tokens`
  return [
    { param: 'max_tokens', reason, max },
    { param: 'max_completion_tokens', reason, max },
  ]
}

function reasoningRules(profile: Profile): readonly ParamRule[] {
  if (!profile.known) return []
  if (profile.thinking.length === 0) return noThinking
  return [
    ...effortRules(profile),
    ...(profile.thinking.includes('adaptive') ? [] : [adaptiveToBudget]),
    ...(profile.thinking.includes('enabled')
      ? [budgetFloor, budgetCeiling(profile)]
      : [budgetToAdaptive]),
    ...(canRest(profile) ? [] : [alwaysThinks]),
  ]
}

const noThinking: readonly ParamRule[] = [
  {
    param: 'reasoning_effort',
    reason: 'the model does not think',
    when: ({ reasoning_effort }) => reasoning_effort !== 'none',
  },
  {
    param: 'thinking',
    reason: 'the model does not think',
    when: ({ thinking }) => thinking?.type !== 'disabled',
  },
]

function effortRules(profile: Profile): readonly ParamRule[] {
  const { efforts: levels, topEffortNeedsThinking } = profile
  // without levels the adapter makes a budget of any effort
  const taken = efforts.filter(
    (effort) =>
      (effort === 'none' && canRest(profile)) ||
      effort === 'minimal' ||
      (effort !== 'none' && (levels.length === 0 || levels.includes(effort))),
  )
  const values: ParamRule = {
    param: 'reasoning_effort',
    reason: `the model takes the levels ${taken.join(', ')}`,
    values: taken,
    adjust: ({ reasoning_effort }) => nearestEffort(reasoning_effort, profile),
  }
  const rest: ParamRule = {
    param: 'reasoning_effort',
    reason: 'without thinking the model takes no effort above high',
    when: ({ thinking, reasoning_effort }) =>
      thinking?.type === 'disabled' && (reasoning_effort === 'xhigh' || reasoning_effort === 'max'),
    adjust: () => 'high',
  }
  return topEffortNeedsThinking ? [values, rest] : [values]
}

const nearestEffort = (asked: ReasoningEffort | undefined, { efforts: levels }: Profile) => {
  if (asked === 'none') return 'low'
  return asked === 'xhigh' && levels.includes('max') ? 'max' : 'high'
}

const adaptiveToBudget: ParamRule = {
  param: 'thinking',
  reason: 'the model thinks by a budget of tokens only',
  when: ({ thinking }) => thinking?.type === 'adaptive',
  adjust: ({ thinking, reasoning_effort }) => ({
    ...thinking,
    type: 'enabled',
    budget_tokens: thinking?.budget_tokens ?? budgetOf(reasoning_effort),
  }),
}

/** The budget stays on: the adapter makes a level of effort of it. */
const budgetToAdaptive: ParamRule = {
  param: 'thinking',
  reason: 'the model decides by itself how long to think (adaptive), guided by reasoning_effort',
  when: ({ thinking }) => thinking?.type === 'enabled',
  adjust: ({ thinking }) => ({ ...thinking, type: 'adaptive' }),
}

const alwaysThinks: ParamRule = {
  param: 'thinking',
  reason: 'the model always thinks',
  when: ({ thinking }) => thinking?.type === 'disabled',
}

const budgetFloor: ParamRule = {
  param: 'thinking',
  reason: `a thinking budget has at least ${minBudget} tokens`,
  when: ({ thinking }) =>
    thinking?.type === 'enabled' && (thinking.budget_tokens ?? minBudget) < minBudget,
  adjust: ({ thinking }) => ({ ...thinking, budget_tokens: minBudget }),
}

const budgetCeiling = ({
  maxOutputTokens: max = Number.POSITIVE_INFINITY,
}: Profile): ParamRule => ({
  param: 'thinking',
  reason: `a thinking budget leaves room in the ${max} tokens that the model writes`,
  when: ({ thinking }) => thinking?.type === 'enabled' && (thinking.budget_tokens ?? 0) >= max,
  adjust: ({ thinking }) => ({ ...thinking, budget_tokens: max - minBudget }),
})

function samplingRules(
  sampling: Profile['sampling'] | 'missing',
  profile: Profile,
): readonly ParamRule[] {
  if (sampling === 'missing') return [missing('temperature'), missing('top_p'), missing('top_k')]
  if (sampling === 'none') return fixedSampling
  if (!profile.known) return []
  return [...samplingRange, ...samplingWhileThinking, ...(sampling === 'either' ? [notBoth] : [])]
}

const fixedSampling: readonly ParamRule[] = [
  {
    param: 'temperature',
    reason: 'the model takes only temperature 1',
    values: [1],
    adjust: () => undefined,
  },
  { param: 'top_p', reason: 'the model has a fixed top_p' },
  { param: 'top_k', reason: 'the model has a fixed top_k' },
]

const samplingRange: readonly ParamRule[] = [
  { param: 'temperature', reason: 'temperature goes from 0 to 1', min: 0, max: 1 },
  { param: 'top_p', reason: 'top_p goes from 0 to 1', min: 0, max: 1 },
]

const samplingWhileThinking: readonly ParamRule[] = [
  {
    param: 'temperature',
    reason: 'while thinking, the model takes only temperature 1',
    when: asksToThink,
    values: [1],
    adjust: () => undefined,
  },
  {
    param: 'top_p',
    reason: 'while thinking, the model takes a top_p from 0.95 to 1',
    when: asksToThink,
    min: 0.95,
    max: 1,
  },
  { param: 'top_k', reason: 'while thinking, the model takes no top_k', when: asksToThink },
]

const notBoth: ParamRule = {
  param: 'top_p',
  reason: 'the model takes temperature or top_p, not both',
  when: ({ temperature }) => temperature !== undefined,
}

function toolRules(profile: Profile): readonly ParamRule[] {
  if (!profile.forcedTools)
    return [unforced('the model cannot be forced to call a tool', () => true)]
  if (!profile.known || profile.thinking.length === 0) return []
  return [
    unforced('while thinking by a budget, the model cannot be forced to call a tool', (request) =>
      thinksByBudget(request, profile),
    ),
  ]
}

const unforced = (reason: string, applies: (request: ChatRequest) => boolean): ParamRule => ({
  param: 'tool_choice',
  reason,
  when: (request) => isForced(request.tool_choice) && applies(request),
  adjust: ({ tool_choice }) =>
    typeof tool_choice === 'object' && tool_choice.type === 'allowed_tools'
      ? {
          type: 'allowed_tools',
          allowed_tools: { ...tool_choice.allowed_tools, mode: 'auto' },
        }
      : 'auto',
})
