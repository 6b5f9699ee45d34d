/** Maps `reasoning_effort` and `thinking`: a budget for Gemini 2.5, a level since 3, never both. */
import { type ChatRequest, isObject, type ReasoningEffort } from '../../chat/index.js'
import { allEfforts, effortOfBudget, isOff } from '../model-rules.js'
import type { Note, Notes } from '../notes.js'
import type { ThinkingControl, WriteContext } from './models.js'
import type { Level, ThinkingConfig } from './wire.js'

/** The requested thinking, from either parameter; a number is a budget in tokens. */
type Wish = 'off' | 'auto' | Exclude<ReasoningEffort, 'none'> | number

/** Undefined if none is requested. Throws `BadRequestError` for an unknown effort. */
export function toThinkingConfig(request: ChatRequest, context: WriteContext) {
  const { note } = context
  const { thinking: control } = context.facts
  const wish = wishOf(request, context)
  if (!wish) return undefined
  if (control.kind === 'none') {
    const param = request.reasoning_effort === undefined ? 'thinking' : 'reasoning_effort'
    if (wish !== 'off') note.dropped('the model does not think', param)
    return undefined
  }
  const includeThoughts = wish !== 'off' && request.thinking?.display !== 'omitted'
  const amount =
    control.kind === 'budget'
      ? { thinkingBudget: budgetFor(wish, control, note) }
      : levelFor(wish, control.levels, note)
  return { includeThoughts, ...amount }
}

function wishOf(request: ChatRequest, context: WriteContext): Wish | undefined {
  const effort = effortOf(request, context)
  const thinking = thinkingOf(request)
  if (thinking === 'off') return thinking
  // each family gets its own form
  const isBudget = typeof thinking === 'number' && context.facts.thinking.kind === 'budget'
  return isBudget ? thinking : (effort ?? thinking)
}

function effortOf({ reasoning_effort }: ChatRequest, { invalid }: Notes) {
  // litellm also accepts `{ effort, summary }`, and `disable`
  const given: unknown = isObject(reasoning_effort) ? reasoning_effort.effort : reasoning_effort
  if (given === undefined || given === null) return undefined
  const effort = given === 'disable' ? 'none' : allEfforts.find((one) => one === given)
  if (effort === undefined)
    throw invalid(
      `reasoning_effort must be one of ${allEfforts.join(', ')}, not ${JSON.stringify(given)}`,
      'invalid_reasoning_effort',
    )
  return effort === 'none' ? 'off' : effort
}

function thinkingOf({ thinking }: ChatRequest): Wish | undefined {
  if (!thinking) return undefined
  const { type, budget_tokens: tokens } = thinking
  if (isOff(thinking) || tokens === 0) return 'off'
  const isBudget = type === 'enabled' && typeof tokens === 'number' && tokens > 0
  return isBudget ? Math.round(tokens) : 'auto'
}

// -- budgets -------------------------------------------------------------------------------------------------------

/** litellm's tokens per effort. */
const effortTokens = { minimal: 0, low: 1024, medium: 2048, high: 4096, xhigh: 4096, max: 4096 }

type Budget = Extract<ThinkingControl, { kind: 'budget' }>

function budgetFor(wish: Wish, { min, max, off }: Budget, note: Note): number {
  if (wish === 'auto') return -1
  if (wish === 'off') {
    if (!off) note.changed(`the model always thinks: its budget is ${min}`, 'reasoning_effort')
    return off ? 0 : min
  }
  if (typeof wish === 'string') {
    reportHighest(wish, 'HIGH', note)
    return Math.max(min, effortTokens[wish])
  }
  const budget = Math.min(max, Math.max(min, wish))
  if (budget !== wish) note.changed(`the budget goes from ${min} to ${max}`, 'thinking')
  return budget
}

// -- levels --------------------------------------------------------------------------------------------------------

/** As the efforts from minimal on. */
const allLevels: readonly Level[] = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'XHIGH']

const budgetLevels = [
  [512, 'MINIMAL'],
  [2048, 'LOW'],
  [8192, 'MEDIUM'],
] as const

function levelFor(wish: Wish, levels: readonly Level[], note: Note): ThinkingConfig {
  const [lowest] = levels
  if (wish === 'auto') return {}
  if (lowest === undefined) {
    note.dropped('how much the model thinks cannot be set', 'reasoning_effort')
    return {}
  }
  if (wish === 'off') {
    note.changed(`the model always thinks: its level is ${lowest}`, 'reasoning_effort')
    return { thinkingLevel: lowest }
  }
  const isBudget = typeof wish === 'number'
  const wanted: Level = isBudget
    ? effortOfBudget(wish, budgetLevels, 'HIGH')
    : (allLevels[allEfforts.indexOf(wish) - 1] ?? 'XHIGH')
  const thinkingLevel = nearest(wanted, levels)
  if (isBudget)
    note.changed(`the model has levels: ${wish} tokens are ${thinkingLevel}`, 'thinking')
  else reportHighest(wish, thinkingLevel, note)
  if (wanted !== thinkingLevel && wanted !== 'XHIGH')
    note.changed(`the model has no level ${wanted}: sent ${thinkingLevel}`, 'reasoning_effort')
  return { thinkingLevel }
}

/** The higher of two equally near; `levels` are ascending and not empty. */
function nearest(wanted: Level, levels: readonly Level[]): Level {
  const distance = (level: Level) => Math.abs(allLevels.indexOf(level) - allLevels.indexOf(wanted))
  return levels.reduce((best, level) => (distance(level) <= distance(best) ? level : best))
}

const reportHighest = (effort: ReasoningEffort, level: Level, note: Note) => {
  const got = level.toLowerCase()
  if ((effort === 'xhigh' || effort === 'max') && effort !== got)
    note.changed(`the model has no effort ${effort}: sent ${got}`, 'reasoning_effort')
}
