/** An answer without a store: its one reader pulls it, and it goes no faster than that. */
import type { BaseHandlerOptions } from './options.js'
import type { Run } from './run.js'
import { type Answer, sourceOf } from './source.js'

export interface DirectOptions {
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  readonly isNumbered: boolean
  readonly onEnd: () => void
}

/** Makes the answer of a run that only this process knows. */
export function directAnswer(run: Run, { onDisconnect, isNumbered, onEnd }: DirectOptions): Answer {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = () => {
    clearTimeout(timer)
    onEnd()
  }
  const leave = () => {
    if (onDisconnect === 'cancel') run.abort()
    else if (onDisconnect !== 'finish') timer = setTimeout(() => run.abort(), onDisconnect.graceMs)
    void run.drain().then(end)
  }
  return {
    stop: () => run.stop(),
    async drop() {
      await run.drain()
      end()
    },
    read: () =>
      sourceOf({
        from: 0,
        isNumbered,
        onLeave: leave,
        async read() {
          const events = await run.next()
          if (!events) end()
          return events
        },
      }),
  }
}
