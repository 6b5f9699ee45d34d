/** How something is ended from outside, as those inside see it: the fault, its listeners, a signal for who asks for one. */

/**
 * A fault that comes once. Most that ends by itself needs no `AbortSignal`, and pays for none: Node keeps each one, with
 * all that its listeners hold, over many young collections.
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

  /** Calls back when this is ended, at once where it was; returns what takes the listener off. */
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

  /** Nobody is told any more. */
  protected forget(): void {
    this.listeners = undefined
  }
}
