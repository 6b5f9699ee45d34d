/** The rules of a profile: what is not accepted, why, and the nearest accepted value. */
import { type ChatRequest, type ParamRule, type ReasoningEffort, words } from '../../chat/index.js'
import {
  allEfforts,
  asksForMedia,
  doesNotReason,
  mostOutput,
  type Rules,
  refused,
  samplingRange,
  stopsThinking,
  thinkingIs,
  unmapped,
} from '../model-rules.js'
import { readChoice } from '../tool-choice.js'
import { asksToThink, budgetOf, canDisableReasoning, minBudget, thinksByBudget } from './effort.js'
import type { Profile } from './profile.js'

/** `hasSampling`: the API version has temperature, top_p and top_k. */
export const rulesOf = (profile: Profile, hasSampling: boolean): Rules => [
  ...everyModel,
  ...(profile.known ? mostOutput(profile.maxOutputTokens) : []),
  ...reasoningRules(profile),
  ...(hasSampling ? samplingRules(profile) : missing(['temperature', 'top_p', 'top_k'])),
  ...toolRules(profile),
]

const noField = 'the Messages API has no such parameter'

const missing = (params: readonly (keyof ChatRequest)[]) => unmapped(params, noField)

/** Accepted at the value that has no effect. */
const missingUnless = (param: keyof ChatRequest, when: NonNullable<ParamRule['when']>) =>
  refused(param, noField, when).map((rule): ParamRule => ({ ...rule, unmapped: true }))

const isBlank = (text: string) => text.trim() === ''

export const stopsOf = ({ stop }: ChatRequest): readonly string[] => [stop ?? []].flat()

const everyModel: Rules = [
  ...missing(words('seed logit_bias top_logprobs verbosity previous_response_id prompt_cache_key')),
  ...missingUnless('logprobs', ({ logprobs }) => logprobs === true),
  ...missingUnless('store', ({ store }) => store === true),
  ...missingUnless('presence_penalty', ({ presence_penalty }) => presence_penalty !== 0),
  ...missingUnless('frequency_penalty', ({ frequency_penalty }) => frequency_penalty !== 0),
  {
    param: 'modalities',
    reason: 'Claude answers in text only',
    when: asksForMedia,
    adjust: () => ['text'],
    unmapped: true,
  },
  {
    param: 'service_tier',
    reason: 'the Messages API has the tiers auto, priority and standard_only',
    values: words('auto default priority standard_only'),
  },
  {
    param: 'stop',
    reason: 'a stop sequence needs a character that is not white space',
    when: (request) => stopsOf(request).some(isBlank),
    adjust: (request) => {
      const kept = stopsOf(request).filter((text) => !isBlank(text))
      return kept.length > 0 ? kept : undefined
    },
  },
  {
    param: 'reasoning_effort',
    reason: `known levels are ${allEfforts.join(', ')}`,
    values: allEfforts,
    adjust: () => undefined,
  },
]

function reasoningRules(profile: Profile): Rules {
  if (!profile.known) return []
  if (profile.thinking.length === 0) return doesNotReason
  return [
    ...effortRules(profile),
    ...(profile.thinking.includes('adaptive') ? [] : [adaptiveToBudget]),
    ...(profile.thinking.includes('enabled')
      ? [budgetFloor, budgetCeiling(profile)]
      : [budgetToAdaptive]),
    ...(canDisableReasoning(profile)
      ? []
      : refused('thinking', 'the model always thinks', stopsThinking)),
  ]
}

function effortRules(profile: Profile): Rules {
  const { efforts: levels, topEffortNeedsThinking } = profile
  // without levels the adapter maps any effort to a budget
  const taken = allEfforts.filter(
    (effort) =>
      (effort === 'none' && canDisableReasoning(profile)) ||
      effort === 'minimal' ||
      (effort !== 'none' && (levels.length === 0 || levels.includes(effort))),
  )
  const values: ParamRule = {
    param: 'reasoning_effort',
    reason: `the model accepts the levels ${taken.join(', ')}`,
    values: taken,
    adjust: ({ reasoning_effort }) => nearestEffort(reasoning_effort, profile),
  }
  const rest: ParamRule = {
    param: 'reasoning_effort',
    reason: 'without thinking the model accepts no effort above high',
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
  reason: 'the model thinks only with a budget of tokens',
  when: thinkingIs('adaptive'),
  adjust: ({ thinking, reasoning_effort }) => ({
    ...thinking,
    type: 'enabled',
    budget_tokens: thinking?.budget_tokens ?? budgetOf(reasoning_effort),
  }),
}

/** Keeps the budget: the adapter maps it to an effort level. */
const budgetToAdaptive: ParamRule = {
  param: 'thinking',
  reason: 'the model decides by itself how long to think (adaptive), guided by reasoning_effort',
  when: thinkingIs('enabled'),
  adjust: ({ thinking }) => ({ ...thinking, type: 'adaptive' }),
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

function samplingRules({ known, sampling }: Profile): Rules {
  if (sampling === 'none') return fixedSampling
  if (!known) return []
  return [...samplingRange(1), ...samplingWhileThinking, ...(sampling === 'either' ? notBoth : [])]
}

const temperatureOne = { param: 'temperature', values: [1], adjust: () => undefined } as const

const fixedSampling: Rules = [
  { ...temperatureOne, reason: 'the model accepts only temperature 1' },
  ...refused(['top_p', 'top_k'], 'the model has a fixed top_p and top_k'),
]

const samplingWhileThinking: Rules = [
  {
    ...temperatureOne,
    reason: 'while thinking, the model accepts only temperature 1',
    when: asksToThink,
  },
  {
    param: 'top_p',
    reason: 'while thinking, the model accepts only a top_p from 0.95 to 1',
    when: asksToThink,
    min: 0.95,
    max: 1,
  },
  ...refused('top_k', 'while thinking, the model does not accept top_k', asksToThink),
]

const notBoth = refused(
  'top_p',
  'the model accepts temperature or top_p, not both',
  ({ temperature }) => temperature !== undefined,
)

function toolRules(profile: Profile): Rules {
  if (!profile.forcedTools)
    return [unforced('the model cannot be forced to call a tool', () => true)]
  if (!profile.known || profile.thinking.length === 0) return []
  return [
    unforced('while thinking with a budget, the model cannot be forced to call a tool', (request) =>
      thinksByBudget(request, profile),
    ),
  ]
}

const unforced = (reason: string, applies: (request: ChatRequest) => boolean): ParamRule => ({
  param: 'tool_choice',
  reason,
  when: (request) => readChoice(request.tool_choice)?.mode === 'required' && applies(request),
  adjust: ({ tool_choice }) =>
    typeof tool_choice === 'object' && tool_choice.type === 'allowed_tools'
      ? { type: 'allowed_tools', allowed_tools: { ...tool_choice.allowed_tools, mode: 'auto' } }
      : 'auto',
})
