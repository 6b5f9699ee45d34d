/** What a tool call comes to: a result for the model, in the form of a chunk and of a message. */
import {
  type ChunkOf,
  type FunctionCall,
  type ToolMessage,
  toToolContent,
} from '../../src/chat/index.js'

export type ToolResult = ChunkOf<'tool-result'>

/** Text and lists of content parts as they are, anything else as JSON. Throws for what JSON cannot say. */
export const toResult = (call: FunctionCall, value: unknown): ToolResult => ({
  type: 'tool-result',
  tool_call_id: call.id,
  name: call.function.name,
  content: toToolContent(value),
})

/** Tells the model what went wrong, so that it can try again. */
export const toErrorResult = (call: FunctionCall, message: string): ToolResult => ({
  ...toResult(call, message),
  is_error: true,
})

export const toMessage = ({ type: _, ...result }: ToolResult): ToolMessage => ({
  role: 'tool',
  ...result,
})
