/** The whole stack behind the interface of the official client: existing code changes one line. */
import { isObject } from '../chat/index.js'
import type { Client } from '../client.js'
import {
  BadRequestError,
  type CallArgs,
  type CallOptions,
  type ChatStream,
  isTetradError,
  MisuseError,
} from '../core/index.js'
import { jsonLine } from '../sse/index.js'
import { paramOf } from './check.js'
import { fromOpenAI, type OpenAIRequest } from './request.js'
import { asOpenAI } from './response.js'
import { openAIEncoder } from './stream.js'

export interface OpenAIFetchOptions<State = {}> {
  /** What `models.list()` returns. @default none */
  readonly models?: readonly string[] | undefined
  /** Options of each call: state, tags, timeouts. */
  readonly call?: Omit<CallOptions<State>, 'signal'> | undefined
}

/** The constructor of the official client, as used here: `OpenAI` of `openai` 4 to 7. */
export type OpenAIClass<Sdk> = new (options: {
  apiKey: string
  baseURL: string
  maxRetries: number
  fetch: typeof globalThis.fetch
  dangerouslyAllowBrowser: boolean
}) => Sdk

type Caller<State> = Pick<Client<State>, 'generate' | 'stream'>

/**
 * An official OpenAI client whose requests run through `ai`, in this process:
 * `chat.completions.create`, `.stream`, `.parse`, `.runTools`, `withResponse()`, `models.list()`
 * and abort, on every provider. Its own retries are off: `retry()` is in the stack. Failures throw
 * the client's own error class with the status; `error.error` has our `code`, and the `partial`
 * response and `usage` so far.
 *
 * Throws `MisuseError` without the class.
 *
 * @example
 * import OpenAI from 'openai'
 * const openai = openaiClient(ai, OpenAI)
 * await openai.chat.completions.create({ model: 'anthropic/claude-sonnet-4-5', messages })
 */
export function openaiClient<Sdk, State = {}>(
  ai: Caller<State>,
  OpenAI: OpenAIClass<Sdk>,
  options?: OpenAIFetchOptions<State>,
): Sdk {
  if (typeof OpenAI !== 'function')
    throw new MisuseError(
      "openaiClient() takes the class of the official client: openaiClient(ai, OpenAI), after `import OpenAI from 'openai'`",
    )
  return new OpenAI({
    apiKey: 'none',
    baseURL: 'http://tetrad.localhost/v1',
    maxRetries: 0,
    fetch: openaiFetch(ai, options),
    // no key leaves the process
    dangerouslyAllowBrowser: true,
  })
}

/**
 * A `fetch` that answers as OpenAI's Chat Completions API without network access, for libraries
 * that accept a `fetch` (LangChain, the AI SDK's `createOpenAICompatible`). Any other path returns
 * a 404.
 *
 * @example
 * const provider = createOpenAICompatible({ name: 'tetrad', baseURL: 'http://tetrad.localhost/v1', fetch: openaiFetch(ai) })
 */
export function openaiFetch<State = {}>(
  ai: Caller<State>,
  { models = [], call }: OpenAIFetchOptions<State> = {},
): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const path = `${request.method} ${new URL(request.url).pathname}`
    if (/^GET .*\/models$/.test(path)) return json({ object: 'list', data: models.map(toModel) })
    if (!/^POST .*\/chat\/completions$/.test(path))
      return json(
        { error: { message: notServed(path), type: 'not_found', code: 'not_served' } },
        404,
      )
    try {
      const asked = read(await bodyOf(request))
      // `call` supplies the required keys of the client's State
      const args = [{ ...call, signal: request.signal }] as unknown as CallArgs<State>
      if (asked.streaming)
        return await streamed(ai.stream(asked.request, ...args), asked, request.signal)
      return json(asOpenAI(await ai.generate(asked.request, ...args), shown(asked)))
    } catch (error) {
      request.signal.throwIfAborted()
      return json(errorBody(error), statusOf(error))
    }
  }
}

const notServed = (path: string) =>
  `${path} is not served: tetrad answers POST /chat/completions and GET /models. Use the provider's own client for it.`

const toModel = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'tetrad' })

async function bodyOf(request: Request): Promise<unknown> {
  try {
    return await request.json()
  } catch (cause) {
    throw new BadRequestError('The body is not JSON.', { status: 400, code: 'bad_json', cause })
  }
}

/** The caller is the app itself: keys unknown to OpenAI's API pass unchanged. */
const read = (body: unknown): OpenAIRequest =>
  fromOpenAI(body, { allow: isObject(body) ? Object.keys(body).filter(isParam) : [] })

const isParam = (key: string) => !['model', 'messages', 'stream', 'stream_options'].includes(key)

const shown = ({ request: { model }, functionCall }: OpenAIRequest) => ({
  model,
  functionCall,
  includeNative: true,
})

/** Waits for the first content, so that an earlier failure keeps its status. */
async function streamed(stream: ChatStream, asked: OpenAIRequest, signal: AbortSignal) {
  const encoder = openAIEncoder({ ...shown(asked), includeUsage: asked.includeUsage })
  let first = await stream.read()
  /** The next events; reads without visible events are skipped. Undefined at the end. */
  const next = async (): Promise<string | undefined> => {
    for (;;) {
      const chunks = first ?? (await stream.read())
      first = undefined
      if (!chunks) return undefined
      const events = chunks.flatMap((chunk) => encoder.encode(chunk)).map(toEvent)
      if (events.length > 0) return events.join('')
    }
  }
  const end = () => [...encoder.end().map(toEvent), 'data: [DONE]\n\n'].join('')
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const events = await next()
          controller.enqueue(utf8.encode(events ?? end()))
          if (events === undefined) controller.close()
        } catch (error) {
          if (signal.aborted) return controller.error(signal.reason)
          controller.enqueue(utf8.encode(toEvent(errorBody(error))))
          controller.close()
        }
      },
      cancel: (reason) => stream.abort(reason),
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

const utf8 = new TextEncoder()
const toEvent = (value: unknown) => `data: ${jsonLine(value)}\n\n`

const json = (body: unknown, status = 200) => Response.json(body, { status })

/** 502, as from a gateway, for errors without a status: not reached, or broken off. */
function statusOf(error: unknown): number {
  const status = isTetradError(error) ? error.status : undefined
  return status !== undefined && status >= 400 ? status : 502
}

/** Keeps the error's own message, since its reader is the app. */
function errorBody(error: unknown) {
  if (!isTetradError(error)) throw error
  const { name, message, code = null, partial, usage } = error
  return {
    error: { message, type: name, code, param: paramOf(error) ?? null, partial, usage },
  }
}
