/** What the Grok models take on xAI's Responses API, as data. A name that is not here is let through as it is. */
import type { Capabilities, ChatRequest, ParamRule, Timeouts } from '../../chat/index.js'
import { onceAModel } from '../model-rules.js'
import { effortRules } from '../openai/models.js'
import type { WireEffort } from '../openai/wire.js'

/** Bare names that are xAI's. */
export const models = /^grok-/

interface Family {
  readonly pattern: RegExp
  readonly contextTokens?: number
  readonly reasoning: boolean
  /** The efforts it takes; empty: none at all, absent: not known. */
  readonly efforts?: readonly WireEffort[]
}

/** xAI asks for 900 s and more: https://docs.x.ai/docs/guides/reasoning */
const patient: Timeouts = { headersMs: 900_000, idleBytesMs: 900_000, idleEventsMs: 900_000 }

const fourEfforts: readonly WireEffort[] = ['low', 'medium', 'high', 'xhigh']
const threeEfforts: readonly WireEffort[] = ['low', 'medium', 'high']

const families: readonly Family[] = [
  { pattern: /^grok-4\.[67]/, contextTokens: 500_000, reasoning: true, efforts: fourEfforts },
  { pattern: /^grok-4\.5/, contextTokens: 500_000, reasoning: true, efforts: threeEfforts },
  {
    pattern: /^grok-4\.3/,
    contextTokens: 1_000_000,
    reasoning: true,
    efforts: ['none', ...threeEfforts],
  },
  {
    pattern: /^grok-4\.20.*multi-agent/,
    contextTokens: 1_000_000,
    reasoning: true,
    efforts: fourEfforts,
  },
  {
    pattern: /^grok-4\.20.*non-reasoning/,
    contextTokens: 1_000_000,
    reasoning: false,
    efforts: [],
  },
  { pattern: /^grok-4\.20/, contextTokens: 1_000_000, reasoning: true, efforts: [] },
  { pattern: /^grok-4(-1)?-fast.*non-reasoning/, contextTokens: 2_000_000, reasoning: false },
  { pattern: /^grok-4(-1)?-fast/, contextTokens: 2_000_000, reasoning: true, efforts: [] },
  { pattern: /^grok-4(-\d|-latest|$)/, contextTokens: 256_000, reasoning: true, efforts: [] },
  { pattern: /^grok-(code|build)/, contextTokens: 256_000, reasoning: true, efforts: [] },
  {
    pattern: /^grok-3-mini/,
    contextTokens: 131_072,
    reasoning: true,
    efforts: ['low', 'high'],
  },
  { pattern: /^grok-[23]/, contextTokens: 131_072, reasoning: false, efforts: [] },
  { pattern: /^grok-latest/, contextTokens: 500_000, reasoning: true },
]

const without = (
  param: keyof ChatRequest,
  reason: string,
  when?: ParamRule['when'],
): ParamRule => ({ param, reason, ...(when && { when }) })

/** Of the API, whatever the model. */
const apiRules: readonly ParamRule[] = [
  ...(
    [
      'stop',
      'top_k',
      'presence_penalty',
      'frequency_penalty',
      'logit_bias',
      'verbosity',
      'metadata',
    ] as const
  ).map((param) => ({
    param,
    reason: "xAI's Responses API has no such parameter",
    unmapped: true as const,
  })),
  without(
    'modalities',
    'the API answers in text; images come from the image_generation tool',
    ({ modalities }) => modalities?.some((modality) => modality !== 'text') === true,
  ),
  { param: 'temperature', reason: 'the API takes 0 to 2', min: 0, max: 2 },
  { param: 'top_p', reason: 'the API takes 0 to 1', min: 0, max: 1 },
  { param: 'top_logprobs', reason: 'the API takes 0 to 8', min: 0, max: 8 },
  { param: 'tools', reason: 'the API takes 128 tools', maxItems: 128 },
]

const noEffort: readonly ParamRule[] = [
  without('reasoning_effort', 'this model takes no effort'),
  without(
    'thinking',
    'this model takes no effort',
    ({ thinking }) => thinking?.type !== 'adaptive',
  ),
]

const familyOf = (model: string) => families.find(({ pattern }) => pattern.test(model))

/** The efforts a model takes; undefined where that is not known. */
export const effortsOf = (model: string): readonly WireEffort[] | undefined =>
  familyOf(model)?.efforts

/** Limits and rules of a model. */
export const capabilities = onceAModel((model): Capabilities => {
  const family = familyOf(model)
  // a newer Grok reasons
  if (!family)
    return { known: false, reasoning: true, audio: [], rules: apiRules, timeouts: patient }
  const { contextTokens, reasoning, efforts } = family
  const rules = efforts && (efforts.length > 0 ? effortRules(efforts) : noEffort)
  return {
    known: true,
    reasoning,
    audio: [],
    ...(contextTokens !== undefined && { contextTokens }),
    timeouts: patient,
    rules: [...apiRules, ...(rules ?? [])],
  }
})
