/** What one connection reads: the events of an answer from a position on, numbered from 1. */
import type { SseMessage } from '../../sse/index.js'
import type { ReadLog } from './log.js'

export interface SessionReader {
  /** The next events; undefined at the end and after `leave`. */
  next(): Promise<readonly SseMessage[] | undefined>
  /** Ends the reader when its connection closes. */
  readonly leave: () => void
}

/** An answer that runs in this process. */
export interface StreamSession {
  /** Reads its events from a position on, for one connection. */
  read(from: number, toFailure?: ToFailure): SessionReader
  /** Stops the answer for its user. */
  stop(): void
  /** Discards the answer; resolves at its end. */
  drop(): Promise<void>
}

/** The data of the last events, for an error that ends the log. */
export type ToFailure = (error: unknown) => readonly string[]

export interface ReaderOptions {
  readonly read: ReadLog
  /** Number of events the client already has. */
  readonly from: number
  readonly isNumbered: boolean
  readonly toFailure?: ToFailure | undefined
  readonly onLeave: () => void
}

/** Numbers the events, and calls `onLeave` once. */
export function createReader(options: ReaderOptions): SessionReader {
  const { read, isNumbered, toFailure, onLeave } = options
  let position = options.from
  let isOver = false
  const failed = (error: unknown) => {
    if (isOver) return undefined
    leave()
    if (toFailure) return toFailure(error)
    throw error
  }
  const leave = () => {
    if (isOver) return
    isOver = true
    onLeave()
  }
  return {
    leave,
    async next() {
      const events = isOver ? undefined : await read(position).catch(failed)
      const numbered = events?.map((data) => {
        position++
        return isNumbered ? { id: String(position), data } : { data }
      })
      isOver ||= !events
      return numbered
    },
  }
}
