/** `BrowserStream`: what the one consumer of an answer holds. */
import type { ChatResponse, StreamChunk } from '../chat/index.js'
import { MisuseError, TetradError } from '../core/errors.js'
import { dropped } from './errors.js'
import { answerFold } from './fold.js'
import type { BrowserStream } from './types.js'

/** The answer behind a stream. */
export interface Source {
  /** Starts it. */
  readonly open: () => AsyncGenerator<readonly StreamChunk[]>
  readonly abort: (reason?: unknown) => void
  readonly id: () => string | undefined
}

/** Chunks are pulled as they are asked for, folded on their way, and kept for an iterator that comes later. */
export function answerStream({ open, abort, id }: Source): BrowserStream {
  const answer = answerFold()
  /** Read, and not yet taken from `next` on. */
  let waiting: StreamChunk[] = []
  let next = 0
  let chunks: AsyncGenerator<readonly StreamChunk[]> | undefined
  let reading: Promise<boolean> | undefined
  let whole: Promise<ChatResponse> | undefined
  let failure: unknown
  let isClaimed = false

  const take = (): StreamChunk | undefined => {
    const chunk = waiting[next++]
    if (!chunk) {
      waiting = []
      next = 0
    }
    return chunk
  }

  /** One network read, however many ask for it; false at the end. */
  const read = (): Promise<boolean> => {
    reading ??= pull().finally(() => {
      reading = undefined
    })
    return reading
  }

  const pull = async (): Promise<boolean> => {
    if (failure) throw failure
    chunks ??= open()
    try {
      const { done, value } = await chunks.next()
      if (done) return false
      for (const chunk of value) {
        answer.add(chunk)
        waiting.push(chunk)
      }
      return true
    } catch (error) {
      failure = withPartial(error)
      throw failure
    }
  }

  const finish = async (): Promise<ChatResponse> => {
    while (await read()) {
      // chunks stay for an iterator
    }
    const response = answer.response()
    if (!response) throw withPartial(dropped())
    return response
  }

  /** What was said so far stays at hand. */
  const withPartial = (error: unknown): unknown => {
    const partial = answer.partial()
    if (error instanceof TetradError && partial) {
      error.partial = partial
      error.usage = partial.usage
    }
    return error
  }

  const stream: BrowserStream = {
    get id() {
      return id()
    },
    get response() {
      whole ??= finish()
      // whoever asked hears of a failure; nobody else must
      whole.catch(() => {})
      return whole
    },
    get textStream() {
      return { [Symbol.asyncIterator]: texts }
    },
    abort,
    [Symbol.asyncIterator]() {
      if (isClaimed) throw new MisuseError('A stream has one consumer')
      isClaimed = true
      return {
        async next() {
          for (;;) {
            const value = take()
            if (value) return { done: false, value }
            if (!(await read())) return { done: true, value: undefined }
          }
        },
        async return() {
          abort()
          return { done: true, value: undefined }
        },
      }
    },
  }

  async function* texts() {
    for await (const chunk of stream) if (chunk.type === 'text-delta') yield chunk.text
  }
  return stream
}
