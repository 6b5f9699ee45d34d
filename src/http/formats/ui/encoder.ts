/** Stream chunks → UI message stream: a table of chunk types over a small state. */
import { addUsage, type ChunkOf, defined, type StreamChunk } from '../../../chat/index.js'
import { jsonLine } from '../../../sse/index.js'
import type { PublicError } from '../../public-error.js'
import type { AnswerContext, Encoder } from '../format.js'
import { emitAnnotation, emitAudio, emitFile } from './media-events.js'
import { UiState } from './state.js'
import { emitCall, emitHostedTool, emitResult } from './tool-events.js'
import { withoutPrototypes } from './values.js'
import type { UiEvent, UiMetadata } from './wire.js'

/** The last event of each stream; readers skip it. */
const done = '[DONE]'

/** Encodes one answer as events of the UI message stream. */
export function encoder(context: AnswerContext): Encoder {
  const events = eventEncoder(context)
  const finish = (last: readonly UiEvent[]) => [...last.map(jsonLine), done]
  return {
    encode: (chunks) => {
      const made = events.encode(chunks)
      return made instanceof Promise ? made.then(toLines) : toLines(made)
    },
    end: async () => finish(await events.end()),
    error: (error) => finish(events.error(error)),
    aborted: () => finish(events.aborted()),
  }
}

const toLines = (events: readonly UiEvent[]) => events.map(jsonLine)

/** The same as objects, before serialization. */
export function eventEncoder(context: AnswerContext) {
  const state = new UiState(context)
  const add = <Type extends StreamChunk['type']>(chunk: ChunkOf<Type>) =>
    // the compiler cannot see that the row and the chunk have the same type
    (on[chunk.type as Type] as Handler<Type>)(chunk, state)
  return {
    /** Sends a turn with its signature: without it an interrupted client could not send it back. */
    encode(chunks: readonly StreamChunk[]): readonly UiEvent[] | Promise<readonly UiEvent[]> {
      for (const chunk of chunks) add(chunk)
      return state.turnSigner.isSigning
        ? state.turnSigner.settled().then(() => state.take())
        : state.take()
    },
    async end(): Promise<readonly UiEvent[]> {
      state.finishStep()
      await state.turnSigner.settled()
      const before = state.take()
      state.emit({ type: 'finish', messageMetadata: summary(state) })
      return [...before, ...state.take()]
    },
    error(error: PublicError): readonly UiEvent[] {
      const { code, request_id, retryAfterMs } = error
      state.close()
      const before = state.take()
      const data = { code, request_id, ...defined({ retryAfterMs }) }
      state.emit({ type: 'data-error', data, transient: true })
      // clients stop reading at an error
      state.emit({ type: 'error', errorText: error.message })
      return [...before, ...state.take()]
    },
    aborted(): readonly UiEvent[] {
      state.close()
      const before = state.take()
      state.emit({ type: 'abort' })
      return [...before, ...state.take()]
    },
  }
}

/** The metadata a page shows below an answer. */
const summary = ({ finish, usage, warnings, requestId }: UiState): UiMetadata => ({
  ...(finish && { finish_reason: finish.finish_reason }),
  ...(usage && { usage }),
  ...(warnings.length > 0 && { warnings }),
  ...(requestId !== undefined && { request_id: requestId }),
})

type Handler<Type extends StreamChunk['type']> = (chunk: ChunkOf<Type>, state: UiState) => void

const on: { readonly [Type in StreamChunk['type']]: Handler<Type> } = {
  start({ request_id }, state) {
    state.startStep()
    if (request_id !== undefined) state.requestId = request_id
  },
  'text-delta': ({ text }, state) => state.addText('text', text),
  'reasoning-delta': ({ text }, state) => state.addText('reasoning', text),
  // UI messages have no refusal part
  'refusal-delta': ({ text }, state) => state.addText('text', text),
  'tool-call-start'({ index, id, name, kind }, state) {
    state.close()
    const toolCallId = state.nameCall(id, name)
    state.calls.set(index, { id: toolCallId, name, isCustom: kind === 'custom', text: '' })
    state.emit({ type: 'tool-input-start', toolCallId, toolName: name })
  },
  'tool-call-delta'({ index, arguments: inputTextDelta }, state) {
    const call = state.calls.get(index)
    if (!call || inputTextDelta === '') return
    call.text += inputTextDelta
    state.emit({ type: 'tool-input-delta', toolCallId: call.id, inputTextDelta })
  },
  'tool-call-end'({ index }, state) {
    const call = state.calls.get(index)
    if (call) emitCall(call, state)
  },
  'tool-result': emitResult,
  'tool-approval'({ id, tool_call_id }, state) {
    const call = state.callOf(tool_call_id)
    if (state.isKnown(call.id))
      state.emit({ type: 'tool-approval-request', approvalId: id, toolCallId: call.id })
  },
  'hosted-tool': emitHostedTool,
  annotation: ({ annotation }, state) => emitAnnotation(annotation, state),
  file(chunk, state) {
    const isAudio = chunk.media_type.startsWith('audio/') && chunk.data !== undefined
    if (isAudio) state.audioChunks.push(chunk)
    else emitFile(chunk, state)
  },
  // UI messages have no part for them
  logprobs() {},
  data({ name, data, id, transient }, state) {
    state.emit({
      type: `data-${name}`,
      data: withoutPrototypes(data),
      ...defined({ id, transient }),
    })
  },
  warning: ({ warning }, state) => void state.warnings.push(warning),
  finish(chunk, state) {
    emitAudio(state)
    state.close()
    state.finish = chunk
    state.usage = addUsage(state.usage, chunk.usage)
    state.turnSigner.endTurn(chunk.native)
  },
}
