/** One streamed answer in work: pulls chunks, encodes them, and outlives its reader where that is wanted. */
import type { StreamChunk } from '../chat/index.js'
import type { ChatStream } from '../core/index.js'
import { exposeChunks } from './expose.js'
import type { Encoder, Exposure } from './formats/index.js'
import type { BaseHandlerOptions } from './options.js'
import type { PublicError } from './public-error.js'

export interface RunOptions {
  readonly stream: ChatStream
  readonly encoder: Encoder
  readonly expose: Exposure
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  readonly toPublic: (error: unknown) => PublicError
  readonly onEnd: () => void
}

export class Run {
  private isOver = false
  private isStopped = false
  private hasLeft = false
  private pending: Promise<readonly StreamChunk[] | undefined> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly options: RunOptions) {}

  /** Waits for the first content without taking it; rejects with what the call failed with. */
  first(): Promise<unknown> {
    this.pending ??= this.options.stream.read()
    return this.pending
  }

  /** The data of the next events; undefined at the end. Failures travel in it. */
  async next(): Promise<readonly string[] | undefined> {
    if (this.isOver) return undefined
    const { encoder, expose, stream, toPublic } = this.options
    try {
      const chunks = await (this.pending ?? stream.read())
      this.pending = undefined
      if (chunks) return encoder.encode(exposeChunks(chunks, expose))
      this.end()
      return await encoder.end()
    } catch (error) {
      this.end()
      return this.isStopped ? encoder.aborted() : encoder.error(toPublic(error))
    }
  }

  /** Its user pressed stop: the stream says so at its end. */
  stop(): void {
    this.isStopped = true
    this.options.stream.abort()
  }

  /** The client is gone. */
  leave(): void {
    if (this.hasLeft || this.isOver) return
    this.hasLeft = true
    const { onDisconnect } = this.options
    if (onDisconnect === 'cancel') {
      this.abort()
      return
    }
    if (typeof onDisconnect === 'object')
      this.timer = setTimeout(() => this.abort(), onDisconnect.graceMs)
    void this.drain()
  }

  /** The call failed before its status was sent. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    clearTimeout(this.timer)
    this.options.onEnd()
  }

  private abort(): void {
    this.options.stream.abort()
    this.end()
  }

  private async drain(): Promise<void> {
    while (await this.next()) {
      // what nobody reads is passed over
    }
  }
}
