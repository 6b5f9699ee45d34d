/** The choice among tools, whatever API it was written for. */
import { asObjects, asText, isObject, type JsonObject } from '../chat/index.js'
import type { Notes } from './notes.js'

/** A choice in one form, whatever API it was written for. */
export interface Choice {
  readonly mode: 'none' | 'auto' | 'required'
  /** The one that must be called. */
  readonly tool?: ToolReference
  /** The only ones that may be called. */
  readonly allowed?: readonly JsonObject[]
}

export interface ToolReference {
  readonly type: string
  readonly name: string
}

/** `any` is Anthropic's and Mistral's word for it. */
const modes: ReadonlyMap<unknown, Choice['mode']> = new Map([
  ['none', 'none'],
  ['auto', 'auto'],
  ['required', 'required'],
  ['any', 'required'],
] as const)

/** Also `{ type: 'auto' }`, and names that stand where the Responses API has them; undefined for what names neither mode nor tool. */
export function readChoice(choice: unknown): Choice | undefined {
  const given = isObject(choice) ? choice : { type: choice }
  if (given.type === 'allowed_tools') {
    const { mode = 'auto', tools } = isObject(given.allowed_tools) ? given.allowed_tools : given
    const read = modes.get(mode)
    return read && Array.isArray(tools) ? { mode: read, allowed: asObjects(tools) } : undefined
  }
  const mode = modes.get(given.type)
  if (mode) return { mode }
  const name = nameOf(given)
  return name === undefined
    ? undefined
    : { mode: 'required', tool: { type: String(given.type), name } }
}

/** Throws for a choice that is none. */
export const invalidChoice = ({ invalid }: Notes) =>
  invalid(
    "tool_choice is 'none', 'auto', 'required', or an object that names a tool",
    'invalid_tool_choice',
  )

/** The name of a tool or of a reference to one, nested as in Chat Completions or flat; undefined where it has none. */
export const nameOf = (tool: JsonObject): string | undefined =>
  asText(([tool.function, tool.custom].find(isObject) ?? tool).name)
