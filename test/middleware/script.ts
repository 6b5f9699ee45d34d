/** Replies of a scripted provider in one line each, and a stream reader. */
import type { FinishChunk, StreamChunk, Usage } from '../../src/chat/index.js'
import type { ChatStream } from '../../src/core/index.js'
import { say, start } from '../contract/scripted.js'

export const tokens = (prompt_tokens: number, completion_tokens: number): Usage => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
})

/** `[id, name, arguments]`: arguments are an object, or text as the model wrote it. */
export type Called = readonly [id: string, name: string, args?: unknown, kind?: 'custom']

/** A turn that calls tools. */
export const call = (
  calls: readonly Called[],
  finish: Partial<FinishChunk> = {},
): readonly StreamChunk[] => [
  start(),
  ...calls.flatMap(([id, name, args = {}, kind], index): StreamChunk[] => [
    { type: 'tool-call-start', index, id, name, ...(kind && { kind }) },
    {
      type: 'tool-call-delta',
      index,
      arguments: typeof args === 'string' ? args : JSON.stringify(args),
    },
    { type: 'tool-call-end', index },
  ]),
  { type: 'finish', finish_reason: 'tool_calls', usage: tokens(10, 5), ...finish },
]

export { say }

/** All chunks, and the error that the iteration threw. */
export async function collect(stream: ChatStream) {
  const chunks: StreamChunk[] = []
  try {
    for await (const chunk of stream) chunks.push(chunk)
    return { chunks, error: undefined }
  } catch (error) {
    return { chunks, error }
  }
}

export const thrown = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  )
