/** `ChatStream`: the stream that the one consumer of a call reads. */
import type { ChatResponse, StreamChunk } from '../chat/index.js'
import type { Channel } from './channel.js'
import type { ChatStream } from './context.js'
import { AbortError, MisuseError } from './errors.js'
import { inspectCustom } from './hidden.js'
import { ignoreRejection } from './ignore-rejection.js'

/** The running call of a stream. */
export interface StreamedCall {
  readonly channel: Channel
  /** Starts the call; resolves or rejects when the stack has unwound. */
  readonly start: () => Promise<ChatResponse>
  readonly abort: (reason: unknown) => void
}

/**
 * Creates a reader of partial JSON text: takes a piece, returns the value so far, the same one if
 * unchanged.
 */
export type PartialReader = () => Promise<(piece: string) => unknown>

/** Its fields are `#private`, so that printing a stream does not show the request. */
export class TetradStream implements ChatStream {
  #consumer: string | undefined
  #result: Promise<ChatResponse> | undefined
  #aborted: { readonly reason: unknown } | undefined
  #hasThrown = false
  readonly #open: () => void
  readonly #begun: Promise<ChatResponse>
  readonly #call: StreamedCall
  readonly #partialReader: PartialReader

  constructor(call: StreamedCall, partialReader: PartialReader) {
    this.#call = call
    this.#partialReader = partialReader
    let open = () => {}
    // the chained call runs in the async context of ai.stream(), not of the first pull
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    this.#open = open
    this.#begun = ignoreRejection(gate.then(() => call.start()))
  }

  get response(): Promise<ChatResponse> {
    this.#call.channel.unbind()
    return this.start()
  }

  get textStream(): AsyncIterable<string> {
    return { [Symbol.asyncIterator]: () => this.texts() }
  }

  get partial(): AsyncIterable<unknown> {
    return { [Symbol.asyncIterator]: () => this.partials() }
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamChunk> {
    this.claim('an iterator')
    const { channel } = this.#call
    return {
      next: () => {
        const chunk = channel.take()
        if (chunk) return Promise.resolve({ done: false, value: chunk })
        return this.pull()
      },
      return: async () => {
        await this.leave()
        return { done: true, value: undefined }
      },
    }
  }

  async read(): Promise<readonly StreamChunk[] | undefined> {
    if (this.#consumer !== 'read()') this.claim('read()')
    while (await this.ready()) {
      const chunks = await this.#call.channel.read()
      // undefined: an abort dropped them, and is thrown
      if (chunks) return chunks
    }
    return undefined
  }

  abort(reason?: unknown): void {
    if (this.#aborted) return
    this.#aborted = { reason }
    this.#call.abort(reason)
    this.#call.channel.leave()
  }

  /** For logs: without the content of the call. */
  toJSON() {
    return { consumer: this.#consumer, started: this.#result !== undefined }
  }

  [inspectCustom]() {
    return `ChatStream ${JSON.stringify(this)}`
  }

  private start(): Promise<ChatResponse> {
    if (this.#result) return this.#result
    this.#result = this.#begun
    this.#open()
    return this.#result
  }

  private async pull(): Promise<IteratorResult<StreamChunk>> {
    while (await this.ready()) {
      const chunk = this.#call.channel.take()
      // undefined: a concurrent next() took it
      if (chunk) return { done: false, value: chunk }
    }
    return { done: true, value: undefined }
  }

  /**
   * True if a chunk is queued. After `abort()` it throws once the stack has unwound, with the error
   * of `.response`.
   */
  private async ready(): Promise<boolean> {
    const result = this.start()
    if (!this.#aborted && (await this.#call.channel.ready())) return true
    if (!this.#aborted || this.#hasThrown) return false
    this.#hasThrown = true
    await result
    throw new AbortError(undefined, { cause: this.#aborted.reason })
  }

  /** On `break`: ends the call, and waits until the stack has unwound. */
  private async leave(): Promise<void> {
    const reason = new AbortError('The consumer left the stream')
    if (!this.#result) {
      // nothing was sent, and nothing will be
      this.abort(reason)
      this.#hasThrown = true
      return
    }
    this.#call.abort(reason)
    this.#call.channel.leave()
    await this.#result.then(noop, noop)
  }

  private async *texts(): AsyncGenerator<string, void, undefined> {
    for await (const chunk of this) if (chunk.type === 'text-delta') yield chunk.text
  }

  /** At most one value for all queued chunks, and no repeated value. */
  private async *partials(): AsyncGenerator<unknown, void, undefined> {
    let feed = await this.#partialReader()
    let given: unknown
    for await (const chunks of this.batches('.partial')) {
      const turn = chunks.findLastIndex(({ type }) => type === 'start')
      if (turn >= 0) feed = await this.#partialReader()
      const value = feed(textOf(chunks.slice(turn + 1)))
      if (value === undefined || value === given) continue
      given = value
      yield value
    }
  }

  private async *batches(consumer: string): AsyncGenerator<readonly StreamChunk[]> {
    this.claim(consumer)
    try {
      while (await this.ready()) yield (await this.#call.channel.read()) ?? []
    } finally {
      await this.leave()
    }
  }

  private claim(by: string): void {
    if (this.#consumer)
      throw new MisuseError(
        `A stream has one consumer: ${this.#consumer} already reads it. Collect the chunks once, or await stream.response`,
      )
    this.#consumer = by
  }
}

const textOf = (chunks: readonly StreamChunk[]) =>
  chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.text : '')).join('')

const noop = () => {}
