/** An answer without a store: its one reader pulls it, and it goes no faster than that. */
import type { BaseHandlerOptions } from '../options.js'
import type { EventStream } from './events.js'
import { createReader, type StreamSession } from './reader.js'

export interface DirectSessionOptions {
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  readonly isNumbered: boolean
  readonly onEnd: () => void
}

/** Makes the answer of a run that only this process knows. */
export function directSession(
  eventStream: EventStream,
  { onDisconnect, isNumbered, onEnd }: DirectSessionOptions,
): StreamSession {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = () => {
    clearTimeout(timer)
    onEnd()
  }
  const leave = () => {
    if (onDisconnect === 'cancel') eventStream.abort()
    else if (onDisconnect !== 'finish')
      timer = setTimeout(() => eventStream.abort(), onDisconnect.graceMs)
    void eventStream.drain().then(end)
  }
  return {
    stop: () => eventStream.stop(),
    async drop() {
      await eventStream.drain()
      end()
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
