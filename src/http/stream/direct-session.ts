/** An answer without a store: pulled by its single reader, at that reader's pace. */
import type { BaseHandlerOptions } from '../options.js'
import type { EventStream } from './events.js'
import { createReader, type StreamSession } from './reader.js'

export interface DirectSessionOptions {
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  readonly isNumbered: boolean
  readonly onEnd: () => void
  /** Registers the whole work at the start: after a disconnect the platform may accept no more. */
  readonly defer: (work: Promise<unknown>) => void
}

/** Creates a session that exists in this process only. */
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
