/** An answer without a store: its one reader pulls it, and it goes no faster than that. */
import type { BaseHandlerOptions } from '../options.js'
import type { EventStream } from './events.js'
import { createReader, type StreamSession } from './reader.js'

export interface DirectSessionOptions {
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  readonly isNumbered: boolean
  readonly onEnd: () => void
  /** Gets the whole of it, at once: when its reader leaves the platform may listen no more. */
  readonly defer: (work: Promise<unknown>) => void
}

/** Makes the answer of a run that only this process knows. */
export function directSession(
  eventStream: EventStream,
  { onDisconnect, isNumbered, onEnd, defer }: DirectSessionOptions,
): StreamSession {
  let timer: ReturnType<typeof setTimeout> | undefined
  let settle: (work?: Promise<void>) => void = () => {}
  defer(
    new Promise<void>((resolve) => {
      settle = resolve
    }),
  )
  const end = () => {
    clearTimeout(timer)
    onEnd()
    settle()
  }
  const leave = () => {
    if (onDisconnect === 'cancel') eventStream.abort()
    else if (onDisconnect !== 'finish')
      timer = setTimeout(() => eventStream.abort(), onDisconnect.graceMs)
    settle(eventStream.drain().finally(end))
  }
  return {
    stop: () => eventStream.stop(),
    async drop() {
      await eventStream.drain().finally(end)
    },
    read: () =>
      createReader({
        from: 0,
        isNumbered,
        onLeave: leave,
        async read() {
          const events = await eventStream.next()
          if (!events) end()
          return events
        },
      }),
  }
}
