/** Selects the blocks of an answer to keep. */
import { isObject, type JsonObject } from '../../chat/index.js'

/** Type of the entry for the code-execution container: the next turn can use its files. */
export const containerType = 'container'

const isPlainText = ({ type, citations }: JsonObject) =>
  type === 'text' && (citations == null || (Array.isArray(citations) && citations.length === 0))

const plainCallKeys = new Set(['type', 'id', 'name', 'input'])

const isPlainCall = (block: JsonObject) =>
  block.type === 'tool_use' && Object.keys(block).every((key) => plainCallKeys.has(key))

/** True for text, then calls: the message alone can rebuild them. */
function isRebuildable(blocks: readonly JsonObject[]): boolean {
  const firstCall = blocks.findIndex(isPlainCall)
  const texts = firstCall < 0 ? blocks : blocks.slice(0, firstCall)
  const calls = firstCall < 0 ? [] : blocks.slice(firstCall)
  return texts.length <= 1 && texts.every(isPlainText) && calls.every(isPlainCall)
}

/** The blocks that an answer keeps for the next turn; undefined if the message holds all. */
export function toNative(
  blocks: readonly JsonObject[],
  container: unknown,
): readonly JsonObject[] | undefined {
  if (blocks.length === 0 || isRebuildable(blocks)) return undefined
  return isObject(container) ? [...blocks, { ...container, type: containerType }] : blocks
}

/** True for a client tool call made by code in the provider's container. */
export const isCodeCall = ({ type, caller }: JsonObject) =>
  type === 'tool_use' && isObject(caller) && caller.type !== 'direct'
