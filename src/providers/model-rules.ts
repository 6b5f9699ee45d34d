/** Facts of a model, computed once (each request reads them often); rule rows of all tables. */
import { type ChatRequest, type ParamRule, type Thinking, words } from '../chat/index.js'

/** Maximum cached names: users may send any. */
const most = 500

/** Caches the facts by model name. */
export function onceAModel<Facts>(compute: (model: string) => Facts): (model: string) => Facts {
  const known = new Map<string, Facts>()
  return (model) => {
    const found = known.get(model)
    if (found !== undefined) return found
    const facts = compute(model)
    if (known.size >= most) known.clear()
    known.set(model, facts)
    return facts
  }
}

type Param = keyof ChatRequest
type When = ParamRule['when']

/**
 * The name of a model without the publisher, region or path of a platform, in lower case:
 * `openai/gpt-x`, `us.anthropic.claude-x`, `publishers/google/models/gemini-x`.
 */
export const bareModel = (model: string): string =>
  model
    .slice(model.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/^([a-z]+\.)+(?=[a-z])/, '')

export type Rules = readonly ParamRule[]

/** Parameters that are not accepted, or not if `when` is true. */
export const refused = (params: Param | readonly Param[], reason: string, when?: When): Rules =>
  [params].flat().map((param) => ({ param, reason, ...(when && { when }) }))

/** Rules for parameters without a field on the wire. */
export const unmapped = (params: readonly Param[], reason: string): Rules =>
  params.map((param) => ({ param, reason, unmapped: true }))

/** Rules for both names of the output token limit. */
export const outputLimit = (reason: string, range: Pick<ParamRule, 'min' | 'max'>): Rules =>
  (['max_tokens', 'max_completion_tokens'] as const).map((param) => ({ param, reason, ...range }))

/** The output limit of a model; no rule without one. */
export const mostOutput = (max: number | undefined): Rules =>
  max === undefined ? [] : outputLimit(`the model writes at most ${max} tokens`, { max })

const upTo = (max: number, param: Param): ParamRule => ({
  param,
  reason: `${param} must be from 0 to ${max}`,
  min: 0,
  max,
})

export const samplingRange = (mostTemperature: number): Rules => [
  upTo(mostTemperature, 'temperature'),
  upTo(1, 'top_p'),
]

/** All efforts, weakest first. */
export const allEfforts = words('none minimal low medium high xhigh max')

export const isOff = ({ type }: Thinking): boolean =>
  type === 'disabled' || type === 'between_tools'

/** The effort for a budget: that of the first row that it does not exceed, else the highest. */
export const effortOfBudget = <Effort extends string>(
  budget: number,
  rows: readonly (readonly [most: number, effort: Effort])[],
  highest: Effort,
): Effort => rows.find(([most]) => budget <= most)?.[1] ?? highest

/** True for a request with `thinking` of this type. */
export const thinkingIs =
  (type: Thinking['type']) =>
  ({ thinking }: ChatRequest): boolean =>
    thinking?.type === type

export const stopsThinking = /* @__PURE__ */ thinkingIs('disabled')

const noReasoning = 'the model does not reason'

/** For a model that does not reason: switching it off is accepted. */
export const doesNotReason: Rules = [
  ...refused('reasoning_effort', noReasoning, (one) => one.reasoning_effort !== 'none'),
  ...refused('thinking', noReasoning, (one) => !stopsThinking(one)),
]

/** For APIs with text output alone. */
export const asksForMedia = ({ modalities }: ChatRequest): boolean =>
  modalities?.some((modality) => modality !== 'text') === true
