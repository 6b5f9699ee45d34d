/** A part of the package that the first call needing it imports; later calls do not wait. */
import type { Call } from './context.js'
import { AbortError, MisuseError, TimeoutError } from './errors.js'
import { onAbort } from './signals.js'
import { createWatch, type WatchPhase } from './timers.js'

export interface OnDemand<Part> {
  readonly isLoaded: boolean
  /** Throws `MisuseError` until `load` has resolved. */
  readonly part: Part
  /**
   * Undefined once loaded. Rejects with `MisuseError` (`not_loaded`), after which the next call
   * retries; with a call also with `AbortError`, and `TimeoutError` after its `headersMs`.
   */
  load(call?: Call): Promise<void> | undefined
}

export function onDemand<Part extends object>(importPart: () => Promise<Part>): OnDemand<Part> {
  let part: Part | undefined
  let loading: Promise<void> | undefined
  const start = async () => {
    try {
      part = await importPart()
    } catch (cause) {
      throw notLoaded(cause)
    } finally {
      loading = undefined
    }
  }
  return {
    get isLoaded() {
      return part !== undefined
    },
    get part() {
      if (part) return part
      throw notLoaded()
    },
    load(call) {
      if (part) return undefined
      loading ??= start()
      return call ? forCall(loading, call) : loading
    },
  }
}

/** A call that stops waiting does not cancel the import, which later calls use. */
const forCall = (loading: Promise<void>, call: Call) =>
  new Promise<void>((resolve, reject) => {
    const watch = createWatch(call.timeouts ?? {}, (phase) => reject(late(phase)))
    const release = onAbort(call, (cause) => reject(new AbortError(undefined, { cause })))
    watch.begin('headers')
    loading.then(resolve, reject).finally(() => {
      watch.close()
      release()
    })
  })

const notLoaded = (cause?: unknown) =>
  new MisuseError(
    'A part of tetrad that this call needs could not be loaded (see cause): deploy every file of the build, and restart the process if its files were replaced',
    { code: 'not_loaded', phase: 'request', cause },
  )

const late = (phase: WatchPhase) =>
  new TimeoutError('A part of tetrad that this call needs was not loaded in time', {
    code: 'timeout',
    phase,
  })
