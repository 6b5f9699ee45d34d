/** Names and ids of tools; invalid names were replaced before (see ../tool-names.ts). */
import type { ToolDefinition } from '../../chat/index.js'
import { isOwnTool } from './models.js'

/** Names of custom tools, whose free text is the one argument `input`. */
export const customNames = (tools: readonly ToolDefinition[] = []): ReadonlySet<string> =>
  new Set(tools.flatMap((tool) => (tool.type === 'custom' ? (ownName(tool) ?? []) : [])))

/** The name of a tool that the caller runs; undefined if it is hosted or has none. */
export function ownName(tool: ToolDefinition): string | undefined {
  if (!isOwnTool(tool)) return undefined
  // an untyped caller may omit either
  const name: unknown = tool.type === 'custom' ? tool.custom?.name : tool.function?.name
  return typeof name === 'string' && name !== '' ? name : undefined
}

/** Generates an id, of 37 characters for a call: OpenAI accepts at most 40. */
export const madeId = (kind = 'call'): string =>
  `${kind}_${globalThis.crypto.randomUUID().replaceAll('-', '')}`
