/** The whole stack behind the AI SDK's provider interface: existing apps change only the model. */
import { type ChatResponse, emptyUsage, type StreamChunk } from '../chat/index.js'
import type { Client } from '../client.js'
import {
  type CallArgs,
  type CallOptions,
  type ChatStream,
  isTetradError,
  MisuseError,
  toChunks,
} from '../core/index.js'
import { markError } from './error.js'
import { metadataOf, toFinish, toWarnings } from './finish.js'
import { PartEncoder } from './parts.js'
import { toRequest } from './request.js'
import type {
  AiSdkModel,
  ModelCallOptions,
  ModelContent,
  ModelPart,
  Specification,
  WholePart,
} from './types.js'

export interface AiSdkModelOptions<Version extends Specification = 'v3', State = {}> {
  /** `v2` for ai 5, `v3` for ai 6, `v4` for ai 7, which accepts `v3` too. @default 'v3' */
  readonly specification?: Version | undefined
  /** Options of each call: state, tags, timeouts. */
  readonly call?: Omit<CallOptions<State>, 'signal'> | undefined
}

/**
 * A language model for `generateText`, `streamText`, `generateObject` and agents of the AI SDK (ai
 * 5 to 7) whose calls run through the stack of `ai`, on any provider. Each of its steps is one
 * call.
 *
 * The AI SDK runs its own tools as usual. Tools of a `tools()` in the stack run inside the call:
 * the AI SDK receives them as run by the provider, with their results (ai 5 does not receive them),
 * and a pending approval as its own `tool-approval-request`. Of two tools of one name, the stack's
 * is run.
 *
 * Data to send back to the provider (thought signatures) is returned in `providerMetadata.tetrad`
 * of one part per turn and read from `providerOptions.tetrad` of the history; cost, warnings and
 * attempts are in that of the result. A call's `providerOptions.tetrad` are members of our request,
 * those of `openai`, `anthropic`, `google`, `xai` the options of the AI SDK's providers.
 *
 * Failures throw our error class, which `APICallError.isInstance` also recognizes. If the stack has
 * a `retry()`, the AI SDK does not retry. A stream that breaks emits an `error` part, and a
 * `finish` with reason `error` and the usage.
 *
 * Throws `MisuseError` for an invalid client, model or specification.
 *
 * @example
 * import { streamText } from 'ai'
 * const result = streamText({ model: aiSdkModel(ai, 'anthropic/claude-sonnet-4-5'), prompt: 'Hi' })
 */
export function aiSdkModel<State = {}, Version extends Specification = 'v3'>(
  ai: Pick<Client<State>, 'generate' | 'stream' | 'layers'>,
  model: string,
  options: AiSdkModelOptions<Version, State> = {},
): AiSdkModel<NoInfer<Version>> {
  // without it, `Version` is its default
  const { specification: version = 'v3' as Version, call } = options
  if (!['v2', 'v3', 'v4'].includes(version))
    throw new MisuseError(`aiSdkModel() takes specification 'v2', 'v3' or 'v4', not ${version}`)
  if (typeof ai?.stream !== 'function' || typeof model !== 'string' || model === '')
    throw new MisuseError("aiSdkModel() takes a client and a model: aiSdkModel(ai, 'openai/gpt-5')")

  // `call` supplies the required keys of the client's State
  const argsOf = ({ abortSignal: signal, headers = {} }: ModelCallOptions) =>
    [
      { ...call, signal, headers: { ...call?.headers, ...given(headers) } },
    ] as unknown as CallArgs<State>
  const failed = (error: unknown) =>
    markError(
      error,
      ai.layers.some((layer) => layer.name === 'retry'),
    )

  return {
    specificationVersion: version,
    provider: 'tetrad',
    modelId: model,
    supportedUrls: urlsOf(model),
    async doGenerate(options) {
      try {
        const response = await ai.generate(toRequest(model, options), ...argsOf(options))
        const { id, created, attempts, warnings } = response
        const { headers } = attempts.at(-1) ?? {}
        return {
          content: toContent<Version>(response, options, version),
          warnings: toWarnings(version, warnings),
          ...toFinish(version, response, metadataOf(response)),
          response: {
            id,
            timestamp: new Date(created * 1000),
            modelId: response.model,
            ...(headers && { headers: { ...headers } }),
          },
        }
      } catch (error) {
        throw failed(error)
      }
    },
    async doStream(options) {
      const stream = ai.stream(toRequest(model, options), ...argsOf(options))
      try {
        // a failure before the first content keeps its status and can be retried
        const first = (await stream.read()) ?? []
        const parts = partsOf(stream, { first, options, version, failed })
        return { stream: toReadable<Version>(parts, (reason) => stream.abort(reason)) }
      } catch (error) {
        throw failed(error)
      }
    },
  }
}

