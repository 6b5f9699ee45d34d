/** Converts a stream of chunks to chat.completion.chunk objects. */
import {
  addUsage,
  type ChunkOf,
  defined,
  type FileChunk,
  type StreamChunk,
  type Usage,
} from '../chat/index.js'
import { type AsOpenAIOptions, shownReason } from './response.js'
import type { ChatCompletionChunk, ChunkChoice, CompletionDelta, ToolCallDelta } from './types.js'
import { asOpenAIUsage } from './usage.js'

export interface AsOpenAIStreamOptions extends AsOpenAIOptions {
  /** `stream_options.include_usage`: one more chunk at the end, without choices. @default false */
  readonly includeUsage?: boolean | undefined
  /**
   * When tool calls are sent. `settled`: at the end, without the calls already run here. `live`: as
   * they arrive, for stacks that run no tools. @default 'settled'
   */
  readonly toolCalls?: 'settled' | 'live' | undefined
}

/** Converts one chunk at a time; `end` is called only when the stream is complete. */
export interface OpenAIEncoder {
  encode(chunk: StreamChunk): readonly ChatCompletionChunk[]
  end(): readonly ChatCompletionChunk[]
}

/**
 * The chunks of one response. The turns of a tool loop become one, with their texts joined. Throws
 * what the stream throws; the last chunks are sent only for a complete stream.
 *
 * @example
 * for await (const chunk of asOpenAIStream(ai.stream(request), { includeUsage: true }))
 *   res.write(`data: ${JSON.stringify(chunk)}\n\n`)
 * res.end('data: [DONE]\n\n')
 */
export async function* asOpenAIStream(
  chunks: AsyncIterable<StreamChunk>,
  options: AsOpenAIStreamOptions = {},
): AsyncGenerator<ChatCompletionChunk> {
  const encoder = openAIEncoder(options)
  for await (const chunk of chunks) yield* encoder.encode(chunk)
  yield* encoder.end()
}

interface State {
  readonly options: AsOpenAIStreamOptions
  head: Pick<ChatCompletionChunk, 'id' | 'object' | 'created' | 'model'> | undefined
  finish: ChunkOf<'finish'> | undefined
  usage: Usage | undefined
  /** Calls of the current or last turn. */
  calls: HeldCall[]
  /** Ids of calls already run here. */
  readonly answered: Set<string>
  /** Number of calls sent to the client. */
  shown: number
}

interface HeldCall {
  readonly id: string
  readonly name: string
  readonly isCustom: boolean
  /** Its index as sent to the client; not final while the call is held. */
  readonly index: number
  arguments: string
}

/** Creates an encoder for one stream: a table of functions by chunk type over a small state. */
export function openAIEncoder(options: AsOpenAIStreamOptions = {}): OpenAIEncoder {
  const state: State = {
    options,
    head: undefined,
    finish: undefined,
    usage: undefined,
    calls: [],
    answered: new Set(),
    shown: 0,
  }
  return {
    encode(chunk) {
      // the table maps each type to a function for chunks of that type
      const encode = encoders[chunk.type] as Encode<StreamChunk> | undefined
      return encode?.(chunk, state) ?? []
    },
    end: () => end(state),
  }
}

type Encode<Chunk> = (chunk: Chunk, state: State) => readonly ChatCompletionChunk[]

type Encoders = { readonly [Type in StreamChunk['type']]?: Encode<ChunkOf<Type>> }

const encoders: Encoders = {
  start: (chunk, state) => start(chunk, state),
  'text-delta': ({ text }, state) => delta({ content: text }, state),
  'reasoning-delta': ({ text }, state) => delta({ reasoning_content: text }, state),
  'refusal-delta': ({ text }, state) => delta({ refusal: text }, state),
  annotation: ({ annotation }, state) => delta({ annotations: [annotation] }, state),
  file: (chunk, state) => delta(toDelta(chunk), state),
  logprobs: ({ content }, state) => [
    toChunk({ delta: {}, logprobs: { content, refusal: null } }, state),
  ],
  'tool-call-start': ({ id, name, kind }, state) => {
    const isCustom = kind === 'custom'
    const call: HeldCall = { id, name, isCustom, index: state.shown, arguments: '' }
    state.calls.push(call)
    if (!isLive(state)) return []
    state.shown++
    return delta(callStart(call, state), state)
  },
  'tool-call-delta': ({ index, arguments: text }, state) => {
    const call = state.calls[index]
    if (!call) return []
    if (isLive(state)) return delta(callDelta(call, text, state), state)
    call.arguments += text
    return []
  },
  'tool-result': ({ tool_call_id }, state) => {
    state.answered.add(tool_call_id)
    return []
  },
  finish: (chunk, state) => {
    state.finish = chunk
    state.usage = addUsage(state.usage, chunk.usage)
    return []
  },
}

