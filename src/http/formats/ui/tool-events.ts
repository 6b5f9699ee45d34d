/** Calls, results and hosted tools as events. Clients fail on an outcome without its call. */
import { type ChunkOf, textOfContent } from '../../../chat/index.js'
import type { CallState, UiState } from './state.js'
import { noteOf, toInput, toOutput, withoutPrototypes } from './values.js'
import type { UiEvent, UiPart } from './wire.js'

/** Emits a complete call. */
export function emitCall({ id, name, isCustom, text }: CallState, state: UiState): void {
  const input = isCustom ? text : toInput(text)
  state.emit({ type: 'tool-input-available', toolCallId: id, toolName: name, input })
  const note = isCustom ? ({ custom: true } as const) : noteOf(text, input)
  state.turnSigner.add(toPart(name, { toolCallId: id, state: 'input-available', input }), note)
}

/** Emits the outcome of a call; skips one whose call the client lacks, as the client would fail. */
export function emitResult(chunk: ChunkOf<'tool-result'>, state: UiState): void {
  const { id, name = chunk.name } = state.callOf(chunk.tool_call_id)
  if (!state.isKnown(id)) return
  const event = toOutcome(chunk, id, state)
  state.emit(event)
  const approval = event.type === 'tool-output-denied' && { approval: state.denialOf(id) }
  state.turnSigner.addResult(toPart(name, { ...event, ...approval, state: states[event.type] }))
}

function toOutcome(chunk: ChunkOf<'tool-result'>, toolCallId: string, state: UiState): Outcome {
  if (!chunk.is_error)
    return { type: 'tool-output-available', toolCallId, output: toOutput(chunk.content) }
  // a client that sent a denial is of version 6 or later, which has the event
  if (state.denialOf(toolCallId)) return { type: 'tool-output-denied', toolCallId }
  return { type: 'tool-output-error', toolCallId, errorText: textOfContent(chunk.content) }
}

const states = {
  'tool-output-available': 'output-available',
  'tool-output-error': 'output-error',
  'tool-output-denied': 'output-denied',
} as const

type Outcome = Extract<UiEvent, { readonly type: keyof typeof states }>

/** Input and output of a hosted tool arrive in any of its chunks, or never. */
export function emitHostedTool(chunk: ChunkOf<'hosted-tool'>, state: UiState): void {
  const { id: toolCallId, name: toolName, status, input } = chunk
  const tool = state.hosted.get(toolCallId) ?? start(toolCallId, toolName, state)
  if (tool.isOver) return
  const isOver = status !== 'running'
  if (!tool.isInputSent && (input !== undefined || isOver)) {
    tool.isInputSent = true
    tool.input = withoutPrototypes(input ?? {})
    state.emit({ type: 'tool-input-available', toolCallId, toolName, input: tool.input, ...hosted })
  }
  if (!isOver) return
  tool.isOver = true
  const event = { ...toHostedOutcome(chunk), ...hosted }
  state.emit(event)
  state.turnSigner.add(toPart(toolName, { ...event, input: tool.input, state: states[event.type] }))
}

const hosted = { providerExecuted: true } as const

function start(toolCallId: string, toolName: string, state: UiState) {
  const tool = { input: {}, isInputSent: false, isOver: false }
  state.close()
  state.hosted.set(toolCallId, tool)
  state.emit({ type: 'tool-input-start', toolCallId, toolName, ...hosted })
  return tool
}

function toHostedOutcome({ id, status, output }: ChunkOf<'hosted-tool'>) {
  if (status === 'done')
    return {
      type: 'tool-output-available',
      toolCallId: id,
      output: withoutPrototypes(output),
    } as const
  const errorText = typeof output === 'string' ? output : (JSON.stringify(output) ?? 'failed')
  return { type: 'tool-output-error', toolCallId: id, errorText } as const
}

const toPart = (toolName: string, part: object): UiPart => ({ ...part, type: `tool-${toolName}` })
