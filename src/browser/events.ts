/** The events of one body, one array for each network read; a body that falls silent is given up. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { dropped } from './errors.js'
import { onNetwork } from './wait.js'

/**
 * Reads a body to its end; an event that was cut is left out. Throws `StreamInterruptedError` when nothing came for so
 * long, comments too, or the network is gone: a read would wait for ever.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<readonly EventSourceMessage[]> {
  let events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => void events.push(event) })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let isGone = false
  const giveUp = () => {
    isGone = true
    // ends the pending read
    reader.cancel().catch(() => {})
  }
  const stop = onNetwork('offline', giveUp)
  try {
    for (;;) {
      const timer = setTimeout(giveUp, silenceMs)
      const { done, value } = await reader.read().finally(() => clearTimeout(timer))
      if (isGone) throw dropped()
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      if (events.length > 0) yield events
      events = []
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
