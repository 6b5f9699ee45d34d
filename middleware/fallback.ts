/** Calls another model when one fails before any content was emitted. */
import type { ModelName } from '../src/chat/index.js'
import type { Context, Middleware, Next } from '../src/core/index.js'
import { isTetradError, key, layer, MisuseError } from '../src/core/index.js'

export interface FallbackOptions {
  /** Full names, tried in this order after the model of the request. */
  readonly models: readonly ModelName[]
  /**
   * Overrides the decision by error class; `undefined` keeps it. Not called after content left or
   * an abort.
   */
  readonly when?: ((error: unknown, ctx: Context) => boolean | undefined) | undefined
}

/**
 * Calls the model of the request, then these, on errors of a model or its provider: no key, 401 to
 * 404, 429, 5xx, lost connections, timeouts. Errors of the request (400, 409, 413, 422, too long,
 * refused by a policy), an abort and a spent budget are thrown to the caller. Each switch is a
 * warning of code `fallback`; a later step of a tool loop starts with the model that answered.
 * Throws `MisuseError` at construction for no models; `createClient` throws one for a model without
 * a provider.
 *
 * @example const ai = createClient({ use: standard({ with: [fallback('openai/gpt-5', 'xai/grok-4.3')] }) })
 */
export function fallback(...given: readonly ModelName[] | readonly [FallbackOptions]): Middleware {
  const [first] = given
  // the first is not an options object, so all are names
  const names = given as readonly ModelName[]
  const { models, when } = typeof first === 'object' ? first : { models: names }
  if (!models?.length || !models.every((model) => typeof model === 'string' && model !== ''))
    throw new MisuseError("fallback() needs names of models: fallback('openai/gpt-5')")
  const last = key<{ readonly requested: string; readonly answered: string }>('fallback')

  const run = async (ctx: Context, next: Next) => {
    const { request } = ctx
    const all = new Set([request.model, ...models.filter((model) => canFollow(model, ctx))])
    const { requested: asked, answered = '' } = ctx.get(last) ?? {}
    const queue = [...all].slice(asked === request.model ? [...all].indexOf(answered) : 0)
    for (const [index, model] of queue.entries())
      try {
        ctx.request = { ...request, model }
        const response = await (model === request.model ? next() : askAdapted(ctx, next))
        ctx.set(last, { requested: request.model, answered: model })
        return response
      } catch (error) {
        const following = queue[index + 1]
        if (!following || ctx.committed || ctx.signal.aborted) throw error
        if (!(when?.(error, ctx) ?? isOfModel(error))) throw error
        const name = error instanceof Error ? error.name : typeof error
        ctx.warn({
          code: 'fallback',
          message: `${model} failed (${name}): falling back to ${following}`,
        })
      }
  }
  return layer('fallback', run, { place: 'outside retry', repeats: 'attempt', targets: models })
}

/** Errors that another model would repeat. By name: two copies of the package differ in classes. */
const ofRequest: ReadonlySet<string> = new Set([
  'BadRequestError',
  'UnsupportedParamsError',
  'ContextWindowExceededError',
  'ContentPolicyViolationError',
  'ConflictError',
  'UnprocessableEntityError',
  'AbortError',
  'BudgetExceededError',
  'MisuseError',
])
const isOfModel = (error: unknown) => isTetradError(error) && !ofRequest.has(error.name)

/** Stored state (`previous_response_id`) does not exist at another provider. */
const canFollow = (model: string, { request, client: { capabilities } }: Context) =>
  !request.previous_response_id ||
  capabilities(model).provider === capabilities(request.model).provider

/**
 * Parameters that `params()` refuses for this model were meant for another: dropped with a warning
 * each.
 */
const askAdapted = (ctx: Context, next: Next) =>
  next().catch((error: unknown) => {
    if (!isTetradError(error) || error.name !== 'UnsupportedParamsError') throw error
    if (ctx.request.drop_params !== undefined) throw error
    ctx.request = { ...ctx.request, drop_params: true }
    return next()
  })
