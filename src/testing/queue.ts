/** The script while it is played: replies in order, and what is said after the last of them. */
import type { RecordedRequest } from './record.js'
import { fail, Reply } from './reply.js'

/** One step of a script: a reply, or what makes one of the request. */
export type Step = Reply | ((request: RecordedRequest) => Reply | Promise<Reply>)

export interface Queue {
  readonly left: number
  add(steps: readonly Step[]): void
  /** What is answered when the script has ended. */
  fallBackTo(step: Step): void
  /** The reply for this request. Never rejects: what goes wrong in the script is a reply with status 500. */
  next(request: RecordedRequest): Promise<Reply>
}

export function queueOf(script: Step | readonly Step[]): Queue {
  const steps: Step[] =
    script instanceof Reply || typeof script === 'function' ? [script] : [...script]
  let taken = 0
  let fallback: Step = (request) => ended(request, steps.length)
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
      try {
        return step instanceof Reply ? step : await step(request)
      } catch (error) {
        return mistake(`The script of the mock server threw: ${messageOf(error)}`)
      }
    },
  }
}

const ended = ({ index, method, path }: RecordedRequest, length: number) =>
  mistake(
    `The script of the mock server has ended: request ${index} (${method} ${path}) came after its ${length} replies. ` +
      'Add more with server.script(…), or say what comes then with server.reply(…).',
  )

/** A mistake in a test is no weather: official clients are told not to try again. */
export const mistake = (message: string): Reply =>
  fail(500, { message, code: 'mock_server', headers: { 'x-should-retry': 'false' } })

export const messageOf = (error: unknown) =>
  error instanceof Error ? error.message : String(error)
