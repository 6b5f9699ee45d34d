/** The blocks of an answer that are worth keeping. */
import { isObject, type JsonObject } from '../../chat/index.js'

/** Marks the container of code execution among the blocks: its files are there for the next turn too. */
export const containerType = 'container'

const isPlainText = ({ type, citations }: JsonObject) =>
  type === 'text' && (citations == null || (Array.isArray(citations) && citations.length === 0))

const plainCallKeys = new Set(['type', 'id', 'name', 'input'])

const isPlainCall = (block: JsonObject) =>
  block.type === 'tool_use' && Object.keys(block).every((key) => plainCallKeys.has(key))

/** Text, then calls: what can be rebuilt from the message needs no second copy. */
function isRebuildable(blocks: readonly JsonObject[]): boolean {
  const firstCall = blocks.findIndex(isPlainCall)
  const texts = firstCall < 0 ? blocks : blocks.slice(0, firstCall)
  const calls = firstCall < 0 ? [] : blocks.slice(firstCall)
  return texts.length <= 1 && texts.every(isPlainText) && calls.every(isPlainCall)
}

/** What an answer carries for the next turn; undefined where the message says it all. */
export function toNative(
  blocks: readonly JsonObject[],
  container: unknown,
): readonly JsonObject[] | undefined {
  if (blocks.length === 0 || isRebuildable(blocks)) return undefined
  return isObject(container) ? [...blocks, { ...container, type: containerType }] : blocks
}

/** A call of a client tool that code in the provider's container made. */
export const isCodeCall = ({ type, caller }: JsonObject) =>
  type === 'tool_use' && isObject(caller) && caller.type !== 'direct'
