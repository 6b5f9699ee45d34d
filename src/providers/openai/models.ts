/** Facts of the OpenAI models on the Responses API. Unknown names are passed through. */
import type { Capabilities, ChatRequest, ParamRule } from '../../chat/index.js'
import { defined, words } from '../../chat/json.js'
import {
  allEfforts,
  asksForMedia,
  bareModel,
  doesNotReason,
  onceAModel,
  outputLimit,
  type Rules,
  refused,
  samplingRange,
  stopsThinking,
  unmapped,
} from '../model-rules.js'
import type { WireEffort } from './wire.js'

/** Bare names of OpenAI models. */
export const models = /^(ft:)?(gpt-|chatgpt-|o\d|codex-|computer-use-)/

interface Family extends Pick<Capabilities, 'contextTokens' | 'maxOutputTokens' | 'timeouts'> {
  readonly reasoning: boolean
  /** The efforts it accepts; absent: unknown, all are passed through. */
  readonly efforts?: readonly WireEffort[]
  /** It does not reason unless an effort is given. */
  readonly reasonsOnRequest?: true
  /** An unpublished name: treated as the newest of its kind, with no parameter refused. */
  readonly isGuess?: true
}

const upTo = (first: WireEffort, last: WireEffort) => {
  const range = allEfforts.slice(allEfforts.indexOf(first), allEfforts.indexOf(last) + 1)
  return first === 'none' ? range.filter((effort) => effort !== 'minimal') : range
}

const limits = (contextTokens: number, maxOutputTokens: number) => ({
  contextTokens,
  maxOutputTokens,
})
const million = limits(1_050_000, 128_000)
const gpt5 = limits(400_000, 128_000)
const oSeries = limits(200_000, 100_000)
const gpt4o = limits(128_000, 16_384)

/** Reasoning sends no bytes for minutes; on a `pro` model for 15 minutes. */
const patient = { headersMs: 600_000, idleBytesMs: 300_000, idleEventsMs: 300_000 }
const veryPatient = { headersMs: 1_800_000, idleBytesMs: 900_000, idleEventsMs: 900_000 }

const reasoner = { reasoning: true, timeouts: patient } as const
const onRequest = { ...reasoner, reasonsOnRequest: true } as const
const pro = { reasoning: true, timeouts: veryPatient } as const
const chat = { reasoning: false } as const

/** The first pattern that matches the name (without date and `ft:`) applies. */
const families: readonly (readonly [pattern: RegExp, family: Family])[] = [
  [
    /^gpt-6-astra|^gpt-6\.1-sol|^gpt-6\.2-(sol|astra)/,
    { ...million, ...reasoner, efforts: upTo('low', 'max') },
  ],
  [/^gpt-6\.1-terra|^gpt-6-luna/, { ...million, ...reasoner, efforts: upTo('none', 'max') }],
  [/^gpt-6(?!.*-chat)/, { ...million, ...reasoner }],
  [/^gpt-(daybreak|rosalind)/, { ...reasoner, isGuess: true }],
  [/^gpt-([7-9]|\d\d)(?!.*-chat)/, { ...reasoner, isGuess: true }],
  [/^gpt-5\.6(?!.*-chat)/, { ...million, ...reasoner, efforts: upTo('none', 'max') }],
  [/^gpt-5-pro/, { ...gpt5, ...pro, efforts: ['high'] }],
  [/^gpt-5\.[2-5]-pro/, { ...million, ...pro, efforts: upTo('medium', 'xhigh') }],
  [/^gpt-5\.5(?!.*-chat)/, { ...million, ...reasoner, efforts: upTo('none', 'xhigh') }],
  [
    /^gpt-5\.[1-9]-codex-max|^gpt-5\.[2-9]-codex/,
    { ...gpt5, ...reasoner, efforts: upTo('low', 'xhigh') },
  ],
  [/^gpt-5(\.1)?-codex|^codex-/, { ...gpt5, ...reasoner, efforts: upTo('low', 'high') }],
  [/^gpt-5\.[0-9]-chat|^gpt-\d+-chat/, { ...gpt4o, ...chat }],
  [/^gpt-5\.[2-4]/, { ...gpt5, ...onRequest, efforts: upTo('none', 'xhigh') }],
  [/^gpt-5\.1/, { ...gpt5, ...onRequest, efforts: upTo('none', 'high') }],
  [/^gpt-5(-|$)/, { ...gpt5, ...reasoner, efforts: upTo('minimal', 'high') }],
  [/^o\d.*deep-research/, { ...oSeries, ...pro, efforts: ['medium'] }],
  [/^o\d-pro/, { ...oSeries, ...pro, efforts: upTo('low', 'high') }],
  [/^o\d/, { ...oSeries, ...reasoner, efforts: upTo('low', 'high') }],
  [/^gpt-4\.1/, { ...limits(1_047_576, 32_768), ...chat }],
  [/^(chatgpt-4o|gpt-4o)/, { ...gpt4o, ...chat }],
  [/^gpt-4-turbo/, { ...limits(128_000, 4096), ...chat }],
  [/^gpt-4(-|$)/, { ...limits(8192, 8192), ...chat }],
  [/^gpt-3\.5/, { ...limits(16_385, 4096), ...chat }],
]

export const textOnly: ParamRule = {
  param: 'modalities',
  reason: 'the Responses API answers in text; images come from the image_generation tool',
  when: asksForMedia,
  unmapped: true,
}

