/** How long a provider may keep silent. */
import { defined, type Timeouts } from '../src/chat/index.js'
import { type Context, layer, type Middleware } from '../src/core/index.js'

/**
 * Limits on the silence of a provider, in milliseconds: until the headers (`headersMs`), between bytes (`idleBytesMs`,
 * any byte counts), between events that become chunks (`idleEventsMs`, pings and unknown events do not count). Each ends the attempt with
 * a `TimeoutError` that names its phase. They run around a pending read only: a slow consumer costs nothing.
 *
 * What the call's own `timeouts` say wins, then these options, then what is known of the model. Without either: 60 s
 * until the headers, 60 s between bytes, 300 s between events. In `generate` the headers come with the finished answer:
 * they have 600 s at least, and once they are there a body that stalls is ended as in a stream.
 *
 * Place: inside `retry`, so that a silent attempt is repeated, and inside `alias`, so that the model is known.
 *
 * @example
 * const ai = createClient({ use: [retry(), timeout({ headersMs: 20_000 })] })
 */
export function timeout(timeouts: Timeouts = {}): Middleware {
  return layer('timeout', (ctx, next) => {
    ctx.timeouts = {
      ...defaults(ctx),
      ...defined(ctx.timeouts),
      ...defined(timeouts),
      ...defined(ctx.options.timeouts ?? {}),
    }
    return next()
  })
}

const streaming = { headersMs: 60_000, idleBytesMs: 60_000, idleEventsMs: 300_000 }
const wholeAnswerMs = 600_000

function defaults(ctx: Context): Timeouts {
  const known = { ...streaming, ...defined(ofModel(ctx)) }
  return ctx.streaming ? known : { ...known, headersMs: Math.max(known.headersMs, wholeAnswerMs) }
}

/** A name that leads nowhere is for the end of the stack to refuse: a layer inside may still change it. */
function ofModel({ client, request }: Context): Timeouts {
  try {
    return client.capabilities(request.model).timeouts ?? {}
  } catch {
    return {}
  }
}
