/** Parses the text of a tool call to validated arguments. */
import { type FunctionCall, parseJson } from '../../src/chat/index.js'
import {
  checkJson,
  describeIssue,
  isStandardSchema,
  restoreAnswer,
  toJsonSchema,
  validate,
} from '../../src/schema/index.js'
import type { AnyTool } from './tool.js'

/** The arguments, or their defect, as a text for the model. */
export type Arguments =
  | { readonly value: unknown; readonly defect?: undefined }
  | { readonly defect: string }

/** Empty text is an object without members. */
export async function readArguments(
  call: FunctionCall,
  tool: Pick<AnyTool, 'parameters'>,
): Promise<Arguments> {
  const given = parseJson(call.function.arguments.trim() || '{}')
  if (given === undefined) return { defect: 'The arguments are not valid JSON.' }
  const { parameters = { type: 'object' } } = tool
  // with a strict schema, providers send null for omitted members
  const json = isStandardSchema(parameters) ? toJsonSchema(parameters) : parameters
  const value = restoreAnswer(given, json)
  if (isStandardSchema(parameters)) {
    const result = await validate(parameters, value)
    return result.issues ? misfit(result.issues.map(describeIssue)) : { value: result.value }
  }
  const issues = checkJson(json, value)
  return issues.length > 0 ? misfit(issues) : { value }
}

const misfit = (issues: readonly string[]): Arguments => ({
  defect: `The arguments do not fit the schema. ${issues.slice(0, 10).join('; ')}`,
})
