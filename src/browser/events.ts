/** The events of one body, one array for each network read; a body that falls silent is given up. */
import { onNetwork } from './wait.js'

export interface ServerEvent {
  readonly id?: string
  readonly data?: string
}

/**
 * Reads a body to its end; an event that was cut is left out. It ends too when nothing came for so long, comments
 * included, or the network is gone: a read would wait for ever.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<readonly ServerEvent[]> {
  const parse = eventParser()
  const decoder = new TextDecoder()
  const reader = body.getReader()
  // ends the pending read
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
    // read to its end, so that the connection can be used again; a body that does not end is not waited for
    const timer = setTimeout(giveUp, 1_000)
    reader
      .read()
      .then(giveUp, giveUp)
      .finally(() => clearTimeout(timer))
  }
}

/**
 * Gives the events that each piece of text completes: `id` and `data`, as a route sends them. Other fields, comments and
 * lone CRs as line ends, which no route has, are not read: a parser for any server is a fifth of what a page would load.
 */
export function eventParser(): (text: string) => readonly ServerEvent[] {
  let line = ''
  let event: { id?: string; data?: string } = {}
  return (text) => {
    const events: ServerEvent[] = []
    const lines = text.split('\n')
    lines.forEach((piece, index) => {
      line += piece
      // the end of the last one is still to come
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
