/** Parses the arguments of a tool call into an object, the only form most APIs accept. */
import { defined, isObject, type JsonObject, parseJson } from './json.js'
import type { CallMembers, ToolCall } from './message.js'
import { repairJson } from './repair-json.js'

/** Wraps what is not an object: other JSON, broken arguments, the free text of a custom call. */
export const wrapInput = (input: unknown): JsonObject => ({ input })

export interface Arguments {
  readonly input: JsonObject
  /** The arguments were not a JSON object: they were completed or wrapped. */
  readonly isRepaired: boolean
}

/**
 * Parses arguments into an object. Blank text becomes `{}`; truncated JSON is completed; a value
 * that is not an object, and text beyond repair, is wrapped as `{ input }`.
 */
export function toArguments(given: unknown): Arguments {
  if (isBlank(given)) return { input: {}, isRepaired: false }
  const parsed = typeof given === 'string' ? parseJson(given) : given
  if (isObject(parsed)) return { input: parsed, isRepaired: false }
  const value = parsed === undefined ? (repairJson(String(given)) ?? given) : parsed
  if (value === null) return { input: {}, isRepaired: true }
  return { input: isObject(value) ? value : wrapInput(value), isRepaired: true }
}

/** Arguments as text; a value that is not text is serialized as JSON. Undefined if absent or ''. */
export const toArgumentsText = (given: unknown): string | undefined => {
  if (given === undefined || given === null || given === '') return undefined
  return typeof given === 'string' ? given : JSON.stringify(given)
}

/** The name of a call's tool and, as text, its arguments or custom input. */
export const readToolCall = (call: ToolCall): { readonly name: string; readonly text: string } =>
  call.type === 'custom'
    ? { name: call.custom.name, text: call.custom.input }
    : { name: call.function.name, text: call.function.arguments }

/** The arguments of a call as an object; the free text of a custom call is its one property. */
export const toCallInput = (call: ToolCall): JsonObject => {
  const { text } = readToolCall(call)
  return call.type === 'custom' ? wrapInput(text) : toArguments(text).input
}

/** The provider-specific members of a call, as set on the call or on the chunk that starts it. */
export const callMembers = ({ namespace, caller, async, toolset_name }: CallMembers): CallMembers =>
  defined({ namespace, caller, async, toolset_name })

const isBlank = (given: unknown) =>
  given === undefined || given === null || (typeof given === 'string' && given.trim() === '')
