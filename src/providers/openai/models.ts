/** What the OpenAI models take on the Responses API, as data. A name that is not here is let through as it is. */
import type { Capabilities, ChatRequest, ParamRule, Timeouts } from '../../chat/index.js'
import { onceAModel } from '../model-rules.js'
import type { WireEffort } from './wire.js'

/** Bare names that are OpenAI's. */
export const models = /^(ft:)?(gpt-|chatgpt-|o\d|codex-|computer-use-)/

/** One family; the first whose pattern fits the name (without date and `ft:`) counts. */
export interface Family {
  readonly pattern: RegExp
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  readonly reasoning: boolean
  /** The efforts it takes; absent: not known, any is let through. */
  readonly efforts?: readonly WireEffort[]
  /** It does not reason where no effort is given. */
  readonly rests?: true
  readonly timeouts?: Timeouts
  /** A name that nobody has told of yet: it is treated as the newest of its kind, and nothing of it is refused. */
  readonly isGuess?: true
}

/** All efforts, weakest first. */
export const allEfforts: readonly WireEffort[] = [
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
]

const upTo = (first: WireEffort, last: WireEffort) => {
  const range = allEfforts.slice(allEfforts.indexOf(first), allEfforts.indexOf(last) + 1)
  return first === 'none' ? range.filter((effort) => effort !== 'minimal') : range
}

const million = { contextTokens: 1_050_000, maxOutputTokens: 128_000 }
const gpt5 = { contextTokens: 400_000, maxOutputTokens: 128_000 }
const oSeries = { contextTokens: 200_000, maxOutputTokens: 100_000 }

/** Reasoning sends nothing for minutes; a `pro` model for a quarter of an hour. */
const patient: Timeouts = { headersMs: 600_000, idleBytesMs: 300_000, idleEventsMs: 300_000 }
const veryPatient: Timeouts = { headersMs: 1_800_000, idleBytesMs: 900_000, idleEventsMs: 900_000 }

const reasoner = { reasoning: true, timeouts: patient } as const
const pro = { reasoning: true, timeouts: veryPatient } as const
const chat = { reasoning: false } as const

const families: readonly Family[] = [
  {
    pattern: /^gpt-6-astra|^gpt-6\.1-sol|^gpt-6\.2-(sol|astra)/,
    ...million,
    ...reasoner,
    efforts: upTo('low', 'max'),
  },
  { pattern: /^gpt-6\.1-terra|^gpt-6-luna/, ...million, ...reasoner, efforts: upTo('none', 'max') },
  { pattern: /^gpt-6(?!.*-chat)/, ...million, ...reasoner },
  { pattern: /^gpt-(daybreak|rosalind)/, ...reasoner, isGuess: true },
  { pattern: /^gpt-([7-9]|\d\d)(?!.*-chat)/, ...reasoner, isGuess: true },
  { pattern: /^gpt-5\.6(?!.*-chat)/, ...million, ...reasoner, efforts: upTo('none', 'max') },
  { pattern: /^gpt-5-pro/, ...gpt5, ...pro, efforts: ['high'] },
  { pattern: /^gpt-5\.[2-5]-pro/, ...million, ...pro, efforts: upTo('medium', 'xhigh') },
  { pattern: /^gpt-5\.5(?!.*-chat)/, ...million, ...reasoner, efforts: upTo('none', 'xhigh') },
  {
    pattern: /^gpt-5\.[1-9]-codex-max|^gpt-5\.[2-9]-codex/,
    ...gpt5,
    ...reasoner,
    efforts: upTo('low', 'xhigh'),
  },
  { pattern: /^gpt-5(\.1)?-codex|^codex-/, ...gpt5, ...reasoner, efforts: upTo('low', 'high') },
  {
    pattern: /^gpt-5\.[0-9]-chat|^gpt-\d+-chat/,
    contextTokens: 128_000,
    maxOutputTokens: 16_384,
    ...chat,
  },
  { pattern: /^gpt-5\.[2-4]/, ...gpt5, ...reasoner, efforts: upTo('none', 'xhigh'), rests: true },
  { pattern: /^gpt-5\.1/, ...gpt5, ...reasoner, efforts: upTo('none', 'high'), rests: true },
  { pattern: /^gpt-5(-|$)/, ...gpt5, ...reasoner, efforts: upTo('minimal', 'high') },
  { pattern: /^o\d.*deep-research/, ...oSeries, ...pro, efforts: ['medium'] },
  { pattern: /^o\d-pro/, ...oSeries, ...pro, efforts: upTo('low', 'high') },
  { pattern: /^o\d/, ...oSeries, ...reasoner, efforts: upTo('low', 'high') },
  { pattern: /^gpt-4\.1/, contextTokens: 1_047_576, maxOutputTokens: 32_768, ...chat },
  { pattern: /^(chatgpt-4o|gpt-4o)/, contextTokens: 128_000, maxOutputTokens: 16_384, ...chat },
  { pattern: /^gpt-4-turbo/, contextTokens: 128_000, maxOutputTokens: 4096, ...chat },
  { pattern: /^gpt-4(-|$)/, contextTokens: 8192, maxOutputTokens: 8192, ...chat },
  { pattern: /^gpt-3\.5/, contextTokens: 16_385, maxOutputTokens: 4096, ...chat },
]

