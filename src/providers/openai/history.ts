/** Puts each call of a history together with its result: the API refuses the one without the other. */
import type { AssistantInput, Message, ToolCall, ToolMessage } from '../../chat/index.js'
import { splitId, strippedSignature } from '../../chat/index.js'

/** A message, and for an assistant turn its calls with their results. */
export interface Turn {
  readonly message: Exclude<Message, ToolMessage>
  readonly calls: readonly PairedCall[]
}

/** A call, and what came of it. */
export interface PairedCall {
  readonly call: ToolCall
  /** The id on the wire, if the turn is written anew: unique, and short enough. */
  readonly wireId: string
  readonly result: ToolMessage | undefined
}

/** A history in which every call knows its result. */
export interface History {
  readonly turns: readonly Turn[]
  /** Results whose call is not in the history. */
  readonly orphans: readonly ToolMessage[]
}

interface Draft {
  readonly call: ToolCall
  readonly wireId: string
  readonly turn: number
  result: ToolMessage | undefined
}

/** A result belongs to the last turn before it that calls by its id; of two for one call the last counts. */
export function pair(messages: readonly Message[], onRepair: (what: string) => void): History {
  const drafts: Draft[] = []
  const turns: { message: Turn['message']; calls: Draft[] }[] = []
  const orphans: ToolMessage[] = []
  const toWireId = idFitter()
  for (const message of messages.map(withoutLegacyRole)) {
    if (message.role === 'tool') {
      const draft = findCall(drafts, splitId(message.tool_call_id).id)
      if (!draft) orphans.push(message)
      else {
        if (draft.result) onRepair('Of two results for one tool call the last was kept')
        draft.result = message
      }
      continue
    }
    const turn = turns.length
    const calls = callsOf(message, onRepair).map((call) => ({
      call,
      wireId: toWireId(call.id),
      turn,
      result: undefined,
    }))
    drafts.push(...calls)
    turns.push({ message, calls })
  }
  return { turns, orphans }
}

/** The call that a result is for: of several with one id in a turn, the first that has none. */
function findCall(drafts: readonly Draft[], id: string): Draft | undefined {
  const last = drafts.findLast(({ call }) => call.id === id)
  return (
    drafts.find(({ call, turn, result }) => call.id === id && turn === last?.turn && !result) ??
    last
  )
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

/** `{ role: 'function' }` answers the `function_call` of old histories, which had no ids. */
function withoutLegacyRole(message: Message): Message {
  // a role that no type knows any more
  const { role } = (message ?? {}) as { readonly role?: string }
  return role === 'function'
    ? { ...(message as ToolMessage), role: 'tool', tool_call_id: '' }
    : (message ?? ({} as Message))
}

/** The longest `call_id` that the API takes. */
const maxIdLength = 64

/** Ids that are unique in the history; one that is missing or too long is made. */
function idFitter(): (id: string) => string {
  const taken = new Set<string>()
  return (id) => {
    const base = id === '' ? 'call' : id.slice(0, maxIdLength)
    const isFree = id !== '' && id.length <= maxIdLength && !taken.has(base)
    let fit = base
    for (let n = 1; !isFree && (fit === base || taken.has(fit)); n++)
      fit = `${base.slice(0, maxIdLength - 6)}_${n}`
    taken.add(fit)
    return fit
  }
}
