/** What is known of a model, computed once: each request asks for it several times; and the rule rows that all tables hold. */
import type { ChatRequest, ParamRule } from '../chat/index.js'

/** Names may come from users: no more are kept. */
const most = 500

/** The same facts for the same name, whatever they are made of. */
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

/** Parameters that are not taken, or not where the request is so. */
export const refused = (
  params: Param | readonly Param[],
  reason: string,
  when?: ParamRule['when'],
): readonly ParamRule[] =>
  [params].flat().map((param) => ({ param, reason, ...(when && { when }) }))

/** Parameters that the wire has no field for. */
export const unmapped = (params: readonly Param[], reason: string): readonly ParamRule[] =>
  params.map((param) => ({ param, reason, unmapped: true }))

/** Both names of the limit on what the model writes. */
export const outputLimit = (
  reason: string,
  range: Pick<ParamRule, 'min' | 'max'>,
): readonly ParamRule[] =>
  (['max_tokens', 'max_completion_tokens'] as const).map((param) => ({ param, reason, ...range }))

/** From 0 to what is the most. */
export const samplingRange = (mostTemperature: number): readonly ParamRule[] => [
  {
    param: 'temperature',
    reason: `temperature goes from 0 to ${mostTemperature}`,
    min: 0,
    max: mostTemperature,
  },
  { param: 'top_p', reason: 'top_p goes from 0 to 1', min: 0, max: 1 },
]

/** For a model that does not reason: to be asked not to is no matter. */
export const doesNotReason: readonly ParamRule[] = [
  {
    param: 'reasoning_effort',
    reason: 'the model does not reason',
    when: ({ reasoning_effort }) => reasoning_effort !== 'none',
  },
  {
    param: 'thinking',
    reason: 'the model does not reason',
    when: ({ thinking }) => thinking?.type !== 'disabled',
  },
]

/** For APIs that answer in text alone. */
export const asksForMedia = ({ modalities }: ChatRequest): boolean =>
  modalities?.some((modality) => modality !== 'text') === true
