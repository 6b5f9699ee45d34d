/**
 * Runs calls in a child process and prints their outcome to stdout: for what only process start can
 * set.
 */
import { retry } from '../../middleware/retry.js'
import { createClient } from '../../src/client.js'
import { isTetradError } from '../../src/core/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { fakeClock } from '../middleware/fake-clock.js'

export interface CallOutcome {
  readonly name: string
  readonly code: string | undefined
  readonly retryable: boolean | undefined
  readonly text: string | undefined
  /** Node has loaded its undici by now. */
  readonly hasUndici: boolean
}

const [sender, ...urls] = process.argv.slice(2)

const outcomeOf = async (baseURL: string): Promise<Omit<CallOutcome, 'hasUndici'>> => {
  const fetch = sender === 'fetch' ? globalThis.fetch : undefined
  const ai = createClient({
    providers: [compatible({ name: 'acme', baseURL, fetch })],
    use: [retry({ clock: fakeClock({ jumps: true }) })],
  })
  const request = { model: 'acme/m', messages: [{ role: 'user', content: 'Hi' }] } as const
  try {
    const { text } = await ai.generate(request)
    return { name: 'ok', code: undefined, retryable: undefined, text }
  } catch (error) {
    if (!isTetradError(error)) throw error
    const { name, code, retryable } = error
    return { name, code, retryable, text: undefined }
  }
}

const outcomes: CallOutcome[] = []
for (const url of urls) {
  const outcome = await outcomeOf(url)
  const hasUndici = Symbol.for('undici.globalDispatcher.1') in globalThis
  outcomes.push({ ...outcome, hasUndici })
}
console.log(JSON.stringify(outcomes))
