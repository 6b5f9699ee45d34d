/** Maps `response_format` to native structured output, or to a tool whose call is the answer. */
import type { ChatRequest, JsonObject } from '../../chat/index.js'
import { onDemand } from '../../core/on-demand.js'
import type { Note } from '../notes.js'
import type { Profile } from './profile.js'
import type { WireTool } from './wire.js'

/** Loaded by the first request with a schema. */
export const schemas = onDemand(() => import('../../schema/anthropic.js'))

export type OutputFormat =
  | { readonly kind: 'text' }
  /** No schema: the prompt asks for JSON. */
  | { readonly kind: 'prompt' }
  | { readonly kind: 'native'; readonly schema: JsonObject }
  | { readonly kind: 'tool'; readonly tool: WireTool; readonly isWrapped: boolean }

/** litellm's name for the tool whose call is the answer. */
export const jsonToolName = 'json_tool_call'

/** Wraps an answer whose schema is no object (`wrapRoot` in src/schema): tool input must be one. */
export const wrapper = 'value'

export const jsonInstruction = 'Answer with one JSON object and nothing else.'

export function toOutputFormat(request: ChatRequest, profile: Profile, note: Note): OutputFormat {
  const { response_format: format } = request
  if (!format || format.type === 'text') return { kind: 'text' }
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined
  if (format.type !== 'json_schema' || !schema) {
    note.changed(
      'The API has no JSON mode without a schema: added an instruction to answer in JSON',
      'response_format',
    )
    return { kind: 'prompt' }
  }
  const warn = (message: string) =>
    note.changed(`The schema of the answer: ${message}`, 'response_format')
  const { anthropicAnswerSchema, anthropicAnswerTool } = schemas.part
  const answer = profile.structured ? anthropicAnswerSchema(schema, warn) : undefined
  if (answer?.strict) return { kind: 'native', schema: answer.schema }
  const { schema: loose, wrapped } = anthropicAnswerTool(schema, warn)
  const { name, description = `Gives the answer (${name}).` } = format.json_schema
  const tool = { name: jsonToolName, description, input_schema: { ...loose, type: 'object' } }
  return { kind: 'tool', isWrapped: wrapped === true, tool }
}
