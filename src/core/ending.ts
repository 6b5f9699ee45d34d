/**
 * How something is ended from outside: the fault, its listeners, and a signal created on demand.
 */

/**
 * A fault that occurs at most once. Creates no `AbortSignal` unless one is read: Node retains each,
 * with all that its listeners reference, over many minor collections.
 */
export class Ending<Fault extends Error = Error> {
  /** Why it was ended from outside. */
  fault: Fault | undefined
  private controller: AbortController | undefined
  private listeners: Set<(fault: Fault) => void> | undefined

  /** Fires when this is ended. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.fault) this.controller.abort(this.fault)
    }
    return this.controller.signal
  }

  /**
   * Calls back when this is ended, at once if it already was; returns a function that removes the
   * listener.
   */
  onEnd(listener: (fault: Fault) => void): () => void {
    if (this.fault) listener(this.fault)
    else this.listeners = (this.listeners ?? new Set()).add(listener)
    return () => this.listeners?.delete(listener)
  }

  end(fault: Fault): void {
    if (this.fault) return
    this.fault = fault
    this.controller?.abort(fault)
    for (const listener of [...(this.listeners ?? [])]) listener(fault)
  }

  /** Removes all listeners. */
  protected forget(): void {
    this.listeners = undefined
  }
}
