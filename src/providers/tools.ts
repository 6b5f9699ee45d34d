/** Tools of the caller's own: members that the API has no place for, and free text where it has no place for that. */
import type { CustomTool } from '../chat/index.js'
import { type Notes, reportLost } from './notes.js'

/** Members of a function tool that the API has no place for; `taken`: those that it alone knows. */
export const reportToolMembers = (tool: object, taken: readonly string[], { note }: Notes): void =>
  reportLost(tool, [...mappedMembers, ...taken], { what: 'a tool', note, param: 'tools' })

const mappedMembers = 'type function name description parameters strict cache_control'.split(' ')

/** For an API without tools of free text: the schema of a function of one string, which is taken out again on the way back. */
export function freeTextSchema({ custom: { format } }: CustomTool, { note }: Notes) {
  const grammar = format && format.type !== 'text' ? JSON.stringify(format) : undefined
  note(
    'changed',
    'A custom tool was sent as a function of one string: no format is enforced',
    'tools',
  )
  const description = grammar ? `Free text of this format: ${grammar}` : 'Free text.'
  return {
    type: 'object' as const,
    properties: { input: { type: 'string', description } },
    required: ['input'],
  }
}
