/** Abort listeners: one on a signal, however many calls share it. */
import type { Call } from './context.js'

interface Hub {
  readonly listeners: Set<() => void>
  readonly fire: () => void
}

const hubs = new WeakMap<AbortSignal, Hub>()

/** Calls `listener` once when the signal fires; returns a function that removes it. */
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

/**
 * Adds one listener for the abort of a call, without a signal if possible. Returns a function that
 * removes it.
 */
export function onAbort(call: Call, listener: (reason: unknown) => void): () => void {
  if (call.onAbort) return call.onAbort(listener)
  const { signal } = call
  const fire = () => listener(signal.reason)
  if (signal.aborted) fire()
  else signal.addEventListener('abort', fire, { once: true })
  return () => signal.removeEventListener('abort', fire)
}
