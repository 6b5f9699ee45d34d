/** One streamed answer in work: pulls chunks and encodes them. */
import type { ChatResponse, PartialResponse, StreamChunk } from '../../chat/index.js'
import { type ChatStream, isTetradError } from '../../core/index.js'
import type { Encoder } from '../formats/index.js'
import type { PublicError } from '../public-error.js'

export interface EventStreamOptions {
  readonly stream: ChatStream
  readonly encoder: Encoder
  /** What of the chunks goes out. */
  readonly expose: (
    chunks: readonly StreamChunk[],
  ) => readonly StreamChunk[] | Promise<readonly StreamChunk[]>
  readonly toPublic: (error: unknown) => PublicError
  /** The answer, or what there is of it, before the stream ends. */
  readonly onAnswer: (response: ChatResponse | PartialResponse) => Promise<void>
}

export class EventStream {
  private isOver = false
  private isStopped = false
  private pending: Promise<readonly StreamChunk[] | undefined> | undefined
  private pulling: Promise<readonly string[] | undefined> | undefined

  constructor(private readonly options: EventStreamOptions) {}

  /** Waits for the first content without taking it; rejects with what the call failed with. */
  first(): Promise<unknown> {
    this.pending ??= this.options.stream.read()
    return this.pending
  }

  /** The data of the next events; undefined at the end. Failures travel in it. Whoever asks meanwhile gets the same. */
  next(): Promise<readonly string[] | undefined> {
    this.pulling ??= this.pull().finally(() => {
      this.pulling = undefined
    })
    return this.pulling
  }

  /** Its user pressed stop: the stream says so at its end. */
  stop(): void {
    this.isStopped = true
    this.abort()
  }

  /** Ends the call. What is left over is still to be read. */
  abort(): void {
    this.options.stream.abort()
  }

  /** Lets the call go on to its end with nobody listening. */
  async drain(): Promise<void> {
    while (await this.next()) {
      // what nobody reads is passed over
    }
  }

  private async pull(): Promise<readonly string[] | undefined> {
    if (this.isOver) return undefined
    const { encoder, expose, stream, toPublic, onAnswer } = this.options
    try {
      const chunks = await (this.pending ?? stream.read())
      this.pending = undefined
      if (chunks) return await encoder.encode(await expose(chunks))
      this.isOver = true
      await onAnswer(await stream.response)
      return await encoder.end()
    } catch (error) {
      this.isOver = true
      // where it was the encoder that failed, the call still runs
      this.abort()
      if (isTetradError(error) && error.partial) await onAnswer(error.partial)
      return this.isStopped ? encoder.aborted() : encoder.error(toPublic(error))
    }
  }
}
