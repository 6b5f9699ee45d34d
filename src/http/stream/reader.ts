/** What one connection reads: the events of an answer from a position on, numbered from 1. */
import type { SseMessage } from '../../sse/index.js'
import type { ReadLog } from './log.js'

export interface SessionReader {
  /** The next events; undefined at the end, and once its reader has left. */
  next(): Promise<readonly SseMessage[] | undefined>
  /** The reader is gone. */
  readonly leave: () => void
}

/** One answer that runs in this process. */
export interface StreamSession {
  /** Its events from a position on, for one connection. */
  read(from: number, toFailure?: ToFailure): SessionReader
  /** Its user pressed stop. */
  stop(): void
  /** Nobody will read it; resolves at its end. */
  drop(): Promise<void>
}

/** The data of the last event, where there can be no more. */
export type ToFailure = (error: unknown) => readonly string[]

export interface ReaderOptions {
  readonly read: ReadLog
  /** Events that the reader has. */
  readonly from: number
  readonly isNumbered: boolean
  readonly toFailure?: ToFailure | undefined
  readonly onLeave: () => void
}

/** Numbers what is read, and tells once that its reader has left. */
export function createReader(options: ReaderOptions): SessionReader {
  const { read, isNumbered, toFailure, onLeave } = options
  let position = options.from
  let isOver = false
  const failed = (error: unknown) => {
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
