/** Requests a structured answer again if it does not match its schema, with the defect. */
import type { ChatResponse, FinishChunk, ResponseFormat, StreamChunk } from '../src/chat/index.js'
import {
  type Context,
  layer,
  type Middleware,
  MisuseError,
  type Next,
  type Transform,
} from '../src/core/index.js'
import { readAnswer } from '../src/schema/index.js'

export interface RepairOptions {
  /** Total attempts including the first; at most 5. @default 2 */
  readonly attempts?: number | undefined
}

/**
 * Holds a structured answer until it is complete and matches its schema. One that does not is
 * dropped, and requested again with the answer and its defect, reported as a warning of code
 * `repaired`. The last attempt is not held: it streams, and on a mismatch the call fails as without
 * this layer. An answer that was cut off (`length`), filtered or refused is not requested again,
 * nor is one whose format is not JSON.
 *
 * Place: outside `tools`: tool results stay in the conversation, none runs twice.
 *
 * Throws `MisuseError` at construction for a number of attempts that is not 1 to 5.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [repair({ attempts: 3 })] }) })
 */
export function repair({ attempts = 2 }: RepairOptions = {}): Middleware {
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 5)
    throw new MisuseError('repair() takes 1 to 5 attempts')

  const run = async (ctx: Context, next: Next): Promise<unknown> => {
    const format = ctx.request.response_format
    if (!format || format.type === 'text') return next()
    const holder = new AnswerHolder(format)
    ctx.transform(holder.take)
    for (let attempt = 1; ; attempt++) {
      holder.isLast = attempt === attempts
      const answer = await next()
      const { defect } = holder
      if (defect === undefined) return answer
      holder.defect = undefined
      ctx.warn({ code: 'repaired', message: `Requested the answer again: ${defect}` })
      ctx.request = {
        ...ctx.request,
        messages: [...ctx.request.messages, ...repairMessages(answer, defect)],
      }
    }
  }
  return layer('repair', run, { place: 'outside tools', repeats: 'attempt' })
}

/** The answer and a message with its defect. */
const repairMessages = ({ messages }: ChatResponse, defect: string) => [
  ...messages,
  {
    role: 'user' as const,
    content: `The answer does not fit: ${defect}. Give the whole answer again, corrected, as JSON alone.`,
  },
]

/** Holds each turn until it is known to be an answer that matches. */
class AnswerHolder {
  isLast = false
  /** The defect of the dropped answer. */
  defect: string | undefined
  private held: StreamChunk[] | undefined
  private text = ''

  constructor(private readonly format: ResponseFormat) {}

  readonly take: Transform = (chunk, emit) => {
    if (this.isLast) return emit(chunk)
    if (chunk.type === 'start') {
      this.held = []
      this.text = ''
    }
    if (!this.held || chunk.type === 'warning' || chunk.type === 'data') return emit(chunk)
    if (chunk.type === 'text-delta') this.text += chunk.text
    this.held.push(chunk)
    if (chunk.type !== 'finish') return
    const { held } = this
    this.held = undefined
    const release = () => held.forEach(emit)
    if (!isAnswer(chunk) || held.some(isOther)) return release()
    return readAnswer(this.text, this.format).then(({ defect }) => {
      this.defect = defect
      if (defect === undefined) release()
    })
  }
}

/**
 * False for a cut-off or filtered turn, and for one paused by Anthropic, which the loop continues.
 */
const isAnswer = ({ finish_reason, native_finish_reason: native = '' }: FinishChunk) =>
  finish_reason === 'stop' && !['pause_turn', 'compaction'].includes(native)

const isOther = ({ type }: StreamChunk) => type === 'tool-call-start' || type === 'refusal-delta'
