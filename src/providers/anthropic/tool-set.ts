/** All tools of a request, including those the adapter adds, and the tool choice. */
import { asObject, type ChatRequest, isGiven } from '../../chat/index.js'
import { invalidChoice, readChoice } from '../tool-choice.js'
import { thinksByBudget } from './effort.js'
import { jsonToolName, type OutputFormat } from './output-format.js'
import type { Profile, WriteContext } from './profile.js'
import { toWireTools, type WireTools } from './tools.js'
import type { WireMessages, WireTool, WireToolChoice } from './wire.js'

export interface ToolSet extends WireTools {
  readonly tool_choice: WireToolChoice | undefined
}

/** Throws `BadRequestError` for an invalid choice. */
export function toToolSet(
  request: ChatRequest,
  context: WriteContext & {
    readonly format: OutputFormat
    readonly messages: WireMessages
  },
): ToolSet {
  const { profile, format, messages } = context
  const { tools, mcp_servers } = toWireTools(request, context)
  if (format.kind === 'tool') {
    const isAlone = tools.length === 0 || request.tool_choice === 'none'
    return {
      tools: isAlone ? [format.tool] : [...tools, format.tool],
      mcp_servers,
      tool_choice: jsonToolChoice(request, profile, isAlone),
    }
  }
  if (tools.length > 0 || mcp_servers.length > 0)
    return { tools, mcp_servers, tool_choice: toWireToolChoice(request, context) }
  if (!['none', 'auto'].includes(String(request.tool_choice ?? 'auto')))
    context.note.ignored('tool_choice was left out: there are no tools', 'tool_choice')
  const absent = standIns(messages, context)
  const tool_choice = absent.length > 0 ? ({ type: 'none' } as const) : undefined
  return { tools: absent, mcp_servers, tool_choice }
}

function toWireToolChoice(request: ChatRequest, context: WriteContext): WireToolChoice | undefined {
  const { tool_choice, parallel_tool_calls } = request
  const isSingle =
    parallel_tool_calls === false || asObject(tool_choice).disable_parallel_tool_use === true
  if (!isGiven(tool_choice) && !isSingle) return undefined
  const choice = readChoice(tool_choice ?? 'auto')
  if (!choice) throw invalidChoice(context)
  const { mode, tool } = choice
  const single = isSingle && { disable_parallel_tool_use: true as const }
  if (mode === 'none') return { type: mode }
  if (tool) return { type: 'tool', name: tool.name, ...single }
  return { type: mode === 'required' ? 'any' : mode, ...single }
}

/** Other tools may be called before the answer; with a thinking budget no tool can be forced. */
function jsonToolChoice(request: ChatRequest, profile: Profile, isAlone: boolean): WireToolChoice {
  const single = { disable_parallel_tool_use: true } as const
  if (!profile.forcedTools || thinksByBudget(request, profile)) return { type: 'auto', ...single }
  return isAlone ? { type: 'tool', name: jsonToolName, ...single } : { type: 'any', ...single }
}

/** The API refuses calls in a history without tools: declares the called tools, choice none. */
function standIns(messages: WireMessages, { note }: WriteContext): readonly WireTool[] {
  const calls = messages.flatMap(({ content }) => content.filter(({ type }) => type === 'tool_use'))
  const names = new Set(calls.map(({ name }) => name))
  if (names.size > 0)
    note.repaired(
      'The history has tool calls, the request has no tools: sent their names with tool_choice none',
      'tools',
    )
  return [...names].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }))
}
