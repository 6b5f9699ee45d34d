/** All tools of one request, those of the adapter's own making included, and which of them may be called. */
import type { ChatRequest } from '../../chat/index.js'
import type { Note } from '../notes.js'
import { thinksByBudget } from './effort.js'
import { jsonToolName, type OutputFormat } from './output-format.js'
import type { Profile } from './profile.js'
import { toWireToolChoice } from './tool-choice.js'
import { toWireTools, type WireTools } from './tools.js'
import type { WireBlock, WireMessage, WireTool, WireToolChoice } from './wire.js'

export interface ToolSet extends WireTools {
  readonly tool_choice: WireToolChoice | undefined
}

interface ToolsContext {
  readonly profile: Profile
  readonly format: OutputFormat
  readonly messages: readonly WireMessage[]
  readonly note: Note
}

export function toolsFor(request: ChatRequest, context: ToolsContext): ToolSet {
  const { profile, format, messages, note } = context
  const { tools, mcp_servers } = toWireTools(request, context)
  if (format.kind !== 'tool') {
    const hasTools = tools.length > 0 || mcp_servers.length > 0
    const tool_choice = toWireToolChoice(request, hasTools, note)
    const absent = hasTools ? [] : standIns(messages, note)
    return absent.length > 0
      ? { tools: absent, mcp_servers, tool_choice: { type: 'none' } }
      : { tools, mcp_servers, tool_choice }
  }
  const isAlone = tools.length === 0 || request.tool_choice === 'none'
  return {
    tools: isAlone ? [format.tool] : [...tools, format.tool],
    mcp_servers,
    tool_choice: jsonToolChoice(request, profile, isAlone),
  }
}

/** Another tool may be called before the answer; a model that thinks by a budget cannot be forced. */
function jsonToolChoice(request: ChatRequest, profile: Profile, isAlone: boolean): WireToolChoice {
  const single = { disable_parallel_tool_use: true } as const
  if (!profile.forcedTools || thinksByBudget(request, profile)) return { type: 'auto', ...single }
  return isAlone ? { type: 'tool', name: jsonToolName, ...single } : { type: 'any', ...single }
}

/** A history with calls is refused without tools: those that are gone are named, and not to be called. */
function standIns(messages: readonly WireMessage[], note: Note): readonly WireTool[] {
  const blocks = messages.flatMap(({ content }): readonly WireBlock[] => content)
  const names = new Set(blocks.flatMap((block) => (block.type === 'tool_use' ? [block.name] : [])))
  if (names.size > 0)
    note(
      'repaired',
      'The history holds tool calls, the request no tools: their names were sent, not to be called',
      'tools',
    )
  return [...names].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }))
}
