/** Maps `reasoning_effort` and `thinking`: a budget for Gemini 2.5, a level since 3, never both. */
import { type ChatRequest, isObject, type ReasoningEffort, words } from '../../chat/index.js'
import type { Note, Notes } from '../notes.js'
import type { ThinkingControl, WriteContext } from './models.js'
import type { Level, ThinkingConfig } from './wire.js'

/** The requested thinking, from either parameter. */
type Wish =
  | { readonly kind: 'off' }
  | { readonly kind: 'effort'; readonly effort: Exclude<ReasoningEffort, 'none'> }
  | { readonly kind: 'tokens'; readonly tokens: number }
  | { readonly kind: 'auto' }

/** Undefined if none is requested. Throws `BadRequestError` for an unknown effort. */
export function toThinkingConfig(
  request: ChatRequest,
  context: WriteContext,
): ThinkingConfig | undefined {
  const { facts, note } = context
  const wish = wishOf(request, context)
  if (!wish) return undefined
  if (facts.thinking.kind === 'none') {
    const param = request.reasoning_effort === undefined ? 'thinking' : 'reasoning_effort'
    if (wish.kind !== 'off') note('dropped', 'the model does not think', param)
    return undefined
  }
  const includeThoughts = wish.kind !== 'off' && request.thinking?.display !== 'omitted'
  const control =
    facts.thinking.kind === 'budget'
      ? budgetFor(wish, facts.thinking, note)
      : levelFor(wish, facts.thinking.levels, note)
  return { includeThoughts, ...control }
}

function wishOf(request: ChatRequest, context: WriteContext): Wish | undefined {
  const effort = effortOf(request, context)
  const control = context.facts.thinking
  const thinking = thinkingOf(request)
  if (thinking?.kind === 'off') return thinking
  // each family gets its own form
  if (effort && thinking?.kind === 'tokens') return control.kind === 'budget' ? thinking : effort
  return effort ?? thinking
}

const efforts = words('none minimal low medium high xhigh max')

function effortOf({ reasoning_effort }: ChatRequest, { invalid }: Notes): Wish | undefined {
  // litellm also accepts `{ effort, summary }`, and `disable`
  const given: unknown = isObject(reasoning_effort) ? reasoning_effort.effort : reasoning_effort
  if (given === undefined || given === null) return undefined
  const effort = given === 'disable' ? 'none' : efforts.find((one) => one === given)
  if (effort === undefined)
    throw invalid(
      `reasoning_effort is one of ${efforts.join(', ')}, not ${JSON.stringify(given)}`,
      'invalid_reasoning_effort',
    )
  return effort === 'none' ? { kind: 'off' } : { kind: 'effort', effort }
}

function thinkingOf({ thinking }: ChatRequest): Wish | undefined {
  if (!thinking) return undefined
  const tokens = thinking.budget_tokens
  const isOff = thinking.type === 'disabled' || thinking.type === 'between_tools'
  if (isOff || tokens === 0) return { kind: 'off' }
  return thinking.type === 'enabled' && typeof tokens === 'number' && tokens > 0
    ? { kind: 'tokens', tokens: Math.round(tokens) }
    : { kind: 'auto' }
}

// -- budgets -------------------------------------------------------------------------------------------------------

type Budget = Extract<ThinkingControl, { kind: 'budget' }>

/** litellm's tokens per effort. */
const effortTokens = { minimal: 0, low: 1024, medium: 2048, high: 4096, xhigh: 4096, max: 4096 }

function budgetFor(wish: Wish, { min, max, off }: Budget, note: Note): ThinkingConfig {
  switch (wish.kind) {
    case 'auto':
      return { thinkingBudget: -1 }
    case 'off':
      if (!off) note('changed', `the model always thinks: its budget is ${min}`, 'reasoning_effort')
      return { thinkingBudget: off ? 0 : min }
    case 'effort':
      reportHighest(wish.effort, 'HIGH', note)
      return { thinkingBudget: Math.max(min, effortTokens[wish.effort]) }
    case 'tokens': {
      const thinkingBudget = Math.min(max, Math.max(min, wish.tokens))
      if (thinkingBudget !== wish.tokens)
        note('changed', `the budget goes from ${min} to ${max}`, 'thinking')
      return { thinkingBudget }
    }
  }
}

// -- levels --------------------------------------------------------------------------------------------------------

const allLevels: readonly Level[] = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'XHIGH']
const effortLevels = {
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'XHIGH',
  max: 'XHIGH',
} as const

function levelFor(wish: Wish, levels: readonly Level[], note: Note): ThinkingConfig {
  const [lowest] = levels
  if (wish.kind === 'auto') return {}
  if (lowest === undefined) {
    note('dropped', 'how much the model thinks cannot be set', 'reasoning_effort')
    return {}
  }
  if (wish.kind === 'off') {
    note('changed', `the model always thinks: its level is ${lowest}`, 'reasoning_effort')
    return { thinkingLevel: lowest }
  }
  const wanted = wish.kind === 'effort' ? effortLevels[wish.effort] : levelOfTokens(wish.tokens)
  const thinkingLevel = nearest(wanted, levels)
  if (wish.kind === 'effort' && wanted === 'XHIGH') reportHighest(wish.effort, thinkingLevel, note)
  else if (wish.kind === 'tokens')
    note('changed', `the model has levels: ${wish.tokens} tokens are ${thinkingLevel}`, 'thinking')
  if (wanted !== thinkingLevel && wanted !== 'XHIGH')
    note('changed', `the model has no level ${wanted}: it got ${thinkingLevel}`, 'reasoning_effort')
  return { thinkingLevel }
}

const levelOfTokens = (tokens: number): Level => {
  if (tokens <= 512) return 'MINIMAL'
  if (tokens <= 2048) return 'LOW'
  return tokens <= 8192 ? 'MEDIUM' : 'HIGH'
}

/** The higher of two equally near; `levels` are ascending and not empty. */
function nearest(wanted: Level, levels: readonly Level[]): Level {
  const distance = (level: Level) => Math.abs(allLevels.indexOf(level) - allLevels.indexOf(wanted))
  return levels.reduce((best, level) => (distance(level) <= distance(best) ? level : best))
}

const reportHighest = (effort: ReasoningEffort, level: Level, note: Note) => {
  const got = level.toLowerCase()
  if ((effort === 'xhigh' || effort === 'max') && effort !== got)
    note('changed', `the model has no effort ${effort}: it got ${got}`, 'reasoning_effort')
}
