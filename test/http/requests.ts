/** A handler over a scripted provider, requests to it, and the events of its streams. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { createClient } from '../../src/client.js'
import { type BaseHandlerOptions, handler } from '../../src/http/web.js'
import { type ScriptedStep, scripted } from '../../src/testing/index.js'

/** A public route with one model, `fast`. */
export function setUp(
  script: ScriptedStep | ScriptedStep[],
  options: Partial<BaseHandlerOptions<{}>> = {},
) {
  const provider = scripted(script)
  const ai = createClient({ providers: [provider] })
  const settings = { public: true as const, models: { fast: 'scripted/any' }, ...options }
  return { provider, ai, settings, handle: handler(ai, settings) }
}

export const hello = { messages: [{ role: 'user', content: 'Hi' }] }

export const codeOf = async (response: Response): Promise<string> =>
  (await response.json()).error.code

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

/** The complete events. */
export function eventsOf(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  createParser({ onEvent: (event) => events.push(event) }).feed(text)
  return events
}

export const dataOf = (text: string): string[] => eventsOf(text).map(({ data }) => data)

/** A promise, and the function that resolves it. */
export function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
