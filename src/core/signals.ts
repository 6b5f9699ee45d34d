/** Listeners on what ends a call: one on a signal, however many calls share it. */
import type { Call } from './context.js'

interface Hub {
  readonly listeners: Set<() => void>
  readonly fire: () => void
}

const hubs = new WeakMap<AbortSignal, Hub>()

/** Calls `listener` once when the signal fires; returns what takes it off again. */
export function listen(signal: AbortSignal, listener: () => void): () => void {
  const hub = hubs.get(signal) ?? open(signal)
  hub.listeners.add(listener)
  return () => {
    if (!hub.listeners.delete(listener) || hub.listeners.size > 0) return
    signal.removeEventListener('abort', hub.fire)
    if (hubs.get(signal) === hub) hubs.delete(signal)
  }
}

function open(signal: AbortSignal): Hub {
  const listeners = new Set<() => void>()
  const hub: Hub = {
    listeners,
    fire: () => {
      hubs.delete(signal)
      for (const listener of [...listeners]) listener()
    },
  }
  hubs.set(signal, hub)
  signal.addEventListener('abort', hub.fire, { once: true })
  return hub
}

/** One listener on the end of a call, which most have without a signal. Returns what takes it off. */
export function onAbort(call: Call, listener: (reason: unknown) => void): () => void {
  if (call.onAbort) return call.onAbort(listener)
  const { signal } = call
  const fire = () => listener(signal.reason)
  if (signal.aborted) fire()
  else signal.addEventListener('abort', fire, { once: true })
  return () => signal.removeEventListener('abort', fire)
}
