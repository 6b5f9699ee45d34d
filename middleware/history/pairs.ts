/** Brings each tool call together with its result: every call has one, right behind its turn, and none stands alone. */
import type { AssistantInput, Message, ToolCall, ToolMessage } from '../../src/chat/index.js'
import { isApproval, isForProvider } from '../approval-message.js'
import type { Report } from './contents.js'

/**
 * Drops turns and calls that are there twice, and results that answer no call; moves results behind their call; makes
 * ids that are missing or stand for two calls of one turn; says so where a result is missing. An approval counts as the
 * answer of the last turn, and as nothing in an older one.
 */
export function pairCalls(messages: readonly Message[], report: Report): readonly Message[] {
  const results = new Results(messages, report)
  const paired = messages.flatMap((message, position) => {
    if (message.role === 'tool') return []
    if (message.role !== 'assistant' || !message.tool_calls?.length) return [message]
    if (!isSaidAgain(message, messages[position + 1]))
      return pairTurn(message, message.tool_calls, { position, results, report })
    report(`Message ${position} (assistant) was left out: it stands there twice`)
    return []
  })
  if (results.left > 0) report(`Tool results that answer no call were left out: ${results.left}`)
  return paired
}

const isSaidAgain = (message: Message, next: Message | undefined) =>
  next?.role === 'assistant' && JSON.stringify(message) === JSON.stringify(next)

interface Place {
  readonly position: number
  readonly results: Results
  readonly report: Report
}

/** A call with its answer, as both will be sent. */
interface Pair {
  readonly call: ToolCall
  readonly answer: ToolMessage
  /** Where the answer stood; a made one stands behind all others. */
  readonly from: number
}

function pairTurn(message: AssistantInput, given: readonly ToolCall[], place: Place): Message[] {
  const calls = withoutRepeats(given, place)
  const pairs = new Map<ToolCall, Pair>()
  for (const [id, group] of byId(calls)) {
    const found = place.results.take(id, place.position, group.length)
    group.forEach((call, nth) => {
      pairs.set(call, toPair(named(call, nth, place), found[nth], place))
    })
  }
  const inOrder = calls.flatMap((call) => pairs.get(call) ?? [])
  const isSame =
    inOrder.length === given.length && inOrder.every(({ call }, i) => call === given[i])
  const turn = isSame ? message : { ...message, tool_calls: inOrder.map(({ call }) => call) }
  // results in another order than the calls are no defect
  const answers = inOrder.toSorted((a, b) => a.from - b.from).map(({ answer }) => answer)
  return [turn, ...answers]
}

function byId(calls: readonly ToolCall[]): ReadonlyMap<string, readonly ToolCall[]> {
  const groups = new Map<string, ToolCall[]>()
  for (const call of calls) add(groups, keyOf(call.id), call)
  return groups
}

function withoutRepeats(calls: readonly ToolCall[], { position, report }: Place) {
  const said = new Set<string>()
  return calls.filter((call) => {
    const text = JSON.stringify(call)
    const isRepeat = Boolean(call.id) && said.has(text)
    if (isRepeat) report(`A tool call of message ${position} was left out: it stands there twice`)
    said.add(text)
    return !isRepeat
  })
}

function named(call: ToolCall, nth: number, { position, report }: Place): ToolCall {
  if (call.id && nth === 0) return call
  report(`A tool call of message ${position} was given an id of its own`)
  return { ...call, id: `${call.id || 'call'}_${position}_${nth}` }
}

function toPair(call: ToolCall, found: Placed | undefined, { position, report }: Place): Pair {
  if (found) {
    const { message } = found
    const answer =
      message.tool_call_id === call.id ? message : { ...message, tool_call_id: call.id }
    return { call, answer, from: found.position }
  }
  report(`The tool call '${call.id}' of message ${position} was given a result: it had none`)
  const content = 'No result: this call was not run.'
  return {
    call,
    answer: { role: 'tool', tool_call_id: call.id, content, is_error: true },
    from: Number.POSITIVE_INFINITY,
  }
}

interface Placed {
  readonly message: ToolMessage
  readonly position: number
}

/** The tool messages of a history, each given to one call. */
class Results {
  private readonly waiting = new Map<string, Placed[]>()
  private readonly turns = new Map<string, number[]>()
  private readonly lastTurn: number

  constructor(
    private readonly messages: readonly Message[],
    private readonly report: Report,
  ) {
    messages.forEach((message, position) => {
      if (message.role === 'tool')
        add(this.waiting, keyOf(message.tool_call_id), { message, position })
      else if (message.role === 'assistant')
        for (const call of message.tool_calls ?? []) add(this.turns, keyOf(call.id), position)
    })
    this.lastTurn = messages.findLastIndex((message) => message.role !== 'tool')
  }

  /** How many nobody has taken. */
  get left(): number {
    return [...this.waiting.values()].flat().length
  }

  /** Answers of `count` calls of one id made at a place: those before the id is used again, or else one that stands too early. */
  take(id: string, turn: number, count: number): readonly Placed[] {
    const waiting = this.waiting.get(id) ?? []
    const until = this.turns.get(id)?.find((position) => position > turn) ?? Infinity
    const behind = waiting.filter(({ position }) => position > turn && position < until)
    const found = behind.length > 0 ? behind : waiting.filter(({ position }) => position < turn)
    this.waiting.set(
      id,
      waiting.filter((one) => !found.includes(one)),
    )
    const results = found.filter(({ message }) => !isApproval(message))
    if (results.length === 0)
      return turn === this.lastTurn || found.every(({ message }) => isForProvider(message))
        ? found.slice(-count)
        : []
    if (results.length > count) this.report(`Of several results for '${id}' the last was kept`)
    if (results.some(({ position }) => !this.isRightBehind(turn, position)))
      this.report(`The result of '${id}' was moved behind its call`)
    return [...results.slice(0, count - 1), ...results.slice(count - 1).slice(-1)]
  }

  private isRightBehind(turn: number, position: number): boolean {
    if (position < turn) return false
    return this.messages.slice(turn + 1, position).every((message) => message.role === 'tool')
  }
}

/** litellm hides a thought signature of Gemini behind `__thought__`, not always on both sides. */
const keyOf = (id: string | undefined): string => id?.split('__thought__')[0] ?? ''

function add<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name)
  if (list) list.push(item)
  else lists.set(name, [item])
}