const without = (
  param: keyof ChatRequest,
  reason: string,
  when?: ParamRule['when'],
): ParamRule => ({
  param,
  reason,
  ...(when && { when }),
})

/** Of the API, whatever the model: the body has no place for these, or limits for those. */
const apiRules: readonly ParamRule[] = [
  ...(
    ['stop', 'seed', 'presence_penalty', 'frequency_penalty', 'logit_bias', 'top_k'] as const
  ).map((param) => ({
    param,
    reason: 'the Responses API has no such parameter',
    unmapped: true as const,
  })),
  without(
    'modalities',
    'the Responses API answers in text; images come from the image_generation tool',
    ({ modalities }) => modalities?.some((modality) => modality !== 'text') === true,
  ),
  ...(['max_tokens', 'max_completion_tokens'] as const).map((param) => ({
    param,
    reason: 'the API takes no less than 16 output tokens',
    min: 16,
  })),
  { param: 'temperature', reason: 'the API takes 0 to 2', min: 0, max: 2 },
  { param: 'top_p', reason: 'the API takes 0 to 1', min: 0, max: 1 },
  { param: 'top_logprobs', reason: 'the API takes 0 to 20', min: 0, max: 20 },
]

const chatRules: readonly ParamRule[] = [
  without(
    'reasoning_effort',
    'this model does not reason',
    ({ reasoning_effort }) => reasoning_effort !== 'none',
  ),
  without(
    'thinking',
    'this model does not reason',
    ({ thinking }) => thinking?.type !== 'disabled',
  ),
  {
    param: 'verbosity',
    reason: 'only models from GPT-5 on take another than medium',
    values: ['medium'],
  },
  without(
    'service_tier',
    'flex is for reasoning models',
    ({ service_tier }) => service_tier === 'flex',
  ),
]

const olderThanSchemas = /^gpt-4(-0|-turbo|-32k|$)|^gpt-3\.5/

const noSchemas = without(
  'response_format',
  'this model takes no JSON Schema',
  ({ response_format }) => response_format?.type === 'json_schema',
)

/** True where this request lets the model reason. */
const reasons =
  ({ efforts, rests }: Family) =>
  ({ reasoning_effort, thinking }: ChatRequest): boolean => {
    if (reasoning_effort !== undefined) return reasoning_effort !== 'none'
    if (thinking !== undefined)
      return thinking.type !== 'disabled' || efforts?.includes('none') === false
    return !rests
  }

function reasonerRules(family: Family): readonly ParamRule[] {
  const isReasoning = reasons(family)
  const { efforts } = family
  return [
    ...(['temperature', 'top_p'] as const).map((param) => ({
      param,
      reason: 'a model that reasons takes only 1',
      when: isReasoning,
      values: [1],
    })),
    ...(['logprobs', 'top_logprobs'] as const).map((param) =>
      without(
        param,
        'a model that reasons gives no logprobs',
        (request) => isReasoning(request) && request[param] !== false,
      ),
    ),
    ...(efforts ? effortRules(efforts) : []),
    without(
      'service_tier',
      'priority is not for nano models',
      ({ service_tier, model }) => service_tier === 'priority' && /-nano/.test(model),
    ),
  ]
}

