/** What the client does on the offline and online events of a page. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createBrowserClient } from '../../src/browser/index.js'
import { backoffMs, wait } from '../../src/browser/wait.js'
import { eventsOf, finish, rest, serve, start, stream, text } from './support.js'

/** The members of a window that the client uses. */
function stubPage() {
  const page = new EventTarget()
  const listeners = new Set<unknown>()
  const state = { onLine: true }
  vi.stubGlobal('navigator', state)
  vi.stubGlobal('addEventListener', (type: string, listener: () => void) => {
    listeners.add(listener)
    page.addEventListener(type, listener)
  })
  vi.stubGlobal('removeEventListener', (type: string, listener: () => void) => {
    listeners.delete(listener)
    page.removeEventListener(type, listener)
  })
  const go = (type: 'online' | 'offline') => {
    state.onLine = type === 'online'
    page.dispatchEvent(new Event(type))
  }
  return { go, listeners }
}

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const never = new AbortController().signal

describe('the wait', () => {
  it('ends after its time', async () => {
    vi.useFakeTimers()
    const waiting = wait(1000, never)
    await vi.advanceTimersByTimeAsync(1000)
    await waiting
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends when the network is back, and not before', async () => {
    vi.useFakeTimers()
    const { go, listeners } = stubPage()
    go('offline')
    let isOver = false
    const waiting = wait(1000, never).then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(isOver).toBe(false)
    go('online')
    await waiting
    expect(listeners.size).toBe(0)
  })

  it('ends with an abort, even an earlier one, and leaves nothing behind', async () => {
    vi.useFakeTimers()
    const { listeners } = stubPage()
    const controller = new AbortController()
    const waiting = wait(1000, controller.signal)
    controller.abort()
    await waiting
    await wait(1000, controller.signal)
    expect(listeners.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('grows to ten seconds, half of it random', () => {
    const of = (random: number) =>
      [0, 1, 2, 5, 9, 99].map((tries) => backoffMs(tries, () => random))
    expect(of(0)).toEqual([125, 250, 500, 4000, 5000, 5000])
    expect(of(1)).toEqual([250, 500, 1000, 8000, 10_000, 10_000])
  })
})

describe('a page that goes offline', () => {
  it('drops its connection at once, and resumes when it is online', async () => {
    const { go, listeners } = stubPage()
    const chunks = [start, text('Hel'), text('lo'), finish]
    const events = eventsOf([...chunks, '[DONE]'])
    const server = await serve(stream(events.slice(0, 2), 'open'), rest(events))
    const ai = createBrowserClient({ url: server.url })
    const seen: unknown[] = []
    for await (const chunk of ai.stream({ messages: [] })) {
      seen.push(chunk)
      if (seen.length !== 2) continue
      // the client waits for more events, then for the network
      setImmediate(() => {
        go('offline')
        setImmediate(() => setImmediate(go, 'online'))
      })
    }
    await server.close()
    expect(seen).toEqual(chunks)
    expect(server.seen).toHaveLength(2)
    expect(listeners.size).toBe(0)
  })
})
