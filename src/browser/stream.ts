/** `BrowserStream`: what the one consumer of an answer uses. */
import type { ChatResponse, StreamChunk } from '../chat/index.js'
import { MisuseError, TetradError } from '../core/errors.js'
import { answerAccumulator } from './accumulate.js'
import { dropped } from './errors.js'
import type { BrowserStream } from './types.js'

/** The answer behind a stream. */
export interface Source {
  /** Starts the call. */
  readonly open: () => AsyncGenerator<readonly StreamChunk[]>
  readonly abort: (reason?: unknown) => void
  readonly id: () => string | undefined
}

/** Pulls chunks on demand, accumulates them, and keeps them for a later iterator. */
export const answerStream = (source: Source): BrowserStream => new AnswerStream(source)

class AnswerStream implements BrowserStream {
  readonly #source: Source
  readonly #answer = answerAccumulator()
  /** Chunks that were read; those from `#next` on are not taken yet. */
  #waiting: StreamChunk[] = []
  #next = 0
  #chunks: AsyncGenerator<readonly StreamChunk[]> | undefined
  #reading: Promise<boolean> | undefined
  #whole: Promise<ChatResponse> | undefined
  #failure: unknown
  #isClaimed = false

  constructor(source: Source) {
    this.#source = source
  }

  get id() {
    return this.#source.id()
  }

  get response() {
    this.#whole ??= this.#finish()
    // an unawaited `response` must not be an unhandled rejection
    this.#whole.catch(() => {})
    return this.#whole
  }

  get textStream() {
    return { [Symbol.asyncIterator]: () => this.#texts() }
  }

  abort = (reason?: unknown) => this.#source.abort(reason);

  [Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    if (this.#isClaimed) throw new MisuseError('A stream has one consumer')
    this.#isClaimed = true
    return {
      next: async () => {
        for (;;) {
          const value = this.#take()
          if (value) return { done: false, value }
          if (!(await this.#read())) return { done: true, value: undefined }
        }
      },
      return: async () => {
        this.abort()
        return { done: true, value: undefined }
      },
    }
  }

  async *#texts() {
    for await (const chunk of this) if (chunk.type === 'text-delta') yield chunk.text
  }

  #take(): StreamChunk | undefined {
    const chunk = this.#waiting[this.#next++]
    if (!chunk) {
      this.#waiting = []
      this.#next = 0
    }
    return chunk
  }

  /** One network read, shared by concurrent callers; false at the end. */
  #read(): Promise<boolean> {
    this.#reading ??= this.#pull().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #pull(): Promise<boolean> {
    if (this.#failure) throw this.#failure
    this.#chunks ??= this.#source.open()
    try {
      const { done, value } = await this.#chunks.next()
      if (done) return false
      for (const chunk of value) {
        this.#answer.add(chunk)
        this.#waiting.push(chunk)
      }
      return true
    } catch (error) {
      this.#failure = this.#withPartial(error)
      throw this.#failure
    }
  }

  async #finish(): Promise<ChatResponse> {
    while (await this.#read()) {
      // chunks stay for an iterator
    }
    const response = this.#answer.response()
    if (!response) throw this.#withPartial(dropped())
    return response
  }

  /** Adds the answer so far to the error. */
  #withPartial(error: unknown): unknown {
    const partial = this.#answer.partial()
    if (error instanceof TetradError && partial) {
      error.partial = partial
      error.usage = partial.usage
    }
    return error
  }
}