/** Builds the content of a whole response from the parts of its stream. */
function toContent<Version extends Specification>(
  response: ChatResponse,
  options: ModelCallOptions,
  version: Version,
): ModelContent<Version>[] {
  const encoder = new PartEncoder(version, options)
  const content: ModelContent<Specification>[] = []
  let text = ''
  for (const part of [...encoder.encode(toChunks(response)), ...encoder.end(response)]) {
    if (part.type === 'text-start' || part.type === 'reasoning-start') text = ''
    else if (part.type === 'text-delta' || part.type === 'reasoning-delta') text += part.delta
    else if (part.type === 'text-end' || part.type === 'reasoning-end') {
      const { type, id: _, ...metadata } = part
      content.push({ type: type === 'text-end' ? 'text' : 'reasoning', text, ...metadata })
    } else if (isWhole(part)) content.push(part)
  }
  // the encoder emits parts of this version
  return content as ModelContent<Version>[]
}

const isWhole = (part: ModelPart): part is WholePart =>
  /^(?:tool-(?:call|result|approval-request)|source|file)$/.test(part.type)

interface Streaming {
  readonly first: readonly StreamChunk[]
  readonly options: ModelCallOptions
  readonly version: Specification
  readonly failed: (error: unknown) => unknown
}

/** The parts of a stream, in non-empty batches. */
async function* partsOf(
  stream: ChatStream,
  { first, options, version, failed }: Streaming,
): AsyncGenerator<ModelPart[], void> {
  const encoder = new PartEncoder(version, options)
  const warnings = first.flatMap((chunk) => (chunk.type === 'warning' ? [chunk.warning] : []))
  yield [{ type: 'stream-start', warnings: toWarnings(version, warnings) }]
  try {
    let chunks: readonly StreamChunk[] | undefined = first
    for (; chunks; chunks = await stream.read()) {
      const raw = options.includeRawChunks ? chunks.map(toRaw) : []
      const parts = [...raw, ...encoder.encode(chunks)]
      if (parts.length > 0) yield parts
    }
    const response = await stream.response
    const finish = toFinish(version, response, metadataOf(response))
    yield [...encoder.end(response), { type: 'finish', ...finish }]
  } catch (error) {
    if (options.abortSignal?.aborted) throw error
    yield brokenOff(failed(error), version)
  }
}

const toRaw = (rawValue: StreamChunk): ModelPart => ({ type: 'raw', rawValue })

const toReadable = <Version extends Specification>(
  parts: AsyncGenerator<ModelPart[], void>,
  cancel: (reason: unknown) => void,
) =>
  new ReadableStream<ModelPart<Version>>(
    {
      async pull(controller) {
        const { done, value } = await parts.next()
        if (done) return controller.close()
        // the parts are of this version
        for (const part of value) controller.enqueue(part as ModelPart<Version>)
      },
      cancel,
    },
    { highWaterMark: 0 },
  )

/** Ends a broken stream as the AI SDK's providers do: calls `onError`, and keeps the usage. */
function brokenOff(error: unknown, version: Specification): ModelPart[] {
  const { usage = emptyUsage } = isTetradError(error) ? error : {}
  const ended = { finish_reason: 'error', usage } as const
  return [
    { type: 'error', error },
    { type: 'finish', ...toFinish(version, ended, { cost: usage.cost }) },
  ]
}

const given = (headers: NonNullable<ModelCallOptions['headers']>) =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )

/** URLs that the provider receives unchanged; the AI SDK downloads all others. */
function urlsOf(model: string): Record<string, RegExp[]> {
  const [provider = ''] = model.split('/', 1)
  const http = [/^https?:\/\//]
  if (provider === 'gemini')
    return {
      '*/*': [
        /^gs:\/\//,
        /^https:\/\/(?:(?:www\.)?youtube\.com|youtu\.be|generativelanguage\.googleapis\.com)\//,
      ],
    }
  if (provider === 'openai' || provider === 'anthropic')
    return { 'image/*': http, 'application/pdf': http }
  return provider === 'xai' ? { 'image/*': http } : {}
}
