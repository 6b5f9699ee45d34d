/**
 * Chunks → the whole answer, as `core/accumulate.ts` does it, in half of the bytes: without its
 * checks, which the server has made. A test compares the two.
 */
import {
  type Annotation,
  type ApprovalInput,
  type AssistantMessage,
  addUsage,
  type CallMembers,
  type ChatResponse,
  type ChunkOf,
  callMembers,
  defined,
  emptyUsage,
  type FileChunk,
  type FinishChunk,
  type HostedTool,
  type PartialResponse,
  type StreamChunk,
  type TokenLogprob,
  type ToolCall,
  type ToolMessage,
  toPendingApprovals,
  type Usage,
  type Warning,
} from '../chat/index.js'
import { filled, toMedia } from './media.js'

interface OpenCall extends CallMembers, Pick<ChunkOf<'tool-call-start'>, 'id' | 'name' | 'kind'> {
  text: string
  isOpen: boolean
}

/** Accumulates one answer. `add` costs the same for each chunk, however long the answer is. */
export function answerAccumulator() {
  const messages: (AssistantMessage | ToolMessage)[] = []
  const warnings: Warning[] = []
  const approvals: ApprovalInput[] = []
  let usage: Usage | undefined
  let turn: Turn | undefined

  const add = (chunk: StreamChunk): void => {
    switch (chunk.type) {
      case 'start':
        turn = newTurn(chunk)
        return
      case 'warning':
        warnings.push(chunk.warning)
        return
      case 'tool-approval':
        approvals.push(untyped(chunk))
        return
      case 'tool-result': {
        const { name, ...result } = untyped(chunk)
        messages.push({ role: 'tool', ...result, ...filled({ name }) })
        return
      }
    }
    if (!turn) return
    addTo(turn, chunk)
    if (chunk.type !== 'finish') return
    usage = addUsage(usage, chunk.usage)
    messages.push(messageOf(turn))
  }

  const base = () => {
    if (!turn && messages.length === 0) return undefined
    const last = turn ?? newTurn(unknownStart)
    const { start, finish, logprobs } = last
    const message = messageOf(last)
    const all = finish || !turn ? [...messages] : [...messages, message]
    return {
      ...untyped(start),
      text: message.content ?? '',
      message,
      messages: all,
      usage: usage ?? emptyUsage,
      attempts: [],
      warnings: [...warnings],
      ...filled({ approvals: toPendingApprovals(approvals, all) }),
      ...(logprobs.length > 0 && { logprobs: { content: [...logprobs] } }),
    }
  }

  return {
    add,
    /** Undefined until the last turn is complete. */
    response(): ChatResponse | undefined {
      const whole = base()
      if (!turn?.finish || !whole) return undefined
      const { usage: _, native: __, ...end } = untyped(turn.finish)
      return { ...whole, ...end }
    },
    partial(): PartialResponse | undefined {
      const so = base()
      const unfinished_tool_calls = turn?.calls.filter(({ isOpen }) => isOpen).map(toCall) ?? []
      return so && { ...so, finish_reason: null, ...filled({ unfinished_tool_calls }) }
    },
  }
}

/** For an answer that ended before its first turn. */
const unknownStart = { type: 'start', id: '', created: 0, model: '', provider: '' } as const

/** One model turn while it is accumulated. */
interface Turn {
  readonly start: ChunkOf<'start'>
  readonly texts: Record<'text-delta' | 'reasoning-delta' | 'refusal-delta', string>
  phase: string | undefined
  commentary: string
  readonly calls: OpenCall[]
  readonly annotations: Annotation[]
  readonly files: FileChunk[]
  readonly hosted: Map<string, HostedTool>
  readonly logprobs: TokenLogprob[]
  finish: (FinishChunk & { readonly mac?: string }) | undefined
}

const newTurn = (start: ChunkOf<'start'>): Turn => ({
  start,
  texts: { 'text-delta': '', 'reasoning-delta': '', 'refusal-delta': '' },
  phase: undefined,
  commentary: '',
  calls: [],
  annotations: [],
  files: [],
  hosted: new Map(),
  logprobs: [],
  finish: undefined,
})

function addTo(turn: Turn, chunk: StreamChunk): void {
  const { texts, calls, annotations, files, hosted, logprobs } = turn
  switch (chunk.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      texts[chunk.type] += chunk.text
      if (chunk.type !== 'text-delta') break
      turn.phase = chunk.phase ?? turn.phase
      if (chunk.phase === 'commentary') turn.commentary = texts['text-delta']
      break
    case 'tool-call-start':
      calls[chunk.index] = { ...chunk, text: '', isOpen: true }
      break
    case 'tool-call-delta':
    case 'tool-call-end': {
      const call = calls[chunk.index]
      if (!call) break
      if (chunk.type === 'tool-call-end') call.isOpen = false
      else call.text += chunk.arguments
      break
    }
    case 'hosted-tool': {
      const { progress: _, ...tool } = untyped(chunk)
      hosted.set(chunk.id, { ...hosted.get(chunk.id), ...tool })
      break
    }
    case 'annotation':
      annotations.push(chunk.annotation)
      break
    case 'file':
      files.push(chunk)
      break
    case 'logprobs':
      logprobs.push(...chunk.content)
      break
    case 'finish':
      turn.finish = chunk
  }
}

const messageOf = (turn: Turn): AssistantMessage => ({
  role: 'assistant',
  content: turn.texts['text-delta'] || null,
  ...filled({
    refusal: turn.texts['refusal-delta'],
    tool_calls: turn.calls.filter(({ isOpen }) => !isOpen).map(toCall),
    reasoning_content: turn.texts['reasoning-delta'],
    annotations: [...turn.annotations],
    hosted_tools: [...turn.hosted.values()],
  }),
  ...toMedia(turn.files),
  ...defined({ phase: turn.phase, native: turn.finish?.native, mac: turn.finish?.mac }),
  ...(turn.commentary !== turn.texts['text-delta'] && filled({ commentary: turn.commentary })),
})

const untyped = <Chunk extends { readonly type: string }>({ type: _, ...members }: Chunk) => members

const toCall = ({ id, name, kind, text, ...members }: OpenCall): ToolCall =>
  kind
    ? { id, type: kind, custom: { name, input: text }, ...callMembers(members) }
    : { id, type: 'function', function: { name, arguments: text || '{}' }, ...callMembers(members) }
