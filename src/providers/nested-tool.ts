/** Functions written for any API, in the form of Chat Completions. */
import { isCustomTool, isFunctionTool, type ToolDefinition } from '../chat/index.js'
import { asText, defined, isObject, type JsonObject } from '../chat/json.js'

/**
 * A function in the form of Chat Completions, also from the flat ones of Responses and Messages; any
 * other tool is unchanged.
 */
export function nestedTool(tool: ToolDefinition): ToolDefinition {
  if (isFunctionTool(tool) || isCustomTool(tool)) return tool
  const { type, name, description, parameters, input_schema, strict, ...others } = tool
  if (typeof name !== 'string' || (type !== 'function' && !isObject(input_schema))) return tool
  const own = {
    description: asText(description),
    parameters: [parameters, input_schema].find(isObject),
    strict: strict === true || undefined,
  }
  return { type: 'function', function: { ...others, name, ...defined(own) } }
}

/** True for a function in any of these forms, which has a schema. */
export const hasSchema = ({ type, input_schema }: JsonObject) =>
  type === 'function' || isObject(input_schema)
