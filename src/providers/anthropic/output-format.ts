/** `response_format` → native structured output, or a tool whose call is the answer. */
import {
  type ChatRequest,
  isObject,
  type JsonObject,
  type JsonSchemaFormat,
} from '../../chat/index.js'
import type { Note } from './notes.js'
import { toInputSchema, toOutputSchema } from './output-schema.js'
import type { Profile } from './profile.js'
import type { WireTool } from './wire.js'

export type OutputFormat =
  | { readonly kind: 'text' }
  /** No schema: the model is told in words. */
  | { readonly kind: 'told' }
  | { readonly kind: 'native'; readonly schema: Record<string, unknown> }
  | { readonly kind: 'tool'; readonly tool: WireTool; readonly isWrapped: boolean }

/** The name that litellm gives the tool whose call is the answer. */
export const jsonToolName = 'json_tool_call'

/** Holds the answer where the schema is no object: a tool takes nothing else. */
export const wrapper = 'value'

export const jsonInstruction = 'Answer with one JSON object and nothing else.'

export function toOutputFormat(
  { response_format: format }: ChatRequest,
  profile: Profile,
  note: Note,
): OutputFormat {
  if (!format || format.type === 'text') return { kind: 'text' }
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined
  if (format.type !== 'json_schema' || !schema) {
    note(
      'changed',
      'The API has no JSON mode without a schema: the model was told to answer in JSON',
      'response_format',
    )
    return { kind: 'told' }
  }
  if (profile.structured) return { kind: 'native', schema: toOutputSchema(schema, note) }
  const isWrapped = !isObjectSchema(schema)
  return {
    kind: 'tool',
    isWrapped,
    tool: toJsonTool(format, isWrapped ? wrapped(schema) : schema, note),
  }
}

/** How the answer to this request comes back, without a word to anyone. */
export function jsonToolOf(
  request: ChatRequest,
  profile: Profile,
): { isWrapped: boolean } | undefined {
  const format = request.response_format
  if (format?.type !== 'json_schema' || profile.structured) return undefined
  const { schema } = format.json_schema
  return schema && { isWrapped: !isObjectSchema(schema) }
}

const isObjectSchema = ({ type, properties }: JsonObject) =>
  type === 'object' || isObject(properties)

const wrapped = ({ $defs, ...schema }: JsonObject): JsonObject => ({
  type: 'object',
  properties: { [wrapper]: schema },
  required: [wrapper],
  ...($defs !== undefined && { $defs }),
})

function toJsonTool(format: JsonSchemaFormat, schema: JsonObject, note: Note): WireTool {
  const { description, name } = format.json_schema
  return {
    name: jsonToolName,
    description: description ?? `Gives the answer (${name}).`,
    input_schema: toInputSchema(schema, note),
  }
}
