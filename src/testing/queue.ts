/** The running script: replies in order, and the reply after the last one. */
import type { RecordedRequest } from './record.js'
import { Reply } from './reply.js'

/** One step of a script: a reply, or a function that returns one for the request. */
export type Step<Request = RecordedRequest> = Reply | ((request: Request) => Reply | Promise<Reply>)

export interface Queue<Request> {
  /** Number of unused replies. */
  readonly left: number
  add(steps: readonly Step<Request>[]): void
  /** Sets the reply after the end of the script. */
  fallBackTo(step: Step<Request>): void
  /**
   * The reply for this request. Throws what a step throws, and `ScriptEndedError` if there is none.
   */
  next(request: Request): Promise<Reply>
}

/** The script has no reply for a request. */
export class ScriptEndedError extends Error {
  override readonly name = 'ScriptEndedError'
}

export function queueOf<Request>(script: Step<Request> | readonly Step<Request>[]): Queue<Request> {
  const isOne = script instanceof Reply || typeof script === 'function'
  const steps: Step<Request>[] = isOne ? [script] : [...script]
  let taken = 0
  let fallback: Step<Request> = () => {
    throw new ScriptEndedError(
      `The script has ended: its ${steps.length} replies are used up. ` +
        'Add more with script(…), or set what follows with reply(…).',
    )
  }
  return {
    get left() {
      return steps.length - taken
    },
    add: (more) => void steps.push(...more),
    fallBackTo: (step) => {
      fallback = step
    },
    async next(request) {
      const step = steps[taken] ?? fallback
      if (taken < steps.length) taken++
      return step instanceof Reply ? step : step(request)
    },
  }
}
