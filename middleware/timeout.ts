/** Limits the silence of a provider. */
import { defined, type Timeouts } from '../src/chat/index.js'
import { type Middleware, type RequestContext, requestLayer } from '../src/core/index.js'

/**
 * Limits the silence of a provider, in milliseconds: until the headers (`headersMs`), between bytes
 * (`idleBytesMs`, any byte counts), between events that become chunks (`idleEventsMs`, pings and
 * unknown events do not count). Each ends the attempt with a `TimeoutError` that names its phase.
 * They run during a pending read only: a slow consumer does not count.
 *
 * The call's own `timeouts` win, then these options, then the defaults of the model. Without any:
 * 60 s until the headers, 60 s between bytes, 300 s between events. In `generate` the headers
 * arrive with the finished answer: they have at least 600 s, and after them a stalled body ends as
 * in a stream.
 *
 * Place: inside `retry`, so that a silent attempt is repeated, and inside `alias`, so that the
 * model is known.
 *
 * @example
 * const ai = createClient({ use: [retry(), timeout({ headersMs: 20_000 })] })
 */
export function timeout(timeouts: Timeouts = {}): Middleware {
  return requestLayer('timeout', (ctx) => {
    ctx.timeouts = {
      ...defaults(ctx),
      ...defined(ctx.timeouts),
      ...defined(timeouts),
      ...defined(ctx.options.timeouts ?? {}),
    }
  })
}

const streaming = { headersMs: 60_000, idleBytesMs: 60_000, idleEventsMs: 300_000 }
const wholeAnswerMs = 600_000

function defaults(ctx: RequestContext): Timeouts {
  const known = { ...streaming, ...defined(ofModel(ctx)) }
  return ctx.streaming ? known : { ...known, headersMs: Math.max(known.headersMs, wholeAnswerMs) }
}

/** An unknown name is refused at the end of the stack: a layer inside may still change it. */
function ofModel({ client, request }: RequestContext): Timeouts {
  try {
    return client.capabilities(request.model).timeouts ?? {}
  } catch {
    return {}
  }
}
