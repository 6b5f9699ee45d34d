/** Writes a payload to a socket: whole, split, delayed, or cut off. */
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { aborted, type Clock, settled } from './clock.js'
import { randomOf } from './random.js'
import type { Payload } from './render.js'
import type { CutHow, Delivery, Split } from './script.js'

export interface DeliverOptions {
  readonly clock: Clock
  /** Fires when the client has left. */
  readonly closed: AbortSignal
  /** Reports the number of events written to the socket. */
  readonly progress: (sent: number) => void
  /** Called before the response is ended on purpose, whole or not. */
  readonly end: () => void
}

export async function deliver(
  response: ServerResponse,
  payload: Payload,
  delivery: Delivery,
  options: DeliverOptions,
): Promise<void> {
  const { clock, closed, end } = options
  const { delay } = delivery
  if (delay && delay.firstMs > 0) await clock.wait(delay.firstMs, closed)
  if (delivery.stall === 'headers') return
  if (closed.aborted) return
  response.writeHead(payload.status, headersOf(payload, delivery))
  response.flushHeaders()
  const writer = writerOf(response, delivery.split, closed)
  for (let sent = 0; sent <= payload.frames.length; sent++) {
    const isOver = await stops(sent, { response, payload, delivery, writer, options })
    if (isOver || closed.aborted) return
    const frame = payload.frames[sent]
    if (frame === undefined) break
    if (delay && delay.eachMs > 0) {
      await writer.flush()
      await clock.wait(delay.eachMs, closed)
    }
    await writer.add(frame)
    options.progress(sent + 1)
  }
  await writer.flush()
  end()
  response.end()
}

interface Running {
  readonly response: ServerResponse
  readonly payload: Payload
  readonly delivery: Delivery
  readonly writer: Writer
  readonly options: DeliverOptions
}

/** Applies the script's holds, stall and cut after `sent` events; true if nothing follows. */
async function stops(sent: number, running: Running): Promise<boolean> {
  const { delivery, payload, writer, options } = running
  const isLast = sent === payload.frames.length
  const isHere = (after: number) => {
    const place = placeOf(after, payload)
    return Math.floor(place) === sent || (isLast && place > sent)
  }
  for (const { after, until } of delivery.holds) {
    if (!isHere(after)) continue
    await writer.flush()
    await Promise.race([settled(until), aborted(options.closed)])
  }
  const { cut, stall } = delivery
  if (typeof stall === 'number' && isHere(stall)) {
    await writer.flush()
    return true
  }
  if (!cut || !isHere(cut.after)) return false
  await addShare(cut.after - sent, payload.frames[sent], writer)
  await writer.flush()
  options.end()
  endEarly(running.response, cut.how)
  return true
}

/** A plain body has two halves: it ends after none or the first. */
const placeOf = (after: number, payload: Payload) => (payload.isStream ? after : Math.min(after, 1))

async function addShare(share: number, frame: string | Uint8Array | undefined, writer: Writer) {
  if (share <= 0 || share >= 1 || frame === undefined) return
  const bytes = Buffer.from(frame)
  await writer.add(bytes.subarray(0, Math.max(1, Math.floor(bytes.length * share))))
}

function endEarly(response: ServerResponse, how: CutHow): void {
  if (how === 'end') response.end()
  else if (how === 'reset') response.socket?.resetAndDestroy()
  else response.destroy()
}

/** A body that ends early without an error must not have a content length. */
function headersOf(payload: Payload, { cut }: Delivery): Readonly<Record<string, string>> {
  if (cut?.how !== 'end') return payload.headers
  const { 'content-length': _, ...headers } = payload.headers
  return headers
}

interface Writer {
  add(frame: string | Uint8Array): Promise<void>
  /** Resolves when all bytes were passed to the operating system. */
  flush(): Promise<void>
}

/** Bytes gathered before a write. */
const batchBytes = 16_384

function writerOf(response: ServerResponse, split: Split | undefined, closed: AbortSignal): Writer {
  const socket = socketOf(response, closed)
  if (!split) return batches(socket)
  if (split.by === 'event') return pieces(socket, () => Number.POSITIVE_INFINITY)
  if (split.by === 'bytes') return pieces(socket, () => Math.max(1, split.size))
  const random = randomOf(split.seed)
  return pieces(socket, () => 1 + Math.floor(random() * split.max))
}

interface Socket {
  /** Waits for a slow reader. */
  write(bytes: string | Uint8Array): Promise<void> | undefined
  flushed(): Promise<void>
}

function socketOf(response: ServerResponse, closed: AbortSignal): Socket {
  const gone = aborted(closed)
  let last: Promise<void> = Promise.resolve()
  return {
    write(bytes) {
      if (closed.aborted) return undefined
      let isTaken = true
      last = new Promise((resolve) => {
        isTaken = response.write(bytes, () => resolve())
      })
      if (isTaken) return undefined
      return Promise.race([new Promise<void>((resolve) => response.once('drain', resolve)), gone])
    },
    flushed: () => Promise.race([last, gone]),
  }
}

/** As many events per write as fit. */
function batches(socket: Socket): Writer {
  let waiting: (string | Uint8Array)[] = []
  let size = 0
  const write = async () => {
    const bytes = joined(waiting)
    waiting = []
    size = 0
    if (bytes.length > 0) await socket.write(bytes)
  }
  return {
    async add(frame) {
      waiting.push(frame)
      size += frame.length
      if (size >= batchBytes) await write()
    },
    async flush() {
      await write()
      await socket.flushed()
    },
  }
}

function joined(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  if (parts.every((part) => typeof part === 'string')) return parts.join('')
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

/** Chunks of a chosen size, each written separately, independent of event boundaries. */
function pieces(socket: Socket, nextSize: () => number): Writer {
  let waiting = Buffer.alloc(0)
  let size = nextSize()
  const write = async (bytes: Buffer) => {
    await socket.write(bytes)
    // lets the write reach the network separately
    await nextTurn()
  }
  return {
    async add(frame) {
      waiting = Buffer.concat([waiting, Buffer.from(frame)])
      while (waiting.length >= size) {
        const piece = waiting.subarray(0, size)
        waiting = waiting.subarray(size)
        size = nextSize()
        await write(piece)
      }
      if (size !== Number.POSITIVE_INFINITY) return
      await write(waiting)
      waiting = Buffer.alloc(0)
    },
    async flush() {
      if (waiting.length > 0) await write(waiting)
      waiting = Buffer.alloc(0)
      await socket.flushed()
    },
  }
}
