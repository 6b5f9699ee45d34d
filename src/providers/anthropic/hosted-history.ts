/** Balances blocks of hosted tools in a history: calls need their results, across turns too. */
import type { Note } from '../notes.js'
import {
  isHostedCall,
  isHostedResult,
  isThinking,
  type WireBlock,
  type WireMessage,
} from './wire.js'

/** True for a turn paused during hosted tools (`pause_turn`): sent back unchanged, it continues. */
export function endsPaused(content: readonly WireBlock[]): boolean {
  const last = content.findLast((block) => !isThinking(block))
  return last !== undefined && (isHostedCall(last) || isHostedResult(last))
}

/** Drops a hosted call without result, except in an open turn, and a result without call. */
export function balanceHostedTools(messages: readonly WireMessage[], note: Note) {
  const blocks = messages.flatMap(({ content }) => content)
  const called = new Set(blocks.filter(isHostedCall).map(({ id }) => id))
  const answered = new Set(blocks.filter(isHostedResult).map(({ tool_use_id: id }) => id))
  const open = openTurn(messages)
  return messages.map((message) => {
    const content = message.content.filter((block) => {
      if (isHostedCall(block)) return message === open || answered.has(block.id)
      return !isHostedResult(block) || called.has(block.tool_use_id)
    })
    if (content.length === message.content.length) return message
    note('repaired', 'Dropped a hosted tool call without its result, or a result without its call')
    return { ...message, content }
  })
}

/** The turn that the provider continues: paused by it, or waiting for results of client tools. */
function openTurn(messages: readonly WireMessage[]): WireMessage | undefined {
  const last = messages.findLast(({ role }) => role === 'assistant')
  const isCalling = last?.content.some(({ type }) => type === 'tool_use')
  return isCalling || last === messages.at(-1) ? last : undefined
}
