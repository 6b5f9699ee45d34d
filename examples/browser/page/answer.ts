/** An answer as data: what its chunks add up to. It can be drawn, kept over a reload, and go on after an approval. */
import type { StreamChunk } from 'tetrad'

export interface Answer {
  readonly parts: Part[]
  model: string
  tokens: number
  /** USD; undefined as soon as one turn has no known price. */
  cost: number | undefined
  /** Since it was asked for; absent where nobody watched. */
  seconds?: number
  end?: End
}

export type Part =
  | { readonly type: 'text' | 'thought'; text: string }
  | ({ readonly type: 'tool'; readonly id: string; readonly name: string } & ToolState)

interface ToolState {
  input: string
  output?: string
  status: 'asking' | 'running' | 'waiting' | 'done' | 'failed'
  /** What a yes is given to. */
  approval?: string
}

export type ToolPart = Extract<Part, { type: 'tool' }>

export type End = { readonly type: 'whole' | 'stopped' } | Failure

export interface Failure {
  readonly type: 'failed'
  readonly message: string
  /** Milliseconds to wait before another try. */
  readonly waitMs?: number
}

export const emptyAnswer = (): Answer => ({ parts: [], model: '', tokens: 0, cost: 0 })

/** Tool calls that a person has not decided on. */
export const waitingTools = ({ parts }: Answer): readonly ToolPart[] =>
  parts.filter((part) => part.type === 'tool').filter(({ status }) => status === 'waiting')

/** Gives what adds one chunk after the other, and tells the part that it changed. */
export function adder(answer: Answer): (chunk: StreamChunk) => Part | undefined {
  const { parts } = answer
  let turn: ToolPart[] = []
  /** A new turn begins a new paragraph. */
  let isNewTurn = true

  const write = (type: 'text' | 'thought', text: string): Part => {
    const last = parts.at(-1)
    const isMore = !isNewTurn && last?.type === type
    isNewTurn = false
    if (isMore) {
      last.text += text
      return last
    }
    return push({ type, text })
  }
  const push = <Some extends Part>(part: Some): Some => {
    parts.push(part)
    return part
  }
  const toolOf = (id: string) =>
    parts.find((part): part is ToolPart => part.type === 'tool' && part.id === id)
  const change = (tool: ToolPart | undefined, state: Partial<ToolState>) =>
    tool && Object.assign(tool, state)

  return (chunk) => {
    switch (chunk.type) {
      case 'start':
        turn = []
        isNewTurn = true
        answer.model = chunk.model
        return undefined
      case 'text-delta':
      case 'refusal-delta':
        return write('text', chunk.text)
      case 'reasoning-delta':
        return write('thought', chunk.text)
      case 'tool-call-start': {
        const { id, name } = chunk
        turn[chunk.index] = push({ type: 'tool', id, name, input: '', status: 'asking' })
        return turn[chunk.index]
      }
      case 'tool-call-delta': {
        const tool = turn[chunk.index]
        return change(tool, { input: `${tool?.input ?? ''}${chunk.arguments}` })
      }
      case 'tool-call-end':
        return change(turn[chunk.index], { status: 'running' })
      case 'tool-approval':
        return change(toolOf(chunk.tool_call_id), { status: 'waiting', approval: chunk.id })
      case 'tool-result': {
        const status = chunk.is_error ? 'failed' : 'done'
        const { content } = chunk
        const output = typeof content === 'string' ? content : JSON.stringify(content)
        return change(toolOf(chunk.tool_call_id), { status, output })
      }
      case 'finish': {
        const { total_tokens, cost } = chunk.usage
        answer.tokens += total_tokens
        answer.cost =
          answer.cost === undefined || cost === undefined ? undefined : answer.cost + cost
        return undefined
      }
      default:
        return undefined
    }
  }
}
