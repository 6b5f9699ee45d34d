import { describe, expect, test } from 'vitest'
import {
  AbortError,
  type Call,
  isTetradError,
  MisuseError,
  TimeoutError,
} from '../../src/core/index.js'
import { onDemand } from '../../src/core/on-demand.js'

interface Part {
  readonly answer: number
}

interface Gate {
  readonly resolve: (part: Part) => void
  readonly reject: (error: Error) => void
}

/** A part whose import the test resolves. */
function gated() {
  const waiting: Gate[] = []
  const importPart = () =>
    new Promise<Part>((resolve, reject) => {
      waiting.push({ resolve, reject })
    })
  return { waiting, holder: onDemand(importPart) }
}

const ignore = () => {}
const call: Call = {
  signal: new AbortController().signal,
  warn: ignore,
  onResponse: ignore,
  onUsage: ignore,
}

describe('a part that is imported on first use', () => {
  test('is imported once for all who wait for it, and read synchronously from then on', async () => {
    const { waiting, holder } = gated()
    const both = [holder.load(), holder.load()]
    expect(waiting).toHaveLength(1)
    waiting[0]?.resolve({ answer: 42 })
    await Promise.all(both)
    expect(holder.load()).toBeUndefined()
    expect(holder.part.answer).toBe(42)
    expect(waiting).toHaveLength(1)
  })

  test('is a typed error with the remedy if it cannot be imported, and is imported again later', async () => {
    const { waiting, holder } = gated()
    const both = [holder.load(), holder.load()].map((loading) => loading?.catch((error) => error))
    waiting[0]?.reject(new Error('Cannot find module chunk-1.js'))
    for (const error of await Promise.all(both)) {
      expect(error).toBeInstanceOf(MisuseError)
      expect(isTetradError(error) && error.code).toBe('not_loaded')
      expect(error.message).toMatch(/deploy every file of the build/)
    }
    const again = holder.load()
    expect(waiting).toHaveLength(2)
    waiting[1]?.resolve({ answer: 42 })
    await again
    expect(holder.part.answer).toBe(42)
  })

  test('is awaited no longer than the headers of a response', async () => {
    const { waiting, holder } = gated()
    const late = holder.load({ ...call, timeouts: { headersMs: 1 } })
    await expect(late).rejects.toBeInstanceOf(TimeoutError)
    await expect(late).rejects.toMatchObject({ phase: 'headers' })
    // the import continues, and serves later calls
    waiting[0]?.resolve({ answer: 42 })
    await holder.load()
    expect(waiting).toHaveLength(1)
  })

  test('is awaited until the call is aborted', async () => {
    const { waiting, holder } = gated()
    const controller = new AbortController()
    const loading = holder.load({ ...call, signal: controller.signal })
    controller.abort('enough')
    await expect(loading).rejects.toBeInstanceOf(AbortError)
    waiting[0]?.resolve({ answer: 42 })
    await holder.load()
    expect(waiting).toHaveLength(1)
  })

  test('is not loaded before', () => {
    expect(() => gated().holder.part).toThrow(MisuseError)
  })
})
