/** How an answer ended that did not end by itself, in words for people. */
import type { End } from './answer.js'

interface Told {
  readonly name: string
  readonly message: string
  readonly retryAfterMs?: number
}

/** What we can say better than the server, by the name of the error's class. */
const words: Readonly<Record<string, string>> = {
  APIConnectionError: 'The server cannot be reached. Your message is kept.',
  NotFoundError: 'This answer is no longer at hand.',
  RateLimitError: 'That was a lot at once. A short break, and it goes on.',
  StreamInterruptedError: 'The answer was cut off.',
}

export function endOf(error: unknown): End {
  // the client throws errors of the package only
  const { name, message, retryAfterMs } = error as Told
  if (name === 'AbortError') return { type: 'stopped' }
  return {
    type: 'failed',
    message: words[name] ?? message,
    ...(retryAfterMs !== undefined && { waitMs: retryAfterMs }),
  }
}
