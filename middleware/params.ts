/**
 * Handles parameters that the model does not support: refuses them by name, or adjusts them with a
 * warning.
 */
import { type ChatRequest, isObject, type ParamRule } from '../src/chat/index.js'
import {
  BadRequestError,
  type Middleware,
  type ModelInfo,
  type RequestContext,
  requestLayer,
  UnsupportedParamsError,
} from '../src/core/index.js'

export interface ParamsOptions {
  /**
   * Adjust or drop unsupported parameters, with a warning. The call's `dropParams` and the
   * request's `drop_params` override it.
   * @default false
   */
  readonly dropParams?: boolean | undefined
}

/**
 * Checks the parameters of a request against the known rules of the model. An unsupported one
 * throws `UnsupportedParamsError`; with `drop_params` it is set to the nearest value, or dropped.
 * Every such change is in `response.warnings`. Names that are no parameter of Chat Completions are
 * passed on untouched.
 *
 * `additional_drop_params` drops the named ones, also nested: `tools[*].function.strict`.
 * `allowed_openai_params` sends the named ones against the rules. Both, and `drop_params`, end
 * here.
 *
 * Place: innermost, inside `alias`, `fallback` and `retry`: its rules are those of the attempt's
 * model.
 *
 * Throws `UnsupportedParamsError`, and `BadRequestError` if one of the three controls is of the
 * wrong type.
 *
 * @example
 * const ai = createClient({ use: [params({ dropParams: true })] })
 * const reply = await ai.generate({ model: 'openai/gpt-5', messages, temperature: 0.2 })
 * reply.warnings // [{ code: 'changed', param: 'temperature', … }]
 */
export function params({ dropParams }: ParamsOptions = {}): Middleware {
  return requestLayer('params', (ctx) => {
    const { drop_params, additional_drop_params, allowed_openai_params, ...requested } = ctx.request
    const isDropping = flag(drop_params ?? ctx.options.dropParams ?? dropParams ?? false)
    const allowed = new Set(names('allowed_openai_params', allowed_openai_params))
    const unwanted = names('additional_drop_params', additional_drop_params)

    const model = ctx.client.capabilities(requested.model)
    const kept = oneLimit(withoutAll(requested, unwanted, ctx), ctx)
    const rules = underItsName(model.rules, kept)
    const binding = allowed.size > 0 ? rules.filter(({ param }) => !allowed.has(param)) : rules
    const request = isDropping ? adjust(kept, binding, model, ctx) : check(kept, binding, model)
    const forced = rules.filter(({ param, unmapped }) => unmapped && allowed.has(param))
    ctx.request = verbatim(request, forced)
  })
}

type Rules = readonly ParamRule[]

// ---- The controls -------------------------------------------------------------------------------

/** A string "true" would be ignored silently, so it throws. */
function flag(value: unknown): boolean {
  if (typeof value !== 'boolean')
    throw new BadRequestError('drop_params must be true or false', { status: 400 })
  return value
}

function names(control: string, value: unknown): readonly string[] {
  const list = value ?? []
  if (Array.isArray(list) && list.every((name) => typeof name === 'string')) return list
  throw new BadRequestError(`${control} must be a list of names`, { status: 400 })
}

// ---- One parameter, two names -------------------------------------------------------------------

const limits = ['max_completion_tokens', 'max_tokens'] as const

/** If both are given, the newer name counts. */
function oneLimit(request: ChatRequest, { warn }: RequestContext): ChatRequest {
  const { max_tokens, ...rest } = request
  const limit = request.max_completion_tokens ?? undefined
  if (limit === undefined || max_tokens === undefined) return request
  if (max_tokens !== limit)
    warn({
      code: 'ignored',
      param: 'max_tokens',
      message: 'max_tokens was left out: max_completion_tokens is set too and takes precedence',
    })
  return rest
}

/** A rule on the limit applies to the name that the request uses. */
function underItsName(rules: Rules, request: ChatRequest): Rules {
  const used = limits.find((name) => isGiven(request[name]))
  if (!used) return rules
  const isOnLimit = ({ param }: ParamRule) => limits.some((name) => name === param)
  return rules.map((rule) => (isOnLimit(rule) ? { ...rule, param: used } : rule))
}

/** The request that a rule reads: the limit under both names. */
function readable(request: ChatRequest): ChatRequest {
  const limit = request.max_completion_tokens ?? request.max_tokens
  return { ...request, max_tokens: limit, max_completion_tokens: limit }
}

// ---- Rules --------------------------------------------------------------------------------------

/** False for an empty list too. */
const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)

function isBroken(rule: ParamRule, request: ChatRequest): boolean {
  const value = request[rule.param]
  if (!isGiven(value) || rule.when?.(readable(request)) === false) return false
  const { values, min, max, maxItems } = rule
  if ((values ?? min ?? max ?? maxItems) === undefined) return true
  if (values && !values.includes(value)) return true
  if (Array.isArray(value)) return maxItems !== undefined && value.length > maxItems
  return typeof value === 'number' && (value < (min ?? -Infinity) || value > (max ?? Infinity))
}