/** Rules of the API for all models: parameters without a field, and limits. */
const apiRules: Rules = [
  ...unmapped(
    words('stop seed presence_penalty frequency_penalty logit_bias top_k'),
    'the Responses API has no such parameter',
  ),
  textOnly,
  ...outputLimit('the API accepts no less than 16 output tokens', { min: 16 }),
  ...samplingRange(2),
  { param: 'top_logprobs', reason: 'the API takes 0 to 20', min: 0, max: 20 },
]

const chatRules: Rules = [
  ...doesNotReason,
  {
    param: 'verbosity',
    reason: 'only models from GPT-5 on accept a value other than medium',
    values: ['medium'],
  },
  ...refused(
    'service_tier',
    'flex is for reasoning models',
    (asked) => asked.service_tier === 'flex',
  ),
]

const olderThanSchemas = /^gpt-4(-0|-turbo|-32k|$)|^gpt-3\.5/

const noSchemas = refused(
  'response_format',
  'this model does not accept a JSON Schema',
  ({ response_format }) => response_format?.type === 'json_schema',
)

/** True if this request lets the model reason. */
const reasons =
  ({ efforts, reasonsOnRequest }: Family) =>
  ({ reasoning_effort, thinking }: ChatRequest): boolean => {
    if (reasoning_effort !== undefined) return reasoning_effort !== 'none'
    if (thinking !== undefined)
      return thinking.type !== 'disabled' || efforts?.includes('none') === false
    return !reasonsOnRequest
  }

function reasonerRules(family: Family): Rules {
  const isReasoning = reasons(family)
  const { efforts } = family
  return [
    ...refused(['temperature', 'top_p'], 'a model that reasons accepts only 1', isReasoning).map(
      (rule) => ({ ...rule, values: [1] }),
    ),
    ...refused('logprobs', noLogprobs, (asked) => isReasoning(asked) && asked.logprobs !== false),
    ...refused('top_logprobs', noLogprobs, isReasoning),
    ...(efforts ? effortRules(efforts) : []),
    ...refused(
      'service_tier',
      'priority is not for nano models',
      ({ service_tier, model }) => service_tier === 'priority' && /-nano/.test(model),
    ),
  ]
}

const noLogprobs = 'a model that reasons returns no logprobs'

/** The efforts that a model accepts; others become the nearest one. */
export const effortRules = (efforts: readonly WireEffort[]): Rules => [
  {
    param: 'reasoning_effort',
    reason: `this model accepts ${efforts.join(', ')}`,
    values: efforts,
    adjust: ({ reasoning_effort }) => reasoning_effort && nearestEffort(reasoning_effort, efforts),
  },
  ...(efforts.includes('none') ? [] : cannotStop),
]

const cannotStop = refused('thinking', 'this model cannot stop reasoning', stopsThinking).map(
  (rule) => ({ ...rule, adjust: () => ({ type: 'enabled', budget_tokens: 1 }) }),
)

/** The accepted effort nearest to the requested one; of two equally near the weaker. */
export function nearestEffort(asked: WireEffort, efforts: readonly WireEffort[]) {
  const rank = (effort: WireEffort) => allEfforts.indexOf(effort)
  const distance = (effort: WireEffort) => Math.abs(rank(effort) - rank(asked))
  return efforts.toSorted((a, b) => distance(a) - distance(b) || rank(a) - rank(b))[0]
}

/** The name that family patterns match: `ft:gpt-4o-2024-08-06:org::id` → `gpt-4o`. */
const baseName = (model: string): string =>
  bareModel(model)
    .replace(/^ft:([^:]+):.*$/, '$1')
    .replace(/-\d{4}-\d{2}-\d{2}$/, '')

const familyOf = (model: string): Family | undefined => {
  const name = baseName(model)
  return families.find(([pattern]) => pattern.test(name))?.[1]
}

/** The efforts that a model accepts; undefined if unknown. */
export const effortsOf = (model: string): readonly WireEffort[] | undefined =>
  familyOf(model)?.efforts

/** Explicit prompt-cache breakpoints exist since GPT-5.6. */
export const takesCacheMarks = (model: string): boolean =>
  /^gpt-(5\.[6-9]|[6-9]|\d\d)/.test(baseName(model))

/** Limits and rules of a model. The API's rules hold for unknown names too: it has no `stop`. */
export const capabilities = onceAModel((model): Capabilities => {
  const family = familyOf(model)
  const audio = takesAudio(model) ? audioFormats : []
  if (!family) return { known: false, audio, rules: apiRules }
  const { contextTokens, maxOutputTokens, reasoning, timeouts, isGuess = false } = family
  const own = reasoning ? reasonerRules(family) : chatRules
  const schemas = olderThanSchemas.test(baseName(model)) ? noSchemas : []
  return defined({
    known: !isGuess,
    contextTokens,
    maxOutputTokens,
    reasoning,
    timeouts,
    audio,
    rules: isGuess ? apiRules : [...apiRules, ...own, ...schemas],
  })
})

/** `ResponseInputAudio` of the API. */
const audioFormats = ['mp3', 'wav'] as const

/** Text models refuse audio; unknown models are assumed to accept it. */
export const takesAudio = (model: string): boolean =>
  /audio/.test(model) || familyOf(model) === undefined

/** Reasoning summaries exist since o3. */
export const givesSummary = (model: string): boolean =>
  familyOf(model)?.reasoning === true && !/^(o1|o3-mini)/.test(baseName(model))
