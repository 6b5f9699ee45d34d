/** Names and ids of tools. What the API refuses in a name was spelled anew before (see ../tool-names.ts). */
import type { ToolDefinition } from '../../chat/index.js'
import { isOwnTool } from './models.js'

/** The caller's custom tools take free text, which travels as the one argument `input`. */
export const customNames = (tools: readonly ToolDefinition[] = []): ReadonlySet<string> =>
  new Set(tools.flatMap((tool) => (tool.type === 'custom' ? (ownName(tool) ?? []) : [])))

/** The caller's name of a tool that he runs himself; undefined for a hosted one, and for one without a name. */
export function ownName(tool: ToolDefinition): string | undefined {
  if (!isOwnTool(tool)) return undefined
  // a caller without types may leave either out
  const name: unknown = tool.type === 'custom' ? tool.custom?.name : tool.function?.name
  return typeof name === 'string' && name !== '' ? name : undefined
}

/** An id for what came without one: 37 characters, since OpenAI takes no more than 40. */
export const madeId = (kind = 'call'): string =>
  `${kind}_${globalThis.crypto.randomUUID().replaceAll('-', '')}`