/** Reports all violations in one error. */
function check(request: ChatRequest, rules: Rules, model: ModelInfo): ChatRequest {
  const broken = rules.filter((rule) => isBroken(rule, request))
  if (broken.length === 0) return request
  const params = [...new Set(broken.map(({ param }) => param))]
  const reasons = new Set(broken.map((rule) => `${rule.param}: ${because(rule)}`))
  throw new UnsupportedParamsError(
    `${model.provider} does not accept ${params.join(', ')} as set for ${model.model} (${[...reasons].join('; ')}). ` +
      `Set drop_params: true to drop or adjust them, or allowed_openai_params: ${JSON.stringify(params)} to send them anyway.`,
    { status: 400, provider: model.provider, model: model.model, code: 'unsupported_params' },
  )
}

/** Applies the rules in sequence, each to the result of the last one. */
function adjust(requested: ChatRequest, rules: Rules, model: ModelInfo, { warn }: RequestContext) {
  let request = requested
  for (const rule of rules) {
    if (!isBroken(rule, request)) continue
    const { param } = rule
    const nearest = nearestTo(rule, request)
    if (nearest === request[param]) continue
    request = withParam(request, param, nearest)
    const isLeftOut = nearest === undefined
    const done = isLeftOut ? 'left out' : 'adjusted'
    warn({
      code: isLeftOut ? 'dropped' : 'changed',
      param,
      provider: model.provider,
      message: `${param} was ${done} for ${model.model}: ${because(rule)}`,
    })
  }
  return request
}

function withParam(request: ChatRequest, param: keyof ChatRequest, value: unknown): ChatRequest {
  const { [param]: _, ...rest } = request
  // rules never concern model and messages, and return values of the parameter's own type
  return (value === undefined ? rest : { ...rest, [param]: value }) as ChatRequest
}

function nearestTo(rule: ParamRule, request: ChatRequest): unknown {
  const value = request[rule.param]
  if (rule.adjust) return rule.adjust(readable(request))
  if (Array.isArray(value)) return rule.maxItems ? value.slice(0, rule.maxItems) : undefined
  const { min = -Infinity, max = Infinity } = rule
  const isRange = rule.min !== undefined || rule.max !== undefined
  return typeof value === 'number' && isRange ? Math.min(max, Math.max(min, value)) : undefined
}

function because({ reason, values, min, max, maxItems }: ParamRule): string {
  const list = values?.join(', ')
  // a reason may already list the values
  if (list !== undefined) return reason.includes(list) ? reason : `${reason} (accepts ${list})`
  if (maxItems !== undefined) return `${reason} (at most ${maxItems})`
  if (min === undefined && max === undefined) return reason
  return `${reason} (from ${min ?? '-∞'} to ${max ?? '∞'})`
}

/** Moves allowed parameters without a wire field into `extra_body`. */
function verbatim(requested: ChatRequest, rules: Rules): ChatRequest {
  let request = requested
  for (const { param } of rules) {
    const value = request[param]
    if (!isGiven(value)) continue
    const extra_body = { [param]: value, ...request.extra_body }
    request = { ...withParam(request, param, undefined), extra_body }
  }
  return request
}

// ---- Dropping what the caller named -------------------------------------------------------------

function withoutAll(
  requested: ChatRequest,
  paths: readonly string[],
  { warn }: RequestContext,
): ChatRequest {
  let request = requested
  for (const path of paths) {
    if (path === 'model' || path === 'messages')
      throw new BadRequestError(`additional_drop_params cannot drop ${path}`, { status: 400 })
    const left = withoutPath(request, path.match(/[^.[\]]+/g) ?? [])
    if (left === request) continue
    warn({ code: 'dropped', param: path, message: `${path} was left out, as requested` })
    // only the named members are gone
    request = left as ChatRequest
  }
  return request
}

/** A plain name also applies to `extra_body`. */
function withoutPath(request: ChatRequest, steps: readonly string[]): unknown {
  const left = without(request, steps)
  return steps.length === 1 ? without(left, ['extra_body', ...steps]) : left
}

/**
 * A copy without the value at the path; the same value if there is none. List elements are never
 * removed.
 */
function without(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (step === undefined) return value
  if (Array.isArray(value)) {
    const items = value.map((item, index) =>
      rest.length > 0 && (step === '*' || step === String(index)) ? without(item, rest) : item,
    )
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  if (!isObject(value) || !Object.hasOwn(value, step) || value[step] === undefined) return value
  const { [step]: inner, ...others } = value
  if (rest.length === 0) return others
  const left = without(inner, rest)
  return left === inner ? value : { ...value, [step]: left }
}
