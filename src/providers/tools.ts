/** Tools of the caller: unsupported members, and free text for an API without free-text tools. */
import { type ChatRequest, type CustomTool, isCustomTool } from '../chat/index.js'
import { type Notes, reportLost } from './notes.js'

/** Reports members of a function tool that the API has no field for; `taken`: its own members. */
export const reportToolMembers = (tool: object, taken: readonly string[], { note }: Notes): void =>
  reportLost(tool, [...mappedMembers, ...taken], { what: 'a tool', note, param: 'tools' })

const mappedMembers = 'type function name description parameters strict cache_control'.split(' ')

/** Names of the free-text tools: where they are functions on the wire, their calls become text. */
export const customNames = ({ tools = [] }: ChatRequest): ReadonlySet<string> =>
  new Set(tools.flatMap((tool) => (isCustomTool(tool) ? [tool.custom.name] : [])))

/** For APIs without free-text tools: schema of a function of one string; answers are unwrapped. */
export function freeTextSchema({ custom: { format } }: CustomTool, { note }: Notes) {
  const grammar = format && format.type !== 'text' ? JSON.stringify(format) : undefined
  note.changed('A custom tool was sent as a function of one string: no format is enforced', 'tools')
  const description = grammar ? `Free text of this format: ${grammar}` : 'Free text.'
  return {
    type: 'object' as const,
    properties: { input: { type: 'string', description } },
    required: ['input'],
  }
}
