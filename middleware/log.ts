/** Writes one structured line a call to the log of the app. */
import { type Attempt, type ChatRequest, defined, type Message } from '../src/chat/index.js'
import {
  type Context,
  isTetradError,
  layer,
  type Middleware,
  MisuseError,
} from '../src/core/index.js'

/** Accepts a line: `console`, pino, winston, or anything of that shape. */
export interface LogTarget {
  info(line: unknown): unknown
  error(line: unknown): unknown
}

type Show = (text: string) => string

export interface LogOptions {
  /** A console gets each line as JSON text, anything else as an object. @default console */
  readonly to?: LogTarget | undefined
  /**
   * Adds the content of messages: each text is passed through this function first. `(text) => text`
   * logs all. Images and files are left out.
   * @default no content is logged
   */
  readonly content?: Show | undefined
  /** Monotonic milliseconds, for tests. @default performance.now */
  readonly now?: (() => number) | undefined
}

/** Contains no keys, and no texts unless `content` is set. */
export interface LogLine {
  readonly message: 'chat'
  readonly id: string
  readonly status: 'ok' | 'failed' | 'aborted'
  readonly streaming: boolean
  /** The model requested at this place. */
  readonly model: string
  /** The provider that answered. */
  readonly provider?: string | undefined
  readonly answered_by?: string | undefined
  readonly request_id?: string | undefined
  readonly finish_reason?: string | undefined
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  /** USD. */
  readonly cost?: number | undefined
  readonly estimated?: true | undefined
  readonly total_ms: number
  /** Of the last attempt. */
  readonly first_chunk_ms?: number | undefined
  readonly attempts: readonly LoggedAttempt[]
  /** Parameters that were dropped or changed. */
  readonly dropped_params?: readonly string[] | undefined
  readonly error?: LoggedError | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Only with `content`. */
  readonly messages?: readonly LoggedMessage[] | undefined
  readonly answer?: LoggedMessage | undefined
}

export interface LoggedMessage {
  readonly role: string
  readonly text?: string | undefined
  readonly tool_calls?: readonly { readonly name: string; readonly arguments: string }[] | undefined
}

export interface LoggedAttempt {
  readonly provider: string
  readonly model: string
  readonly status: Attempt['status']
  readonly total_ms?: number | undefined
  readonly error?: string | undefined
}

/** Without the message, which may quote content. */
export interface LoggedError {
  readonly name: string
  readonly status?: number | undefined
  readonly code?: string | undefined
  readonly phase?: string | undefined
}

/**
 * Logs a line at every end of a call: `info` for answers and aborts, `error` for failures. A log
 * that throws does not fail the call.
 *
 * Throws `MisuseError` at construction for a target without `info` and `error`, and for a `content`
 * that is no function.
 *
 * Place: outermost it reports calls as the app made them; inside `retry`, each attempt.
 *
 * @example
 * const ai = createClient({ use: [log({ to: pino(), content: (text) => text.slice(0, 200) })] })
 */
export function log(options: LogOptions = {}): Middleware {
  const { to = console, content, now = () => performance.now() } = options
  // checked here because `write` ignores a line that fails
  if (typeof to?.info !== 'function' || typeof to.error !== 'function')
    throw new MisuseError('`to` of log() must have info() and error(): a console, pino, winston')
  if (content !== undefined && typeof content !== 'function')
    throw new MisuseError('`content` of log() must be a function: (text) => text shows all')

  return layer('log', async (ctx, next) => {
    const { request } = ctx
    const started = now()
    let failure: { readonly error: unknown } | undefined
    try {
      await next()
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      write(to, () => toLine({ ctx, request, failure, total_ms: now() - started }, content))
    }
  })
}

/** A failure of the log does not fail the call. */
function write(to: LogTarget, make: () => LogLine): void {
  const send = async () => {
    const line = make()
    await to[line.status === 'failed' ? 'error' : 'info'](
      isConsole(to) ? JSON.stringify(line) : line,
    )
  }
  send().catch(() => {})
}

const isConsole = (to: LogTarget): boolean => 'table' in to && 'dir' in to

interface Outcome {
  readonly ctx: Context
  readonly request: ChatRequest
  readonly failure: { readonly error: unknown } | undefined
  readonly total_ms: number
}

function toLine(outcome: Outcome, content: Show | undefined): LogLine {
  const { ctx, request, failure, total_ms } = outcome
  const answer = ctx.response ?? ctx.partial
  const last = ctx.attempts.at(-1)
  const { prompt_tokens, completion_tokens, total_tokens, cost, estimated } = ctx.usage
  return defined({
    message: 'chat' as const,
    id: ctx.id,
    status: statusOf(outcome),
    streaming: ctx.streaming,
    model: request.model,
    provider: answer?.provider ?? last?.provider,
    answered_by: answer?.model ?? last?.model,
    request_id: answer?.request_id ?? last?.request_id,
    finish_reason: ctx.response?.finish_reason,
    prompt_tokens,
    completion_tokens,
    total_tokens,
    cost: answer?.usage.cost ?? cost,
    estimated,
    total_ms: Math.round(total_ms),
    first_chunk_ms: rounded(last?.first_chunk_ms),
    attempts: ctx.attempts.map(toLoggedAttempt),
    dropped_params: droppedParams(ctx),
    error: failure && toLoggedError(failure.error),
    tags: ctx.options.tags,
    ...(content && loggedContent(request.messages, answer?.message, content)),
  })
}

const rounded = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms))

function statusOf({ ctx, failure }: Outcome): LogLine['status'] {
  if (!failure) return 'ok'
  return ctx.signal.aborted || nameOf(failure.error) === 'AbortError' ? 'aborted' : 'failed'
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error)

const toLoggedAttempt = ({ provider, model, status, total_ms, error }: Attempt): LoggedAttempt =>
  defined({
    provider,
    model,
    status,
    total_ms: rounded(total_ms),
    error: error === undefined ? undefined : nameOf(error),
  })

function toLoggedError(error: unknown): LoggedError {
  const name = nameOf(error)
  if (!isTetradError(error)) return { name }
  const { status, code, phase } = error
  return defined({ name, status, code, phase })
}

function droppedParams(ctx: Context): readonly string[] | undefined {
  const warnings = [
    ...(ctx.response?.warnings ?? []),
    ...ctx.attempts.flatMap((attempt) => attempt.warnings),
  ]
  const params = new Set(warnings.flatMap(({ code, param }) => (codes.has(code) && param) || []))
  return params.size > 0 ? [...params] : undefined
}

const codes: ReadonlySet<string> = new Set(['dropped', 'changed', 'ignored'])

// ---- Content, with `content` only ---------------------------------------------------------------

/** If the content function throws, the line is logged without content. */
function loggedContent(messages: readonly Message[], answer: Message | undefined, show: Show) {
  try {
    return {
      messages: messages.map((message) => toLoggedMessage(message, show)),
      answer: answer && toLoggedMessage(answer, show),
    }
  } catch {
    return {}
  }
}

function toLoggedMessage(message: Message, show: Show): LoggedMessage {
  const text = textOf(message.content)
  const calls = message.role === 'assistant' ? message.tool_calls : undefined
  return defined({
    role: message.role,
    text: text === '' ? undefined : show(text),
    tool_calls: calls?.map((call) =>
      call.type === 'function'
        ? { name: call.function.name, arguments: show(call.function.arguments) }
        : { name: call.custom.name, arguments: show(call.custom.input) },
    ),
  })
}

function textOf(content: Message['content']): string {
  if (typeof content === 'string') return content
  return (content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}
