/** `createBrowserClient`: the client of a page. */
import type { ChatResponse } from '../chat/index.js'
import { type ResumeOptions, readAnswer } from './answer.js'
import { failureOf, toConnectionError } from './errors.js'
import { type RouteOptions, routeOf } from './route.js'
import { answerStream } from './stream.js'
import type { BrowserCallOptions, BrowserRequest, BrowserStream } from './types.js'

export interface BrowserClientOptions extends RouteOptions, ResumeOptions {}

export interface BrowserClient {
  /** Returns one whole answer. Throws a `TetradError`. */
  generate(request: BrowserRequest, options?: BrowserCallOptions): Promise<ChatResponse>
  /** Streams an answer. The call starts at the first pull, and survives dropped connections. */
  stream(request: BrowserRequest, options?: BrowserCallOptions): BrowserStream
  /**
   * Reads the answer of a stream again, from its start, after a reload.
   * Throws `NotFoundError` when it has expired.
   */
  resume(id: string, options?: BrowserCallOptions): BrowserStream
}

/**
 * Creates a client for a handler of `tetrad/http`.
 *
 * @example
 * const ai = createBrowserClient({ url: '/api/chat' })
 * const reply = await ai.generate({ messages: [{ role: 'user', content: 'Hi' }] })
 */
export function createBrowserClient(options: BrowserClientOptions): BrowserClient {
  const route = routeOf(options)

  const open = (
    target: {
      readonly body?: { readonly stream: true; readonly answer_name: string }
      readonly id?: string
    },
    { signal }: BrowserCallOptions,
  ): BrowserStream => {
    const controller = new AbortController()
    let { id } = target
    /** What stops it on the server: its id, before that the name in its request, then nothing. */
    let handle = id
    const abort = (reason?: unknown) => {
      controller.abort(reason)
      if (handle) void route.stop(handle)
      handle = undefined
    }
    const follow = () => abort(signal?.reason)
    return answerStream({
      id: () => id,
      abort,
      async *open() {
        signal?.addEventListener('abort', follow, { once: true })
        if (signal?.aborted) follow()
        handle ??= target.body?.answer_name
        const onId = (received: string) => {
          id = handle = received
        }
        try {
          yield* readAnswer({ ...options, ...target, route, signal: controller.signal, onId })
        } finally {
          handle = undefined
          signal?.removeEventListener('abort', follow)
        }
      },
    })
  }

  return {
    stream: (request, callOptions = {}) =>
      open({ body: { ...request, stream: true, answer_name: newName() } }, callOptions),
    resume: (id, callOptions = {}) => open({ id }, callOptions),
    async generate(request, { signal } = {}) {
      const answer_name = newName()
      const stop = () => void route.stop(answer_name)
      signal?.addEventListener('abort', stop, { once: true })
      try {
        const body = { ...request, stream: false, answer_name }
        return await answerIn(await route.post(body, signal), signal)
      } finally {
        signal?.removeEventListener('abort', stop)
      }
    },
  }
}

async function answerIn(response: Response, signal: AbortSignal | undefined) {
  if (!response.ok) throw await failureOf(response)
  try {
    // our own handler sends this body, so its type is known
    return (await response.json()) as ChatResponse
  } catch (error) {
    throw toConnectionError(error, signal)
  }
}

/** Cannot be guessed. `randomUUID` exists on secure pages only. */
const newName = () => `${crypto.getRandomValues(new Uint32Array(4))}`
