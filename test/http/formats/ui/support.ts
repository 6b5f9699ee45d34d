/** Shared helpers for the tests of the `ui` format. */
import { readUIMessageStream, type UIMessage, type UIMessageChunk } from 'ai6'
import type { StreamChunk } from '../../../../src/chat/index.js'
import type { AnswerContext, Incoming } from '../../../../src/http/formats/index.js'
import { ui } from '../../../../src/http/formats/ui/index.js'

export const incoming: Incoming = { messages: [], isStream: true, rest: {} }

export const contextOf = (context: Partial<AnswerContext> = {}): AnswerContext => ({
  id: 'answer-1',
  incoming,
  expose: { reasoning: true, warnings: false, attempts: false, cost: false, requestIds: false },
  ...context,
})

export const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
export const start: StreamChunk = { type: 'start', id: 'c', model: 'm', provider: 'p', created: 1 }
export const finish = (
  finish_reason: 'stop' | 'tool_calls' = 'stop',
  more: object = {},
): StreamChunk => ({ type: 'finish', finish_reason, usage, ...more })

export const call = (index: number, id: string, name: string, text: string): StreamChunk[] => [
  { type: 'tool-call-start', index, id, name },
  { type: 'tool-call-delta', index, arguments: text.slice(0, 3) },
  { type: 'tool-call-delta', index, arguments: text.slice(3) },
  { type: 'tool-call-end', index },
]

export type Event = UIMessageChunk & Record<string, unknown>

/** One chunk per `encode`, so that nothing is joined. */
export async function encode(
  chunks: readonly StreamChunk[],
  context: Partial<AnswerContext> = {},
): Promise<Event[]> {
  const encoder = ui.encoder(contextOf(context))
  const data: string[] = []
  for (const chunk of chunks) data.push(...(await encoder.encode([chunk])))
  return parse([...data, ...(await encoder.end())])
}

export const parse = (data: readonly string[]): Event[] =>
  data.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one))

type Message = Omit<UIMessage, 'parts'> & { readonly parts: Record<string, unknown>[] }

/** The message that a client of version 6 builds from events. */
export async function toMessage(events: readonly Event[], message?: UIMessage): Promise<Message> {
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const event of events) controller.enqueue(event)
      controller.close()
    },
  })
  let last: UIMessage | undefined
  for await (const state of readUIMessageStream({ stream, ...(message && { message }) }))
    last = state
  return JSON.parse(JSON.stringify(last))
}

/** Deeply frozen: any mutation throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
