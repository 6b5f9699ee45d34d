/** Facts of the model families. https://ai.google.dev/gemini-api/docs/models */
import type {
  Capabilities,
  ChatRequest,
  CustomTool,
  FunctionTool,
  ParamRule,
  ToolDefinition,
} from '../../chat/index.js'
import { defined, words } from '../../chat/json.js'
import {
  bareModel,
  mostOutput,
  onceAModel,
  refused,
  samplingRange,
  unmapped,
} from '../model-rules.js'
import type { Notes } from '../notes.js'
import type { Level } from './wire.js'

/** Bare names of Google models. */
export const models = /^(models\/)?(gemini|gemma)-/

export type ThinkingControl =
  | { readonly kind: 'none' }
  /** Tokens. `off`: 0 is accepted too. */
  | { readonly kind: 'budget'; readonly min: number; readonly max: number; readonly off: boolean }
  /** Lowest first. Empty: it cannot be set. */
  | { readonly kind: 'level'; readonly levels: readonly Level[] }

export interface ModelFacts {
  /** False: a name not in the table; treated as the newest of its kind, with nothing refused. */
  readonly known: boolean
  /** Gemini's generation; undefined if not in the name. */
  readonly generation: number | undefined
  readonly thinking: ThinkingControl
  /** `temperature`, `top_p` and `top_k`: applied, ignored by the model, or a 400. */
  readonly sampling: 'taken' | 'ignored' | 'refused'
  /** Accepts a `systemInstruction`. */
  readonly system: boolean
  /** Accepts tools and JSON formats. */
  readonly tools: boolean
  /** Generation 3: hosted tools with functions, JSON with tools, media in a tool result. */
  readonly isModern: boolean
  /** Requires a signature on the first call of a step. */
  readonly signs: boolean
  /** Accepts the address of a public file. */
  readonly urls: boolean
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
}

export interface WriteContext extends Notes {
  readonly facts: ModelFacts
}

type Row = readonly [name: RegExp, facts: Partial<Omit<ModelFacts, 'known' | 'generation'>>]

const none: ThinkingControl = { kind: 'none' }
const levels = (...all: Level[]): ThinkingControl => ({ kind: 'level', levels: all })
const budget = (min: number, max: number, off: boolean): ThinkingControl => ({
  kind: 'budget',
  min,
  max,
  off,
})
const lowToHigh = levels('LOW', 'MEDIUM', 'HIGH')
const minimalToHigh = levels('MINIMAL', 'LOW', 'MEDIUM', 'HIGH')
const flash = { contextTokens: 1_048_576, maxOutputTokens: 65_536 } as const

/** The first match applies. */
const families: readonly Row[] = [
  [/tts/, { thinking: none, tools: false }],
  [/^gemini-4/, { ...flash, thinking: lowToHigh, sampling: 'refused' }],
  [/^gemini-3\.[78]-flash/, { ...flash, thinking: lowToHigh, sampling: 'ignored' }],
  [/^gemini-3\.6-flash/, { ...flash, thinking: minimalToHigh, sampling: 'ignored' }],
  [/^gemini-3\.5-flash-lite/, { ...flash, thinking: minimalToHigh, sampling: 'ignored' }],
  [/^gemini-3\.5-flash/, { ...flash, thinking: minimalToHigh }],
  [/^gemini-3\.1-flash(-lite)?-image/, { thinking: levels('MINIMAL', 'HIGH') }],
  [/^gemini-3\.1-flash-lite/, { ...flash, thinking: minimalToHigh }],
  [/^gemini-3\.1-pro/, { ...flash, thinking: lowToHigh }],
  [/^gemini-3-flash/, { ...flash, thinking: minimalToHigh }],
  [/^(gemini-3-pro-image|(gemini-)?nano-banana)/, { thinking: levels() }],
  [/^gemini-3-pro/, { ...flash, thinking: levels('LOW', 'HIGH') }],
  [/^gemini-2\.5-flash-image/, { thinking: none, tools: false, maxOutputTokens: 32_768 }],
  [/^gemini-2\.5-pro/, { ...flash, thinking: budget(128, 32_768, false) }],
  [/^gemini-2\.5-flash-lite/, { ...flash, thinking: budget(512, 24_576, true) }],
  [/^gemini-2\.5-flash/, { ...flash, thinking: budget(1, 24_576, true) }],
  [/^gemini-2\.5/, { thinking: budget(128, 24_576, false) }],
  [/^gemini-[12]\b/, { contextTokens: 1_048_576, maxOutputTokens: 8192, thinking: none }],
  [/^gemini-(pro|flash|flash-lite)-latest/, { ...flash, thinking: lowToHigh }],
  [/^gemma-[123]/, { thinking: none, system: false, tools: false }],
  [/^gemma/, { thinking: lowToHigh, system: false }],
]

