/** The events of one body, one array per network read; gives up on a body that stays silent. */
import { onNetwork } from './wait.js'

export interface ServerEvent {
  readonly id?: string
  readonly data?: string
}

/**
 * Reads a body to its end; an incomplete last event is dropped. Also ends after `silenceMs` without
 * data, comments included, and when the network is gone, where a read would never settle.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<readonly ServerEvent[]> {
  const parse = eventParser()
  const decoder = new TextDecoder()
  const reader = body.getReader()
  // canceling ends the pending read
  const giveUp = () => void reader.cancel().catch(() => {})
  const stop = onNetwork('offline', giveUp)
  try {
    for (;;) {
      const timer = setTimeout(giveUp, silenceMs)
      const { done, value } = await reader.read().finally(() => clearTimeout(timer))
      if (done) return
      const events = parse(decoder.decode(value, { stream: true }))
      if (events.length > 0) yield events
    }
  } finally {
    stop()
    // reading to the end lets the connection be reused; gives up after 1 s
    const timer = setTimeout(giveUp, 1_000)
    reader
      .read()
      .then(giveUp, giveUp)
      .finally(() => clearTimeout(timer))
  }
}

/**
 * Returns the events that each piece of text completes: `id` and `data`, which are all a route
 * sends. Other fields, comments and lone CRs as line ends are not read: a complete parser would be
 * a fifth of the client's size.
 */
export function eventParser(): (text: string) => readonly ServerEvent[] {
  let line = ''
  let event: { id?: string; data?: string } = {}
  return (text) => {
    const events: ServerEvent[] = []
    const lines = text.split('\n')
    lines.forEach((piece, index) => {
      line += piece
      // the last line is still incomplete
      if (index === lines.length - 1) return
      const [, field, value = ''] = /^(id|data)(?:: ?(.*?))?\r?$/s.exec(line) ?? []
      if (field === 'id') event.id = value
      else if (field) event.data = event.data === undefined ? value : `${event.data}\n${value}`
      else if (/^\r?$/.test(line)) {
        if (event.data !== undefined) events.push(event)
        event = {}
      }
      line = ''
    })
    return events
  }
}
