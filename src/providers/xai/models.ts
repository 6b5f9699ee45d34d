/** Facts of the Grok models on xAI's Responses API. Unknown names are passed through. */
import { type Capabilities, defined, words } from '../../chat/index.js'
import {
  bareModel,
  onceAModel,
  refused,
  samplingRange,
  thinkingIs,
  unmapped,
} from '../model-rules.js'
import { effortRules, textOnly } from '../openai/models.js'
import type { WireEffort } from '../openai/wire.js'

/** Bare names of xAI models. */
export const models = /^grok-/

interface Family extends Pick<Capabilities, 'contextTokens'> {
  readonly reasoning: boolean
  /** The efforts it accepts; empty: none, absent: unknown. */
  readonly efforts?: readonly WireEffort[]
}

/** xAI recommends 900 s and more: https://docs.x.ai/docs/guides/reasoning */
const patient = { headersMs: 900_000, idleBytesMs: 900_000, idleEventsMs: 900_000 }

const efforts = { low: ['low', 'medium', 'high'], all: ['low', 'medium', 'high', 'xhigh'] } as const

const reasoner = (contextTokens: number, efforts: Family['efforts'] = []): Family => ({
  contextTokens,
  reasoning: true,
  efforts,
})
const chat = (contextTokens: number): Family => ({ contextTokens, reasoning: false, efforts: [] })

const families: readonly (readonly [pattern: RegExp, family: Family])[] = [
  [/^grok-4\.[67]/, reasoner(500_000, efforts.all)],
  [/^grok-4\.5/, reasoner(500_000, efforts.low)],
  [/^grok-4\.3/, reasoner(1_000_000, ['none', ...efforts.low])],
  [/^grok-4\.20.*multi-agent/, reasoner(1_000_000, efforts.all)],
  [/^grok-4\.20.*non-reasoning/, chat(1_000_000)],
  [/^grok-4\.20/, reasoner(1_000_000)],
  [/^grok-4(-1)?-fast.*non-reasoning/, { contextTokens: 2_000_000, reasoning: false }],
  [/^grok-4(-1)?-fast/, reasoner(2_000_000)],
  [/^grok-4(-\d|-latest|$)/, reasoner(256_000)],
  [/^grok-(code|build)/, reasoner(256_000)],
  [/^grok-3-mini/, reasoner(131_072, ['low', 'high'])],
  [/^grok-[23]/, chat(131_072)],
  [/^grok-latest/, { contextTokens: 500_000, reasoning: true }],
]

/** Rules of the API for all models. */
const apiRules: Capabilities['rules'] = [
  ...unmapped(
    words('stop top_k presence_penalty frequency_penalty logit_bias verbosity metadata'),
    "xAI's Responses API has no such parameter",
  ),
  textOnly,
  ...samplingRange(2),
  { param: 'top_logprobs', reason: 'the API takes 0 to 8', min: 0, max: 8 },
  { param: 'tools', reason: 'the API takes 128 tools', maxItems: 128 },
]

const isAdaptive = thinkingIs('adaptive')

const noEffort = [
  ...refused('reasoning_effort', 'this model does not accept an effort'),
  ...refused('thinking', 'this model does not accept an effort', (asked) => !isAdaptive(asked)),
]

function familyOf(model: string): Family | undefined {
  const name = bareModel(model)
  return families.find(([pattern]) => pattern.test(name))?.[1]
}

/** The efforts that a model accepts; undefined if unknown. */
export const effortsOf = (model: string): readonly WireEffort[] | undefined =>
  familyOf(model)?.efforts

/** Limits and rules of a model; an unknown Grok is assumed to reason. */
export const capabilities = onceAModel((model): Capabilities => {
  const family = familyOf(model)
  const { contextTokens, reasoning, efforts }: Family = family ?? { reasoning: true }
  const rules = efforts && (efforts.length > 0 ? effortRules(efforts) : noEffort)
  return defined({
    known: family !== undefined,
    reasoning,
    audio: [],
    contextTokens,
    timeouts: patient,
    rules: [...apiRules, ...(rules ?? [])],
  })
})
