/** Puts a history in the order that servers demand: each call followed by its result. */
import type { AssistantInput, Message, ToolCall, ToolMessage } from '../../chat/index.js'

/** A message, and for a turn with calls their results in the order of the calls. */
export interface Turn {
  readonly message: Exclude<Message, ToolMessage>
  readonly calls: readonly ToolCall[]
  readonly results: readonly ToolMessage[]
}

/** Every call is followed by its result, every result follows its call: servers refuse anything else. */
export function pair(
  messages: readonly Message[],
  onRepair: (message: string) => void,
): readonly Turn[] {
  const results = new Results(messages)
  const turns: Turn[] = []
  messages.forEach((message, position) => {
    if (message.role === 'tool') return
    const calls = message.role === 'assistant' ? callsOf(message) : []
    turns.push({
      message,
      ...settle(calls.map((call) => ({ call, result: results.take(call, position) }))),
    })
    if (calls.length > 0 && results.missed > 0)
      onRepair('Tool calls without a result were given one that says so')
  })
  if (results.hasLeft) onRepair('Tool results that answer no call were left out')
  return turns
}

/** Ids that are missing, or stand for two calls of one turn, are made anew on both sides. */
function settle(pairs: readonly { call: ToolCall; result: ToolMessage }[]) {
  const seen = new Set<string>()
  const ids = pairs.map(({ call }, index) => {
    const id = call.id !== '' && !seen.has(call.id) ? call.id : `${call.id || 'call'}_${index}`
    seen.add(id)
    return id
  })
  return {
    calls: pairs.map(({ call }, index) => ({ ...call, id: ids[index] ?? call.id })),
    results: pairs.map(({ call, result }, index) => ({
      ...result,
      tool_call_id: ids[index] ?? call.id,
    })),
  }
}

/** The tool messages of a history, each handed out once. */
class Results {
  private readonly positions = new Map<string, number[]>()
  private readonly callers = new Map<string, number[]>()
  private left = 0
  missed = 0

  constructor(private readonly messages: readonly Message[]) {
    messages.forEach((message, position) => {
      if (message.role === 'tool') {
        add(this.positions, resultId(message), position)
        this.left++
      } else if (message.role === 'assistant')
        for (const call of callsOf(message)) add(this.callers, cleanId(call.id), position)
    })
  }

  get hasLeft(): boolean {
    return this.left > 0
  }

  /** The first result behind the call, and before another turn that calls by the same id. */
  take(call: ToolCall, caller: number): ToolMessage {
    const id = cleanId(call.id)
    const positions = this.positions.get(id) ?? []
    const next = this.callers.get(id)?.find((position) => position > caller) ?? Infinity
    const at = positions.findIndex((position) => position > caller && position < next)
    const [position] = at < 0 ? [] : positions.splice(at, 1)
    const found = position === undefined ? undefined : this.messages[position]
    if (found?.role === 'tool') {
      this.left--
      return found
    }
    this.missed++
    return { role: 'tool', tool_call_id: call.id, content: 'No result: the call was not run.' }
  }
}

const add = (map: Map<string, number[]>, key: string, value: number) => {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

const resultId = ({ tool_call_id }: ToolMessage) => cleanId(tool_call_id ?? '')

/** litellm hides Gemini's thought signatures in ids: `call_1__thought__…`. */
const cleanId = (id: string) => id.split('__thought__')[0] ?? id

function callsOf({ tool_calls, function_call }: AssistantInput): readonly ToolCall[] {
  if (tool_calls && tool_calls.length > 0)
    return tool_calls.map((call) => ({ ...call, id: cleanId(call.id ?? '') }))
  if (!function_call) return []
  return [{ id: '', type: 'function', function: function_call }]
}
