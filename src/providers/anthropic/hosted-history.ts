/** Balances blocks of hosted tools in a history: calls need their results, across turns too. */
import type { Note } from '../notes.js'
import {
  isHostedCall,
  isHostedResult,
  isThinking,
  type WireBlock,
  type WireMessage,
} from './wire.js'

type Use = { readonly kind: 'call' | 'result'; readonly id: unknown }

function useOf(block: WireBlock): Use | undefined {
  if (isHostedCall(block)) return { kind: 'call', id: block.id }
  return isHostedResult(block) ? { kind: 'result', id: block.tool_use_id } : undefined
}

/** True for a turn paused during hosted tools (`pause_turn`): sent back unchanged, it continues. */
export function endsPaused(content: readonly WireBlock[]): boolean {
  const last = content.findLast((block) => !isThinking(block))
  return last !== undefined && useOf(last) !== undefined
}

/** Drops a hosted call without result, except in an open turn, and a result without call. */
export function balanceHostedTools(
  messages: readonly WireMessage[],
  note: Note,
): readonly WireMessage[] {
  const uses = messages.flatMap(({ content }) => content.map(useOf))
  const called = idsOf(uses, 'call')
  const answered = idsOf(uses, 'result')
  if (called.size === 0 && answered.size === 0) return messages
  const isWhole = (block: WireBlock, isOpen: boolean) => {
    const use = useOf(block)
    if (!use) return true
    return use.kind === 'call' ? isOpen || answered.has(use.id) : called.has(use.id)
  }
  const open = openTurn(messages)
  return messages.map((message) => {
    const content = message.content.filter((block) => isWhole(block, message === open))
    if (content.length === message.content.length) return message
    note(
      'repaired',
      'A hosted tool call without its result, or a result without its call, was left out',
    )
    return { ...message, content }
  })
}

/** The turn that the provider continues: paused by it, or waiting for results of client tools. */
function openTurn(messages: readonly WireMessage[]): WireMessage | undefined {
  const last = messages.findLast(({ role }) => role === 'assistant')
  const isCalling = last?.content.some(({ type }) => type === 'tool_use')
  return isCalling || last === messages.at(-1) ? last : undefined
}

const idsOf = (uses: readonly (Use | undefined)[], kind: Use['kind']): ReadonlySet<unknown> =>
  new Set(uses.flatMap((use) => (use?.kind === kind ? [use.id] : [])))
