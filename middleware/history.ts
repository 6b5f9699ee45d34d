/** Makes a stored history valid for providers: repairs it and trims it to a token budget. */
import {
  type ChatRequest,
  estimatePromptTokens,
  type Message,
  normalize,
  toMessages,
} from '../src/chat/index.js'
import {
  BadRequestError,
  type Middleware,
  type RequestContext,
  requestLayer,
} from '../src/core/index.js'
import { trim } from './history/trim.js'

export interface HistoryOptions {
  /** `strict` throws a `BadRequestError` that lists every defect. @default 'repair' */
  readonly mode?: 'repair' | 'strict'
  /**
   * Maximum prompt tokens of messages and tools together. `'model'` is the context size of the
   * model minus its output limit; a model of unknown size is not trimmed.
   * @default no limit
   */
  readonly maxTokens?: number | 'model'
  /**
   * Lets the provider count when the estimate is near the limit; false: estimates only.
   * @default true
   */
  readonly exact?: boolean
}

/**
 * Repairs messages from a database or a browser: missing, duplicate, misplaced and stray tool
 * results, empty contents, broken arguments, outdated forms. Every repair is a warning in
 * `response.warnings`. Trims whole exchanges, oldest first, and keeps system messages. The given
 * messages are not changed.
 *
 * Place: outside `tools`, whose loop then starts from a valid history; inside `alias`, so that the
 * model is known.
 *
 * Throws `BadRequestError` for a value that is no message, in strict mode for every defect.
 *
 * @example
 * const ai = createClient({ use: [history({ maxTokens: 8_000 })] })
 * const reply = await ai.generate({ model, messages: JSON.parse(await readFile('chat.json', 'utf8')) })
 */
export function history(options: HistoryOptions = {}): Middleware {
  const { mode = 'repair', maxTokens, exact = true } = options

  return requestLayer('history', (ctx) => {
    const repairs: string[] = []
    const messages = repaired(ctx.request.messages, (text) => repairs.push(text))
    if (mode === 'strict' && repairs.length > 0)
      throw new BadRequestError(
        `The history has defects. The mode 'repair' would fix them: ${repairs.join('; ')}`,
        {
          status: 400,
          code: 'invalid_history',
        },
      )
    for (const message of repairs) ctx.warn({ code: 'repaired', param: 'messages', message })
    if (messages !== ctx.request.messages) ctx.request = { ...ctx.request, messages }
    const limit = maxTokens === 'model' ? modelLimit(ctx) : maxTokens
    if (limit !== undefined) return keepWithin(ctx, limit, exact)
  })
}

/** The same array if nothing was repaired. */
function repaired(messages: readonly Message[], warn: (repair: string) => void) {
  const report = (repair: string, where: string) => warn(`${repair}: ${where}`)
  const invalid = (message: string, code: string) =>
    new BadRequestError(message, { status: 400, code })
  const sound = toMessages(normalize(messages, { report, invalid }).turns)
  const isSame = sound.length === messages.length && sound.every((one, i) => one === messages[i])
  return isSame ? messages : sound
}

/**
 * The context size minus the output limit; undefined if unknown, or if no provider knows the model.
 */
function modelLimit({ client, request }: RequestContext): number | undefined {
  try {
    const { contextTokens, maxOutputTokens = 4096 } = client.capabilities(request.model)
    const answer = request.max_completion_tokens ?? request.max_tokens ?? maxOutputTokens
    return contextTokens === undefined ? undefined : Math.max(0, contextTokens - answer)
  } catch {
    // a layer inside may still change the name; otherwise the end of the stack throws
    return undefined
  }
}

/** An estimate below this share of the limit is not verified. */
const surely = 0.6
/** Maximum counts by the provider, each a request. */
const mostCounts = 3

/** Leaves out the messages that do not fit. */
async function keepWithin(ctx: RequestContext, limit: number, exact: boolean): Promise<void> {
  let { request } = ctx
  let size = estimate(request)
  for (let counts = 0; ; ) {
    if (exact && counts++ < mostCounts && size.estimate > limit * surely)
      size = await count(ctx, request, size.estimate)
    if (size.tokens <= limit) break
    // trim() measures by our estimate, so the surplus is converted to it
    const surplus = Math.ceil((size.tokens - limit) * (size.estimate / size.tokens))
    const messages = trim(request.messages, surplus)
    if (messages === request.messages) break
    request = { ...request, messages }
    size = estimate(request, size.tokens / size.estimate)
  }
  warnOfSize(ctx, request, limit, size)
  ctx.request = request
}

interface Size {
  readonly estimate: number
  /** The estimate, corrected by the provider's count. */
  readonly tokens: number
  readonly isCounted?: true
}

function estimate(request: ChatRequest, correction = 1): Size {
  const tokens = estimatePromptTokens(request)
  return { estimate: tokens, tokens: Math.ceil(tokens * correction) }
}

/** The provider's count; our estimate if it has none, or fails. */
async function count(ctx: RequestContext, request: ChatRequest, estimate: number): Promise<Size> {
  const { tokens, estimated, error } = await ctx.client.countTokens(request)
  if (error !== undefined)
    ctx.warn({
      code: 'other',
      message: `The provider did not count the tokens, so they are estimated: ${String(error)}`,
    })
  return { estimate, tokens, ...(!estimated && { isCounted: true as const }) }
}

function warnOfSize(ctx: RequestContext, request: ChatRequest, limit: number, size: Size): void {
  const dropped = ctx.request.messages.length - request.messages.length
  const tokens = `${size.tokens} tokens${size.isCounted ? '' : ' (estimated)'}`
  if (dropped > 0)
    ctx.warn({
      code: 'changed',
      param: 'messages',
      message: `Dropped the oldest ${dropped} messages to stay within ${limit} tokens: now ${tokens}`,
    })
  if (size.tokens > limit)
    ctx.warn({
      code: 'other',
      param: 'messages',
      message: `The messages that cannot be trimmed have ${tokens}, more than the ${limit} allowed`,
    })
}
