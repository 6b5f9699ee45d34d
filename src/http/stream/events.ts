/** A running streamed answer: pulls chunks and encodes them. */
import type { ChatResponse, StreamChunk } from '../../chat/index.js'
import type { ChatStream } from '../../core/index.js'
import type { Encoder } from '../formats/index.js'
import type { PublicError } from '../public-error.js'

export interface EventStreamOptions {
  readonly stream: ChatStream
  readonly encoder: Encoder
  /** Redacts the chunks for the client. */
  readonly expose: (
    chunks: readonly StreamChunk[],
  ) => readonly StreamChunk[] | Promise<readonly StreamChunk[]>
  readonly toPublic: (error: unknown) => PublicError
  /** Called with the answer before the stream ends. */
  readonly onAnswer: (response: ChatResponse) => Promise<void>
  /** Called with the error of the call before the stream ends. */
  readonly onFailure: (error: unknown) => Promise<unknown>
}

export class EventStream {
  private isOver = false
  private isStopped = false
  private pending: Promise<readonly StreamChunk[] | undefined> | undefined
  private pulling: Promise<readonly string[] | undefined> | undefined

  constructor(private readonly options: EventStreamOptions) {}

  /** Waits for the first content without consuming it; rejects with the error of the call. */
  first(): Promise<unknown> {
    this.pending ??= this.options.stream.read()
    return this.pending
  }

  /** The data of the next events, errors too; undefined at the end. Concurrent calls share it. */
  next(): Promise<readonly string[] | undefined> {
    this.pulling ??= this.pull().finally(() => {
      this.pulling = undefined
    })
    return this.pulling
  }

  /** Aborts the call for its user: the stream ends with the format's abort event. */
  stop(): void {
    this.isStopped = true
    this.abort()
  }

  /** Aborts the call. The remaining events can still be read. */
  abort(): void {
    this.options.stream.abort()
  }

  /** Lets the call run to its end and discards its events. */
  async drain(): Promise<void> {
    while (await this.next()) {
      // discarded
    }
  }

  private async pull(): Promise<readonly string[] | undefined> {
    if (this.isOver) return undefined
    const { encoder, expose, stream, toPublic, onAnswer, onFailure } = this.options
    try {
      const chunks = await (this.pending ?? stream.read())
      this.pending = undefined
      if (chunks) return await encoder.encode(await expose(chunks))
      this.isOver = true
      await onAnswer(await stream.response)
      return await encoder.end()
    } catch (error) {
      this.isOver = true
      // after an encoder error the call is still running
      this.abort()
      await onFailure(error)
      return this.isStopped ? encoder.aborted() : encoder.error(toPublic(error))
    }
  }
}
