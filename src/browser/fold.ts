/**
 * Chunks → the whole answer, as `core/accumulate.ts` does it, in half of the bytes: without its checks, which the server has
 * made. A test holds the two together.
 */
import {
  type Annotation,
  type ApprovalInput,
  type AssistantMessage,
  addUsage,
  type ChatResponse,
  type ChunkOf,
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
import { toMedia } from './media.js'

interface OpenCall {
  readonly start: ChunkOf<'tool-call-start'>
  text: string
  isOpen?: boolean
}

/** Gathers one answer. `add` costs the same for each chunk, however long the answer is. */
export function answerFold() {
  const messages: (AssistantMessage | ToolMessage)[] = []
  const warnings: Warning[] = []
  const approvals: ApprovalInput[] = []
  let usage: Usage | undefined
  let turn: ReturnType<typeof newTurn> | undefined

  const add = (chunk: StreamChunk): void => {
    if (chunk.type === 'start') turn = newTurn(chunk)
    else if (chunk.type === 'warning') warnings.push(chunk.warning)
    else if (chunk.type === 'tool-approval') {
      const { type: _, ...approval } = chunk
      approvals.push(approval)
    } else if (chunk.type === 'tool-result') {
      const { type: _, name, ...result } = chunk
      messages.push({ role: 'tool', ...result, ...filled({ name }) })
    } else turn?.add(chunk)
    if (chunk.type !== 'finish' || !turn) return
    usage = addUsage(usage, chunk.usage)
    messages.push(turn.message())
  }

  const base = () => {
    if (!turn) return undefined
    const { finish } = turn
    const message = turn.message()
    const all = finish ? [...messages] : [...messages, message]
    return {
      ...turn.start,
      text: message.content ?? '',
      message,
      messages: all,
      usage: usage ?? emptyUsage,
      attempts: [],
      warnings: [...warnings],
      ...filled({ approvals: toPendingApprovals(approvals, all) }),
      ...(turn.logprobs.length > 0 && { logprobs: { content: [...turn.logprobs] } }),
    }
  }

  return {
    add,
    /** Undefined while no turn is whole. */
    response(): ChatResponse | undefined {
      const { finish } = turn ?? {}
      const whole = base()
      if (!finish || !whole) return undefined
      const { type: _, usage: __, native: ___, ...end } = finish
      return { ...whole, ...end }
    },
    partial(): PartialResponse | undefined {
      const so = base()
      const unfinished_tool_calls = turn?.calls.filter(({ isOpen }) => isOpen).map(toCall) ?? []
      return so && { ...so, finish_reason: null, ...filled({ unfinished_tool_calls }) }
    },
  }
}

/** One model turn while it is folded. */
function newTurn({ type: _, ...start }: ChunkOf<'start'>) {
  let text = ''
  let reasoning_content = ''
  let refusal = ''
  let finish: (FinishChunk & { readonly mac?: string }) | undefined
  const calls: OpenCall[] = []
  const annotations: Annotation[] = []
  const files: FileChunk[] = []
  const hosted = new Map<string, HostedTool>()
  const logprobs: TokenLogprob[] = []
  return {
    start,
    calls,
    logprobs,
    get finish() {
      return finish
    },
    add(chunk: StreamChunk): void {
      switch (chunk.type) {
        case 'text-delta':
          text += chunk.text
          return
        case 'reasoning-delta':
          reasoning_content += chunk.text
          return
        case 'refusal-delta':
          refusal += chunk.text
          return
        case 'tool-call-start':
          calls[chunk.index] = { start: chunk, text: '', isOpen: true }
          return
        case 'tool-call-delta':
        case 'tool-call-end': {
          const call = calls[chunk.index]
          if (!call) return
          if (chunk.type === 'tool-call-end') call.isOpen = false
          else call.text += chunk.arguments
          return
        }
        case 'hosted-tool': {
          const { type: _, ...tool } = chunk
          hosted.set(tool.id, { ...hosted.get(tool.id), ...tool })
          return
        }
        case 'annotation':
          annotations.push(chunk.annotation)
          return
        case 'file':
          files.push(chunk)
          return
        case 'logprobs':
          logprobs.push(...chunk.content)
          return
        case 'finish':
          finish = chunk
      }
    },
    message: (): AssistantMessage => ({
      role: 'assistant',
      content: text || null,
      ...filled({
        refusal,
        tool_calls: calls.filter(({ isOpen }) => !isOpen).map(toCall),
        reasoning_content,
        annotations: [...annotations],
        hosted_tools: [...hosted.values()],
      }),
      ...toMedia(files),
      ...defined({ native: finish?.native, mac: finish?.mac }),
    }),
  }
}

/** The members that are not empty. */
export const filled = <T extends Readonly<Record<string, string | readonly unknown[]>>>(
  object: T,
): Partial<T> =>
  // only members that are there are kept, as the return type says
  Object.fromEntries(Object.entries(object).filter(([, value]) => value.length > 0)) as Partial<T>

const toCall = ({ start: { id, name, kind }, text }: OpenCall): ToolCall =>
  kind
    ? { id, type: kind, custom: { name, input: text } }
    : { id, type: 'function', function: { name, arguments: text || '{}' } }
