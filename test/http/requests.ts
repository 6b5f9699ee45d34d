/** A handler over a scripted provider, requests to it, and what its streams say. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { createClient } from '../../src/client.js'
import { type BaseHandlerOptions, handler } from '../../src/http/web.js'
import { type ScriptedStep, scripted } from '../../src/testing/index.js'

/** An open route with one model, `fast`. */
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