export const factsOf = onceAModel((model): ModelFacts => {
  const name = bareModel(model)
  const row = families.find(([pattern]) => pattern.test(name))
  const generation = generationOf(name)
  const isNew = generation === undefined ? !name.startsWith('gemma') : generation >= 3
  return {
    known: row !== undefined,
    generation,
    // an unknown model is not restricted
    thinking: levels('LOW', 'MEDIUM', 'HIGH', 'XHIGH'),
    sampling: 'taken',
    system: true,
    tools: true,
    isModern: isNew,
    // not a tuned model of an unknown base, which may refuse the substitute signature
    signs: isNew && (row !== undefined || generation !== undefined),
    urls: isNew,
    ...row?.[1],
  }
})

const generationOf = (name: string) => {
  const [, digits] = name.match(/^gemini-(\d+(?:\.\d+)?)/) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** For `params()`. Unknown names accept everything. */
export const capabilities = onceAModel((model): Capabilities => {
  const facts = factsOf(model)
  if (!facts.known) return { known: false, rules: wireRules }
  const { contextTokens, maxOutputTokens: max, thinking, sampling } = facts
  return defined({
    known: true,
    contextTokens,
    maxOutputTokens: max,
    reasoning: thinking.kind !== 'none',
    rules: [
      ...wireRules,
      ...ranges,
      ...mostOutput(max),
      ...(thinking.kind === 'none' ? thoughtlessRules : effortRules),
      ...(sampling === 'refused' ? samplingRules : []),
      ...(facts.tools ? [] : toolFreeRules),
      ...(facts.isModern ? [] : oneKindOfToolRules),
    ],
  })
})

/** The adapter reports their loss. litellm passes `user` and `metadata` everywhere: so does `params()`. */
export const homeless = unmapped(
  words(
    'logit_bias verbosity user metadata safety_identifier prompt_cache_key previous_response_id',
  ),
  'generateContent has no field for it',
)

const wireRules: readonly ParamRule[] = [
  ...homeless.filter(({ param }) => param !== 'user' && param !== 'metadata'),
  {
    param: 'parallel_tool_calls',
    reason: 'Gemini has no switch for parallel calls',
    when: ({ tools }) => (tools?.length ?? 0) > 1,
    values: [true],
    unmapped: true,
  },
]

const ranges: readonly ParamRule[] = [
  ...samplingRange(2),
  { param: 'top_logprobs', reason: 'at most 20 are returned', min: 0, max: 20 },
  { param: 'stop', reason: 'at most 5 stop sequences are accepted', maxItems: 5 },
  {
    param: 'service_tier',
    reason: 'the tiers are flex, standard and priority',
    values: words('auto default standard flex priority'),
  },
]

const thoughtlessRules = refused(words('reasoning_effort thinking'), 'the model does not think')

const effortRules: readonly ParamRule[] = [
  {
    param: 'reasoning_effort',
    reason: 'its highest effort is high',
    // the adapter maps these to the nearest level of the family, with a warning
    values: words('none minimal low medium high'),
    adjust: ({ reasoning_effort }) =>
      reasoning_effort === 'xhigh' || reasoning_effort === 'max' ? 'high' : undefined,
  },
]

const samplingRules = refused(
  words('temperature top_p top_k'),
  'from Gemini 4 on the model sets it itself',
)

const toolFreeRules: readonly ParamRule[] = [
  ...refused(words('tools tool_choice web_search_options'), 'the model has no tools'),
  ...refused('response_format', 'the model has no JSON formats', ({ response_format }) =>
    isJson(response_format),
  ),
]

const apart = 'before Gemini 3 hosted tools do not go together with functions'

const oneKindOfToolRules: readonly ParamRule[] = [
  {
    param: 'tools',
    reason: apart,
    when: ({ tools }) => (tools?.some(isOwnTool) ?? false) && !tools?.every(isOwnTool),
    // without `values` the rule refuses; all that remains are functions
    adjust: ({ tools }) => tools?.filter(isOwnTool),
  },
  ...refused('web_search_options', apart, ({ tools }) => tools?.some(isOwnTool) ?? false),
  ...refused(
    'response_format',
    'before Gemini 3 JSON formats do not go together with tools',
    ({ response_format, tools }) => isJson(response_format) && (tools?.length ?? 0) > 0,
  ),
]

const isJson = (format: ChatRequest['response_format']) =>
  format?.type === 'json_object' || format?.type === 'json_schema'

export type OwnTool = FunctionTool | CustomTool

/** True for a function or custom tool, which the caller runs. */
export const isOwnTool = (tool: ToolDefinition): tool is OwnTool =>
  tool.type === 'function' || tool.type === 'custom'
