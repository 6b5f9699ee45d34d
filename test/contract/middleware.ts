/** The contract of every middleware. Run with `middlewareContract('retry', () => retry())`. */
import { expect, it } from 'vitest'
import { type CheckMiddlewareOptions, checkMiddleware } from '../../src/testing/index.js'

type Make = Parameters<typeof checkMiddleware>[0]

/** The suite for one middleware: `factory` creates a new one for each test. */
export function middlewareContract(
  name: string,
  factory: Make,
  options?: CheckMiddlewareOptions,
): void {
  it(`middleware contract: ${name}`, { timeout: 60_000 }, async () => {
    expect(await checkMiddleware(factory, { patienceMs: 20_000, ...options })).toEqual([])
  })
}