/** The efforts a model takes; the nearest stands for another. */
export const effortRules = (efforts: readonly WireEffort[]): readonly ParamRule[] => [
  {
    param: 'reasoning_effort',
    reason: `this model takes ${efforts.join(', ')}`,
    values: efforts,
    adjust: ({ reasoning_effort }) => reasoning_effort && nearestEffort(reasoning_effort, efforts),
  },
  ...(efforts.includes('none')
    ? []
    : [
        {
          param: 'thinking',
          reason: 'this model cannot stop reasoning',
          when: ({ thinking }: ChatRequest) => thinking?.type === 'disabled',
          adjust: () => ({ type: 'enabled', budget_tokens: 1 }),
        } as const,
      ]),
]

/** The effort a model takes that is next to the one that was asked: the weaker one where two are as near. */
export function nearestEffort(
  asked: WireEffort,
  efforts: readonly WireEffort[],
): WireEffort | undefined {
  const rank = (effort: WireEffort) => allEfforts.indexOf(effort)
  const distance = (effort: WireEffort) => Math.abs(rank(effort) - rank(asked))
  return efforts.toSorted((a, b) => distance(a) - distance(b) || rank(a) - rank(b))[0]
}

/** Thinking budgets as efforts, by the budgets that litellm reads the other way round. */
export function effortOfBudget(budgetTokens: number): WireEffort {
  if (budgetTokens < 1024) return 'minimal'
  if (budgetTokens < 4096) return 'low'
  if (budgetTokens < 16_384) return 'medium'
  return 'high'
}

/** The name a family is found by: `ft:gpt-4o-2024-08-06:org::id` → `gpt-4o`. */
const baseName = (model: string): string =>
  model.replace(/^ft:([^:]+):.*$/, '$1').replace(/-\d{4}-\d{2}-\d{2}$/, '')

const familyOf = (model: string): Family | undefined => {
  const name = baseName(model)
  return families.find(({ pattern }) => pattern.test(name))
}

/** The efforts a model takes; undefined where that is not known. */
export const effortsOf = (model: string): readonly WireEffort[] | undefined =>
  familyOf(model)?.efforts

/** Explicit prompt-cache marks came with GPT-5.6. */
export const takesCacheMarks = (model: string): boolean =>
  /^gpt-(5\.[6-9]|[6-9]|\d\d)/.test(baseName(model))

/** Limits and rules of a model. The rules of the API hold for unknown names too: no server of it has a place for `stop`. */
export const capabilities = onceAModel((model): Capabilities => {
  const family = familyOf(model)
  const audio = takesAudio(model) ? audioFormats : []
  if (!family) return { known: false, audio, rules: apiRules }
  const { contextTokens, maxOutputTokens, reasoning, timeouts } = family
  if (family.isGuess)
    return { known: false, reasoning, audio, rules: apiRules, ...(timeouts && { timeouts }) }
  const own = reasoning ? reasonerRules(family) : chatRules
  const schemas = olderThanSchemas.test(baseName(model)) ? [noSchemas] : []
  return {
    known: true,
    reasoning,
    audio,
    ...(contextTokens !== undefined && { contextTokens }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(timeouts && { timeouts }),
    rules: [...apiRules, ...own, ...schemas],
  }
})

/** `ResponseInputAudio` of the API. */
const audioFormats = ['mp3', 'wav'] as const

/** Text models refuse sound; a name that is not known is asked. */
export const takesAudio = (model: string): boolean =>
  /audio/.test(model) || familyOf(model) === undefined

/** Summaries of reasoning came with o3. */
export const givesSummary = (model: string): boolean =>
  familyOf(model)?.reasoning === true && !/^(o1|o3-mini)/.test(baseName(model))
