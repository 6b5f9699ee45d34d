/** `tool_choice` → the Messages API. */
import { asObject, type ChatRequest, isObject, type ToolChoice } from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import type { Note } from '../notes.js'
import type { WireToolChoice } from './wire.js'

/** True where a call is demanded. */
export const isForced = (choice: ToolChoice | undefined): boolean => {
  const type = choice && kindOf(choice)
  return type === 'any' || type === 'tool'
}

type Kind = WireToolChoice['type']

const kinds: ReadonlyMap<unknown, Kind> = new Map<unknown, Kind>([
  ['auto', 'auto'],
  ['none', 'none'],
  ['required', 'any'],
  ['any', 'any'],
  ['function', 'tool'],
  ['custom', 'tool'],
  ['tool', 'tool'],
])

function kindOf(choice: ToolChoice): Kind | undefined {
  const type: unknown = typeof choice === 'string' ? choice : choice.type
  if (typeof choice === 'object' && choice.type === 'allowed_tools')
    return choice.allowed_tools.mode === 'required' ? 'any' : 'auto'
  return kinds.get(type)
}

/** Throws `BadRequestError` for a choice that no API knows. Without tools there is nothing to choose. */
export function toWireToolChoice(
  { tool_choice, parallel_tool_calls }: ChatRequest,
  hasTools: boolean,
  note: Note,
): WireToolChoice | undefined {
  if (!hasTools) {
    if (tool_choice !== undefined && tool_choice !== 'none' && tool_choice !== 'auto')
      note('ignored', 'tool_choice was left out: there are no tools', 'tool_choice')
    return undefined
  }
  const isSingle =
    parallel_tool_calls === false || asObject(tool_choice).disable_parallel_tool_use === true
  const single = isSingle && { disable_parallel_tool_use: true as const }
  if (tool_choice === undefined || tool_choice === null)
    return single ? { type: 'auto', ...single } : undefined
  const type = kindOf(tool_choice)
  if (type === undefined)
    throw new BadRequestError(
      `tool_choice must be auto, none, required or name a tool, not ${JSON.stringify(tool_choice)}`,
      { status: 400, provider: 'anthropic', code: 'invalid_tool_choice' },
    )
  if (type === 'none') return { type }
  return type === 'tool' ? { type, name: chosenName(tool_choice), ...single } : { type, ...single }
}

function chosenName(choice: ToolChoice): string {
  const { name, function: fn, custom } = asObject(choice)
  const named = [fn, custom].find(isObject)?.name ?? name
  if (typeof named === 'string') return named
  throw new BadRequestError('tool_choice names no tool', { status: 400, provider: 'anthropic' })
}
