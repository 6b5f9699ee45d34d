/** The bounded queue between the running stack and its one consumer. */
import { deltaText, isContinuation, type StreamChunk, withDeltaText } from '../chat/index.js'
import { chunkSize } from './chunk-size.js'

/** Memory bound of the queue, whatever its chunks are. */
const maxBytes = 1_048_576

export interface ChannelOptions {
  /** Maximum queued chunks, or 1 MiB of them, whichever comes first. */
  readonly highWaterMark: number
  readonly stalledMs: number
  /** Called when the stack waits and no pull occurred for `stalledMs`. */
  readonly onStalled: () => void
}

interface Waiter {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

export class Channel {
  private waiting: StreamChunk[] = []
  /** Number of taken chunks in `waiting`. */
  private head = 0
  private pulls = 0
  /** Approximate size of the queue while it is bounded. */
  private bytes = 0
  /** The last finish: delivered when a chunk follows it, or when the call has succeeded. */
  private lastFinish: StreamChunk | undefined
  private end: { readonly error?: unknown } | undefined
  private room: Waiter | undefined
  private reader: Waiter | undefined
  private isBound = true

  constructor(private readonly options: ChannelOptions) {}

  /** Returns a promise only when the consumer is behind. */
  push(chunks: readonly StreamChunk[]): void | Promise<void> {
    if (this.end) return
    if (this.lastFinish) this.append([this.lastFinish])
    const last = chunks.at(-1)
    this.lastFinish = last?.type === 'finish' ? last : undefined
    this.append(this.lastFinish ? chunks.slice(0, -1) : chunks)
    if (this.size === 0) return
    this.wakeReader()
    const { highWaterMark } = this.options
    if (this.isBound && (this.size >= highWaterMark || this.bytes >= maxBytes))
      return this.waitForRoom()
  }

  /** The call has succeeded; `finish` maps the chunk that was held back. */
  succeed(finish: (held: StreamChunk) => StreamChunk): void {
    if (this.end) return
    if (this.lastFinish) this.waiting.push(finish(this.lastFinish))
    this.close({})
  }

  /** Queued chunks are still delivered, then iteration throws. */
  fail(error: unknown): void {
    if (!this.end) this.close({ error })
  }

  /** The consumer has left: nothing more is delivered. */
  leave(): void {
    this.waiting = []
    this.head = 0
    if (!this.end) this.close({})
  }

  /** Removes the bound; deltas of one text are joined while they wait. */
  unbind(): void {
    if (!this.isBound) return
    this.isBound = false
    this.waiting = joinAll(this.waiting.slice(this.head))
    this.head = 0
    this.wakeWriter()
  }

  /** One queued chunk, without a promise; undefined if there is none. */
  take(): StreamChunk | undefined {
    const chunk = this.waiting[this.head]
    if (!chunk) return undefined
    this.head++
    if (this.isBound) this.bytes -= chunkSize(chunk, maxBytes)
    this.pulled()
    return chunk
  }

  /**
   * Resolves when a chunk is queued (true) or the call has ended (false). Throws the error of the
   * call, once.
   */
  async ready(): Promise<boolean> {
    this.pulls++
    while (this.size === 0) {
      if (this.end) {
        const { error } = this.end
        this.end = {}
        if (error !== undefined) throw error
        return false
      }
      this.reader ??= waiter()
      await this.reader.promise
    }
    return true
  }

  /** All queued chunks, at once; undefined at the end. */
  async read(): Promise<StreamChunk[] | undefined> {
    if (!(await this.ready())) return undefined
    const chunks = this.head === 0 ? this.waiting : this.waiting.slice(this.head)
    this.head = this.waiting.length
    this.pulled()
    return chunks
  }

  private get size(): number {
    return this.waiting.length - this.head
  }

  private pulled(): void {
    this.pulls++
    if (this.size === 0) this.bytes = 0
    // release taken chunks: at the end, or when they are half of a long queue
    if (this.size === 0 || (this.head >= 512 && this.head * 2 >= this.waiting.length)) {
      this.waiting = this.waiting.slice(this.head)
      this.head = 0
    }
    const isHalfEmpty = this.size <= this.options.highWaterMark / 2 && this.bytes <= maxBytes / 2
    if (this.room && isHalfEmpty) this.wakeWriter()
  }

  private append(chunks: readonly StreamChunk[]): void {
    for (const chunk of chunks) {
      if (!this.isBound) {
        join(this.waiting, chunk, this.head)
        continue
      }
      this.bytes += chunkSize(chunk, maxBytes)
      this.waiting.push(chunk)
    }
  }

  private close(end: { readonly error?: unknown }): void {
    this.end = end
    this.lastFinish = undefined
    this.wakeReader()
    this.wakeWriter()
  }

  private waitForRoom(): Promise<void> {
    if (this.room) return this.room.promise
    const { promise, resolve } = waiter()
    let timer: ReturnType<typeof setTimeout>
    const watch = (pulls: number) => {
      timer = setTimeout(() => {
        if (this.pulls === pulls) this.options.onStalled()
        else watch(this.pulls)
      }, this.options.stalledMs)
    }
    watch(this.pulls)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    this.room = { promise, resolve: done }
    return promise
  }

  private wakeReader(): void {
    const reader = this.reader
    this.reader = undefined
    reader?.resolve()
  }

  private wakeWriter(): void {
    const room = this.room
    this.room = undefined
    room?.resolve()
  }
}

function waiter(): Waiter {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const joinAll = (chunks: readonly StreamChunk[]) => {
  const out: StreamChunk[] = []
  for (const chunk of chunks) join(out, chunk)
  return out
}

/** Appends a chunk; a delta of the same text is joined to the last queued one (from `head` on). */
function join(out: StreamChunk[], chunk: StreamChunk, head = 0): void {
  const last = out.length > head ? out.at(-1) : undefined
  if (last && isContinuation(last, chunk))
    out[out.length - 1] = withDeltaText(last, deltaText(last) + deltaText(chunk))
  else out.push(chunk)
}
