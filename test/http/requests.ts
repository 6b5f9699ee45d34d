/** Requests to a handler, and what its streams say. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'

export const post = (body: unknown, init: RequestInit & { path?: string } = {}) =>
  new Request(`http://app.test${init.path ?? '/api/chat'}`, {
    method: 'POST',
    body:
      typeof body === 'string' || body instanceof Uint8Array
        ? (body as never)
        : JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  })

/** The events that are whole. */
export function eventsOf(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  createParser({ onEvent: (event) => events.push(event) }).feed(text)
  return events
}

export const dataOf = (text: string): string[] => eventsOf(text).map(({ data }) => data)

/** Something to wait for, and what ends the wait. */
export function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
