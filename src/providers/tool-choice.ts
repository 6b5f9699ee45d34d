/** Reads a tool choice written for any API. */
import { asObjects, asText, isObject, type JsonObject } from '../chat/index.js'
import type { Notes } from './notes.js'

export interface Choice {
  readonly mode: 'none' | 'auto' | 'required'
  /** The tool that must be called. */
  readonly tool?: { readonly type: string; readonly name: string }
  /** The only tools that may be called. */
  readonly allowed?: readonly JsonObject[]
}

/** `any` is the name in Anthropic and Mistral. */
const modes: ReadonlyMap<unknown, Choice['mode']> = new Map([
  ['none', 'none'],
  ['auto', 'auto'],
  ['required', 'required'],
  ['any', 'required'],
] as const)

/** Also reads `{ type: 'auto' }`, flat names and Anthropic's `tool`; undefined for other values. */
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
  const type = given.type === 'tool' ? 'function' : String(given.type)
  return name === undefined ? undefined : { mode: 'required', tool: { type, name } }
}

export const invalidChoice = ({ invalid }: Notes) =>
  invalid(
    "tool_choice must be 'none', 'auto', 'required', or an object that names a tool",
    'invalid_tool_choice',
  )

/** The name of a tool or reference, nested as in Chat Completions or flat; undefined if absent. */
export const nameOf = (tool: JsonObject): string | undefined =>
  asText(([tool.function, tool.custom].find(isObject) ?? tool).name)
