/** A part of the package that the first call in need of it imports; later calls read it without a wait. */
import type { Timeouts } from '../chat/index.js'
import { createWatch, MisuseError, TimeoutError } from '../core/index.js'

export interface OnDemand<Part> {
  /** Throws `MisuseError` before `load` has resolved. */
  readonly part: Part
  /**
   * Undefined once it is there. Rejects with `MisuseError` (`not_loaded`), after which the next call tries again, and with
   * `TimeoutError` after `headersMs`.
   */
  load(timeouts?: Timeouts): Promise<void> | undefined
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
    get part() {
      if (part) return part
      throw notLoaded()
    },
    load(timeouts = {}) {
      if (part) return undefined
      loading ??= start()
      return inTime(loading, timeouts)
    },
  }
}

const inTime = (loading: Promise<void>, timeouts: Timeouts) =>
  new Promise<void>((resolve, reject) => {
    const watch = createWatch(timeouts, (phase) => reject(lateLoad(phase)))
    watch.begin('headers')
    loading.then(resolve, reject).finally(watch.close)
  })

const notLoaded = (cause?: unknown) =>
  new MisuseError(
    'A part of tetrad that this call needs could not be loaded (see cause): deploy every file of the build, and start the process anew where its files were replaced',
    { code: 'not_loaded', phase: 'request', cause },
  )

const lateLoad = (phase: 'headers' | 'idle-bytes' | 'idle-events') =>
  new TimeoutError('A part of tetrad that this call needs was not loaded in time', {
    code: 'timeout',
    phase,
  })
