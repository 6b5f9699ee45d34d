/** E: a route between a browser and the provider. */
import { handler } from '../../../src/http/node.js'
import { serve } from '../../http/support.js'
import type { Caller, Expectation, Row, Setting } from '../row.js'
import { usageBehindWords } from './framing.js'
import { eventsFor, whole, words } from './replies.js'

const isStream = ({ mode }: Setting) => mode === 'stream'
const three = words.slice(0, 3).join('')

/** How a browser may handle the response of a route. */
interface Visit {
  readonly response: Promise<Response>
  /** Resolves when the provider has received the request. */
  readonly asked: Promise<void>
  leave(): void
}

/** Runs a route over the client of the row until its call has ended. */
const visiting =
  (visit: (visit: Visit) => Promise<void>): Caller =>
  async ({ ai, request, server }) => {
    const chat = handler(ai, { public: true, models: { any: request.model } })
    let over: Promise<unknown> = Promise.resolve()
    const route = await serve((incoming, outgoing) => {
      over = chat(incoming, outgoing)
    })
    const gone = new AbortController()
    const response = fetch(route.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: request.messages }),
      signal: gone.signal,
    })
    try {
      await visit({ response, asked: server.arrived(1), leave: () => gone.abort() })
      await over
    } finally {
      await route.close()
    }
    return { chunks: [], hasLeft: true }
  }

/** The words in the events so far. */
const textIn = (events: string) =>
  [...events.matchAll(/"type":"text-delta","text":"([^"]*)"/g)].map(([, text]) => text).join('')

const leavesBehindWords = visiting(async ({ response, leave }) => {
  let events = ''
  const decoder = new TextDecoder()
  try {
    for await (const bytes of (await response).body ?? []) {
      events += decoder.decode(bytes as Uint8Array, { stream: true })
      if (textIn(events) === three) leave()
    }
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error
  }
})

const leavesEarly = visiting(async ({ response, asked, leave }) => {
  await asked
  leave()
  await response.catch(() => {})
})

/** The last event of a body that ends properly, in which the route reports the failure. */
const failing = (code: string) =>
  visiting(async ({ response }) => {
    const body = await (await response).text()
    if (body.includes(canary)) throw new Error('words of the provider reached the browser')
    if (textIn(body) !== three) throw new Error(`the browser has '${textIn(body)}'`)
    const last =
      body
        .trim()
        .split('\n')
        .findLast((line) => line.startsWith('data: {')) ?? ''
    const event = JSON.parse(last.slice('data: '.length))
    if (event.type !== 'error' || event.error.code !== code) throw new Error(`ended with ${last}`)
  })

const canary = 'node-7.internal of org-canary'

const routed = (setting: Setting): Expectation => ({
  requests: 1,
  words: 0,
  usage: usageBehindWords(setting),
})

export const routeRows: readonly Row[] = [
  {
    id: 'E1',
    fault: 'The browser leaves behind three words',
    outcome: 'the call ends, its socket is closed',
    only: isStream,
    answers: ({ name }) => [whole.stall(eventsFor(name, 3))],
    caller: leavesBehindWords,
    expect: routed,
  },
  {
    id: 'E2',
    fault: 'The browser leaves before the provider answers',
    outcome: 'the call ends, its socket is closed',
    only: isStream,
    answers: () => [() => {}],
    caller: leavesEarly,
    expect: { requests: 1, words: 0, usage: 'counted' },
  },
  {
    id: 'E3',
    fault: 'The provider resets its connection behind three words',
    outcome: 'the words, then an `error` event `interrupted`',
    only: isStream,
    answers: ({ name }) => [whole.cut(eventsFor(name, 3), 'reset')],
    caller: failing('interrupted'),
    expect: routed,
  },
  {
    id: 'E4',
    fault: 'The body of the provider ends behind three words',
    outcome: 'the words, then an `error` event `interrupted`',
    only: isStream,
    answers: ({ name }) => [whole.cut(eventsFor(name, 3), 'end')],
    caller: failing('interrupted'),
    expect: routed,
  },
  {
    id: 'E5',
    fault: 'An error event of the provider behind three words',
    outcome:
      'the words, then an `error` event `provider_unavailable` without the words of the provider',
    only: isStream,
    answers: ({ name }) => [whole.failAfter(eventsFor(name, 3), 'overloaded', { message: canary })],
    caller: failing('provider_unavailable'),
    expect: routed,
  },
]
