/** Names and ids of tools: what Gemini takes, and back. */
import type { ToolDefinition } from '../../chat/index.js'
import { isOwnTool } from './models.js'

export interface ToolNames {
  /** A name that Gemini takes; the same for the same tool throughout one request. */
  toWire(name: string): string
  fromWire(name: string): string
  /** The caller's custom tools take free text, which travels as the one argument `input`. */
  isCustom(name: string): boolean
}

/** The letters that a function may be called by, and how many. FunctionDeclaration.name of v1beta. */
const taken = /^[a-zA-Z_][\w.:-]{0,127}$/
const longest = 128

export function toolNames(tools: readonly ToolDefinition[] = []): ToolNames {
  const toWire = new Map<string, string>()
  const fromWire = new Map<string, string>()
  const custom = new Set<string>()
  for (const tool of tools) {
    const name = ownName(tool)
    if (name === undefined) continue
    if (tool.type === 'custom') custom.add(name)
    if (toWire.has(name)) continue
    const wire = unique(clean(name), fromWire)
    toWire.set(name, wire)
    fromWire.set(wire, name)
  }
  return {
    toWire: (name) => toWire.get(name) ?? clean(name),
    fromWire: (name) => fromWire.get(name) ?? name,
    isCustom: (name) => custom.has(name),
  }
}

/** The caller's name of a tool that he runs himself; undefined for a hosted one, and for one without a name. */
export function ownName(tool: ToolDefinition): string | undefined {
  if (!isOwnTool(tool)) return undefined
  // a caller without types may leave either out
  const name: unknown = tool.type === 'custom' ? tool.custom?.name : tool.function?.name
  return typeof name === 'string' && name !== '' ? name : undefined
}

const clean = (name: string) => {
  if (taken.test(name)) return name
  const letters = name.replace(/[^\w.:-]/g, '_').slice(0, longest)
  return taken.test(letters) ? letters : `_${letters}`.slice(0, longest)
}

const unique = (name: string, used: ReadonlyMap<string, unknown>) => {
  let candidate = name
  for (let n = 2; used.has(candidate); n++)
    candidate = `${name.slice(0, longest - 1 - String(n).length)}_${n}`
  return candidate
}

/** An id for what came without one: 37 characters, since OpenAI takes no more than 40. */
export const madeId = (kind = 'call'): string =>
  `${kind}_${globalThis.crypto.randomUUID().replaceAll('-', '')}`
