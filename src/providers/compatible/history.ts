/** Puts a history in the order that servers demand: each call followed by its result. */
import type { AssistantInput, Message, ToolCall, ToolMessage } from '../../chat/index.js'
import { splitId, strippedSignature } from '../../chat/index.js'

/** A message, and for an assistant turn its calls with their results. */
export interface Turn {
  readonly message: Exclude<Message, ToolMessage>
  readonly calls: readonly PairedCall[]
}

export interface PairedCall {
  /** Its id is there, and no other call of the turn has it. */
  readonly call: ToolCall
  readonly result: ToolMessage | undefined
}

interface Draft {
  readonly call: ToolCall
  readonly turn: number
  result: ToolMessage | undefined
}

/** A result belongs to the last turn before it that calls by its id; of two for one call the last counts. */
export function pair(
  messages: readonly Message[],
  onRepair: (message: string) => void,
): readonly Turn[] {
  const turns: { readonly message: Turn['message']; readonly calls: readonly Draft[] }[] = []
  const byId = new Map<string, readonly Draft[]>()
  for (const message of messages.map(withoutLegacyRole)) {
    if (message.role !== 'tool') {
      const calls = callsOf(message, onRepair).map(
        (call): Draft => ({ call, turn: turns.length, result: undefined }),
      )
      for (const { call } of calls)
        byId.set(
          call.id,
          calls.filter((draft) => draft.call.id === call.id),
        )
      turns.push({ message, calls })
      continue
    }
    const drafts = byId.get(splitId(message.tool_call_id).id) ?? []
    const draft = drafts.find(({ result }) => !result) ?? drafts.at(-1)
    if (!draft) onRepair('Tool results that answer no call were left out')
    else {
      if (draft.result) onRepair('Of two results for one tool call the last was kept')
      if (draft.turn !== turns.length - 1) onRepair('Tool results were moved behind their calls')
      draft.result = message
    }
  }
  return turns.map(({ message, calls }) => ({ message, calls: withIds(calls) }))
}

/** Ids that are missing, or stand for two calls of one turn, are made. */
function withIds(calls: readonly Draft[]): readonly PairedCall[] {
  const taken = new Set(calls.map(({ call }) => call.id))
  const seen = new Set<string>()
  return calls.map(({ call, result }) => {
    let { id } = call
    for (let n = 1; id === '' || seen.has(id) || (id !== call.id && taken.has(id)); n++)
      id = `${call.id || 'call'}_${n}`
    seen.add(id)
    return { call: { ...call, id }, result }
  })
}

/** `{ role: 'function' }` answers the `function_call` of old histories, which had no ids. */
function withoutLegacyRole(message: Message): Message {
  // a role that no type knows any more
  const { role } = message as { readonly role: string }
  return role === 'function'
    ? { ...(message as ToolMessage), role: 'tool', tool_call_id: '' }
    : message
}

function callsOf(message: Message, onRepair: (what: string) => void): readonly ToolCall[] {
  if (message.role !== 'assistant') return []
  const { tool_calls, function_call }: AssistantInput = message
  if (tool_calls && tool_calls.length > 0)
    return tool_calls.map((call) => {
      const { id, signature } = splitId(call.id)
      if (signature !== undefined) onRepair(strippedSignature)
      return { ...call, id }
    })
  return function_call ? [{ id: '', type: 'function', function: function_call }] : []
}
