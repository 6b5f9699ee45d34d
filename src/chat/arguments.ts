/** Arguments of a tool call as an object: what most APIs take, whatever a history holds. */
import { defined, isObject, type JsonObject, parseJson } from './json.js'
import type { CallMembers, ToolCall } from './message.js'
import { repairJson } from './repair-json.js'

/**
 * What is no object, under the one name that all adapters use: arguments that are another JSON value or no JSON, and the
 * free text of a custom call.
 */
export const wrapInput = (input: unknown): JsonObject => ({ input })

export interface Arguments {
  readonly input: JsonObject
  /** They were no JSON object: brought to their end, or wrapped. */
  readonly isRepaired: boolean
}

/**
 * The object that the arguments say. No text is an object without members; a text that broke off is brought to its end;
 * what is past repair, and a value that is no object, is wrapped: `{ input: … }`.
 */
export function toArguments(given: unknown): Arguments {
  if (isBlank(given)) return { input: {}, isRepaired: false }
  const parsed = typeof given === 'string' ? parseJson(given) : given
  if (isObject(parsed)) return { input: parsed, isRepaired: false }
  const value = parsed === undefined ? (repairJson(String(given)) ?? given) : parsed
  if (value === null) return { input: {}, isRepaired: true }
  return { input: isObject(value) ? value : wrapInput(value), isRepaired: true }
}

/** Arguments that came where text is documented, as text: another value as its JSON. Undefined where none came. */
export const toArgumentsText = (given: unknown): string | undefined => {
  if (given === undefined || given === null || given === '') return undefined
  return typeof given === 'string' ? given : JSON.stringify(given)
}

/** What a call says: the name of its tool and, as text, its arguments or the input of a custom call. */
export const readToolCall = (call: ToolCall): { readonly name: string; readonly text: string } =>
  call.type === 'custom'
    ? { name: call.custom.name, text: call.custom.input }
    : { name: call.function.name, text: call.function.arguments }

/** What a call says beside that, as it stands on the call or on the chunk that starts it. */
export const callMembers = ({ namespace, caller, async, toolset_name }: CallMembers): CallMembers =>
  defined({ namespace, caller, async, toolset_name })

const isBlank = (given: unknown) =>
  given === undefined || given === null || (typeof given === 'string' && given.trim() === '')
