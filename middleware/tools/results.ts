/** The result of a tool call for the model, as a chunk and as a message. */
import {
  type ChunkOf,
  type FunctionCall,
  type ToolMessage,
  toToolContent,
} from '../../src/chat/index.js'

export type ToolResult = ChunkOf<'tool-result'>

/**
 * Text and lists of content parts are kept, anything else is serialized as JSON. Throws if JSON
 * cannot.
 */
export const toResult = (call: FunctionCall, value: unknown): ToolResult => ({
  type: 'tool-result',
  tool_call_id: call.id,
  name: call.function.name,
  content: toToolContent(value),
})

/** An error result, so that the model can try again. */
export const toErrorResult = (call: FunctionCall, message: string): ToolResult => ({
  ...toResult(call, message),
  is_error: true,
})

export const toMessage = ({ type: _, ...result }: ToolResult): ToolMessage => ({
  role: 'tool',
  ...result,
})