/** A further turn continues the response: the calls of the last one were run here. */
function start({ id, created, model }: ChunkOf<'start'>, state: State) {
  state.calls = []
  if (state.head) return []
  state.head = {
    id,
    object: 'chat.completion.chunk',
    created,
    model: state.options.model ?? model,
  }
  return delta({ role: 'assistant', content: '' }, state)
}

function end(state: State): readonly ChatCompletionChunk[] {
  const { finish, options } = state
  if (!finish) return []
  const open = state.calls.filter((call) => !state.answered.has(call.id))
  const { native_finish_reason, service_tier, native } = finish
  const last: ChatCompletionChunk = {
    ...toChunk(
      {
        delta: options.includeNative && native ? { native } : {},
        finish_reason: shownReason(finish.finish_reason, open.length > 0, options),
        ...defined({ native_finish_reason }),
      },
      state,
    ),
    ...defined({ service_tier }),
  }
  return [
    ...(isLive(state) ? [] : open.flatMap((call, index) => wholeCall({ ...call, index }, state))),
    last,
    ...(options.includeUsage && state.usage && state.head
      ? [{ ...state.head, choices: [], usage: asOpenAIUsage(state.usage) }]
      : []),
  ]
}

const isLive = ({ options }: State) => options.toolCalls === 'live'

const delta = (content: CompletionDelta, state: State) => [toChunk({ delta: content }, state)]

function toChunk(
  choice: Pick<ChunkChoice, 'delta'> & Partial<ChunkChoice>,
  { head, options }: State,
): ChatCompletionChunk {
  return {
    // the stream grammar puts `start` before all content
    ...(head as NonNullable<State['head']>),
    choices: [{ index: 0, logprobs: null, finish_reason: null, ...choice }],
    ...(options.includeUsage && { usage: null }),
  }
}

const wholeCall = (call: HeldCall, state: State) => [
  ...delta(callStart(call, state), state),
  ...delta(callDelta(call, call.arguments, state), state),
]

/** The legacy form has one call, of a function. */
const isFirstFunction = ({ index, isCustom }: HeldCall) => index === 0 && !isCustom

function callStart(call: HeldCall, { options }: State): CompletionDelta {
  const { index, id, name, isCustom } = call
  if (options.functionCall)
    return isFirstFunction(call) ? { function_call: { name, arguments: '' } } : {}
  const start: ToolCallDelta = isCustom
    ? { index, id, type: 'custom', custom: { name, input: '' } }
    : { index, id, type: 'function', function: { name, arguments: '' } }
  return { tool_calls: [start] }
}

function callDelta(call: HeldCall, text: string, { options }: State): CompletionDelta {
  const { index, isCustom } = call
  if (options.functionCall)
    return isFirstFunction(call) ? { function_call: { arguments: text } } : {}
  const more: ToolCallDelta = isCustom
    ? { index, custom: { input: text } }
    : { index, function: { arguments: text } }
  return { tool_calls: [more] }
}

function toDelta(chunk: FileChunk): CompletionDelta {
  const { media_type, data, url, file_id, name, transcript, expires_at } = chunk
  if (media_type.startsWith('image/') && (data !== undefined || url !== undefined)) {
    const image_url = { url: url ?? `data:${media_type};base64,${data}` }
    return { images: [{ type: 'image_url', image_url }] }
  }
  if (media_type.startsWith('audio/'))
    return { audio: defined({ id: file_id, data, transcript, expires_at }) }
  return { files: [{ media_type, ...defined({ data, file_id, name }) }] }
}
