/** Selects the messages to drop: oldest first, a call only with its results, instructions never. */
import { asMoved, estimateMessageTokens, type Message } from '../../src/chat/index.js'

/** Messages that are kept or dropped together: a turn with its results, or one message. */
interface Unit {
  readonly messages: readonly Message[]
  readonly tokens: number
}

/**
 * The messages without the oldest ones, so that about `surplus` fewer estimated tokens remain.
 * Whole exchanges before the last user message are dropped first, then turns of a loop after it.
 * Instructions, the last user message and the last turn stay, whatever they cost.
 */
export function trim(messages: readonly Message[], surplus: number): readonly Message[] {
  const units = toUnits(messages)
  const lastUser = units.findLastIndex((unit) => isUser(unit))
  const dropped = new Set<Unit>()
  let left = surplus
  const drop = (unit: Unit) => {
    if (isInstruction(unit)) return
    dropped.add(unit)
    left -= unit.tokens
  }
  for (const [index, unit] of units.slice(0, Math.max(0, lastUser)).entries()) {
    // an exchange that lost its question loses its answer too
    if (left <= 0 && (isUser(unit) || index === 0)) break
    drop(unit)
  }
  for (const unit of units.slice(lastUser + 1, -1)) {
    if (left <= 0) break
    drop(unit)
  }
  return dropped.size === 0
    ? messages
    : units.flatMap((unit) => (dropped.has(unit) ? [] : unit.messages)).map(asMoved)
}

function toUnits(messages: readonly Message[]): readonly Unit[] {
  const groups: Message[][] = []
  for (const message of messages) {
    const group = groups.at(-1)
    if (message.role === 'tool' && group) group.push(message)
    else groups.push([message])
  }
  return groups.map((group) => ({
    messages: group,
    tokens: group.reduce((sum, message) => sum + estimateMessageTokens(message), 0),
  }))
}

const isUser = ({ messages: [first] }: Unit) => first?.role === 'user'

const isInstruction = ({ messages: [first] }: Unit) =>
  first?.role === 'system' || first?.role === 'developer'
