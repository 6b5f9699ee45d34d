/** The attempts made at one place of the stack, and the sum of their usage. */
import type { Attempt, Usage } from '../chat/index.js'
import { addUsage, emptyUsage } from '../chat/index.js'

/** Attempts made at one place, and at all places inside it. */
export class Ledger {
  readonly attempts: Attempt[] = []

  constructor(private readonly outer?: Ledger) {}

  add(attempt: Attempt): void {
    this.attempts.push(attempt)
    this.outer?.add(attempt)
  }

  get usage(): Usage {
    return (
      this.attempts.reduce<Usage | undefined>(
        (sum, { usage }) => addUsage(sum, usage),
        undefined,
      ) ?? emptyUsage
    )
  }
}
