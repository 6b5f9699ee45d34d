/** Normalizes a history into turns that pair each assistant call with its result. */
import { splitId } from './call-id.js'
import { asId, isObject } from './json.js'
import type {
  AssistantInput,
  Message,
  SystemMessage,
  ToolApproval,
  ToolCall,
  ToolMessage,
  UserMessage,
} from './message.js'
import { type Repairs, readMessage, repairCall } from './read-message.js'

export type { Repairs }

export type Turn = InputTurn | AssistantTurn

export interface InputTurn {
  readonly role: 'input'
  readonly message: SystemMessage | UserMessage
}

/** One model turn: a message, or several where a store keeps parallel calls apart. */
export interface AssistantTurn {
  readonly role: 'assistant'
  readonly messages: readonly PairedMessage[]
  /** Results of its calls, in history order; placeholders come last, pending calls have none. */
  readonly results: readonly ToolMessage[]
}

export interface PairedMessage {
  /** Holds its calls as stored in the history. */
  readonly message: AssistantInput
  readonly calls: readonly PairedCall[]
}

export interface PairedCall {
  /** The call as stored in the history. */
  readonly given: ToolCall
  /** The call to send: a unique id, and arguments that are the JSON text of an object. */
  readonly call: ToolCall
  /** The stored result, or a placeholder if `made` is set. */
  readonly result: ToolMessage
  /** `pending`: the call is asynchronous and its result has not arrived. */
  readonly made?: 'missing' | 'pending'
}

export interface History {
  readonly turns: readonly Turn[]
  /** Results without a call in the history. */
  readonly orphans: readonly ToolMessage[]
}

/** The constraints on call ids. */
export interface IdForm {
  /** The scope in which ids are unique. */
  readonly scope: 'turn' | 'history'
  /** Keeps the thought signatures that litellm stores in ids. */
  readonly keepsSignature?: boolean
  /** Returns a sendable id; `round` counts up from 0 while the returned id is taken. */
  fit(id: string, round: number): string
}

const suffix = (round: number) => (round === 0 ? '' : `_${round + 1}`)

/** Accepts ids of any form. */
export const anyId: IdForm = {
  scope: 'turn',
  keepsSignature: true,
  fit: (id, round) => id + suffix(round),
}

/** Ids of at most `maxLength` characters; matches of `refused` become `_`. */
export const shortId = (maxLength: number, refused?: RegExp): IdForm => ({
  scope: 'history',
  fit: (id, round) => {
    const clean = refused ? id.replace(refused, '_') : id
    return clean.slice(0, maxLength - suffix(round).length) + suffix(round)
  },
})

export interface NormalizeOptions extends Repairs {
  /** @default anyId */
  readonly ids?: IdForm
  /** The caller uses results without a call: they are not reported. @default false */
  readonly keepsOrphans?: boolean
}

/**
 * Pairs calls with results. Drops repeated calls and messages, results without a call and empty
 * messages; moves results behind their calls; merges parallel calls stored apart into one turn;
 * creates missing ids and results. A result belongs to the last preceding turn that calls its id;
 * of two results for one call the last wins; an approval counts as a result only in the last turn
 * (one for the provider in any). Repairs are reported; the given messages are never modified.
 * Throws `invalid()` for a value that is not a message.
 */
export function normalize(messages: readonly unknown[], options: NormalizeOptions): History {
  const pairing = new Pairing(options)
  for (const [position, given] of messages.entries()) pairing.add(given, position)
  return pairing.end()
}

interface Draft {
  readonly given: ToolCall
  readonly position: number
  readonly key: string
  result?: ToolMessage
  approval?: ToolMessage
  /** Position of the result among all results. */
  from?: number
}

interface DraftTurn {
  readonly role: 'assistant'
  readonly messages: { readonly message: AssistantInput; readonly calls: readonly Draft[] }[]
  /** A tool message followed: later assistant messages start a new turn. */
  isOver: boolean
}

const callsOf = ({ messages }: DraftTurn) => messages.flatMap(({ calls }) => calls)
const keyOf = (id: unknown) => splitId(asId(id)).id

class Pairing {
  private readonly turns: (InputTurn | DraftTurn)[] = []
  /** Calls by id, from the last turn that contains the id. */
  private readonly byKey = new Map<string, { readonly turn: DraftTurn; readonly calls: Draft[] }>()
  /** Results that precede every call with their id. */
  private readonly early = new Map<string, ToolMessage[]>()
  private readonly orphans: ToolMessage[] = []
  private last: Message | undefined
  private placed = 0

  constructor(private readonly options: NormalizeOptions) {}

  add(given: unknown, position: number): void {
    const message = readMessage(given, position, this.options)
    if (!message) return
    if (message.role === 'tool') this.addResult(message)
    else if (message.role === 'assistant') this.addAssistant(message, position)
    else this.turns.push({ role: 'input', message })
    this.last = message
  }

  // -- calls ---------------------------------------------------------------------------------------------------------

  private addAssistant(message: AssistantInput, position: number): void {
    if (isRepeatedMessage(message, this.last)) {
      this.options.report('Dropped duplicate messages', `message ${position}`)
      return
    }
    const calls = (message.tool_calls ?? []).map(
      (given): Draft => ({ given, position, key: keyOf(given.id) }),
    )
    const open = calls.length > 0 ? this.openTurn() : undefined
    const turn: DraftTurn = open ?? { role: 'assistant', messages: [], isOver: false }
    if (!open) this.turns.push(turn)
    turn.messages.push({ message, calls })
    for (const call of calls) this.register(call, turn)
  }

  private register(call: Draft, turn: DraftTurn): void {
    const known = this.byKey.get(call.key)
    if (known?.turn === turn) known.calls.push(call)
    else this.byKey.set(call.key, { turn, calls: [call] })
  }

  /** The last turn with calls, unless it is over; merges texts after its calls into it. */
  private openTurn(wanted?: DraftTurn): DraftTurn | undefined {
    const at = this.turns.findLastIndex((turn) => turn.role === 'input' || callsOf(turn).length > 0)
    const turn = this.turns[at]
    if (turn?.role !== 'assistant' || turn.isOver || (wanted ?? turn) !== turn) return undefined
    for (const later of this.turns.splice(at + 1))
      if (later.role === 'assistant') turn.messages.push(...later.messages)
    return turn
  }

  // -- results -------------------------------------------------------------------------------------------------------

  private addResult(result: ToolMessage): void {
    const key = keyOf(result.tool_call_id)
    const found = this.byKey.get(key) ?? this.guess(result, key)
    const call = found?.calls.find((one) => !one.result && !one.approval) ?? found?.calls.at(-1)
    if (found) this.openTurn(found.turn)
    const last = this.turns.at(-1)
    if (last?.role === 'assistant') last.isOver = true
    if (!found || !call) this.keep(result, key)
    else if (isApproval(result)) call.approval = result
    else this.place(result, call, found.turn === last)
  }

  private place(result: ToolMessage, call: Draft, isBehind: boolean): void {
    if (call.result)
      this.options.report('Kept only the last of several results for one tool call', nameIn(call))
    if (!isBehind) this.reportMoved(call)
    call.result = result
    call.from = this.placed++
  }

  private keep(result: ToolMessage, key: string): void {
    const list = this.early.get(key)
    if (key === '') this.orphans.push(result)
    else if (list) list.push(result)
    else this.early.set(key, [result])
  }

  private reportMoved(call: Draft): void {
    this.options.report('Moved tool results behind their calls', nameIn(call))
  }

  /**
   * Assigns a result with an unknown id to the open call of the same tool, or without id and name
   * to the only open call.
   */
  private guess({ name }: ToolMessage, key: string) {
    const turn = this.turns.findLast((one): one is DraftTurn => one.role === 'assistant')
    const open = turn ? callsOf(turn).filter(({ result, approval }) => !result && !approval) : []
    const fitting = name ? open.filter(({ given }) => nameOf(given) === name) : open
    const [call] = fitting
    if (!turn || !call || (!name && (key !== '' || fitting.length > 1))) return undefined
    this.options.report(
      'Matched tool results with an unknown id to the open call of the same tool',
      nameIn(call),
    )
    return { turn, calls: [call] }
  }

  // -- the end -------------------------------------------------------------------------------------------------------

  end(): History {
    const drafts = this.turns.flatMap((turn) => (turn.role === 'assistant' ? [turn] : []))
    for (const call of drafts.flatMap(callsOf)) this.takeEarly(call)
    const ids = new Ids(this.options)
    const turns = this.turns.map((turn, index) =>
      turn.role === 'input' ? turn : this.paired(turn, index === this.turns.length - 1, ids),
    )
    const orphans = [...[...this.early.values()].flat(), ...this.orphans]
    if (orphans.length > 0 && !this.options.keepsOrphans)
      this.options.report('Dropped tool results without a tool call', `${orphans.length}`)
    return { turns, orphans }
  }

  private takeEarly(call: Draft): void {
    const early = call.result ? undefined : this.early.get(call.key)?.shift()
    if (!early) return
    if (isApproval(early)) call.approval ??= early
    else this.place(early, call, false)
  }

  private paired(turn: DraftTurn, isLast: boolean, ids: Ids): AssistantTurn {
    const drafts = this.withoutRepeats(callsOf(turn))
    ids.startTurn(drafts)
    const messages = turn.messages.map(({ message, calls: all }) => {
      const kept = all.filter((draft) => drafts.includes(draft))
      const calls = kept.map((draft, nth): PairedCall => {
        const { given, position } = draft
        const id = ids.next(given.id, position, nth)
        const repaired = repairCall(given, position, this.options)
        const call = repaired.id === id ? repaired : { ...repaired, id }
        return { given, call, ...this.resultOf(draft, id, isLast) }
      })
      const isSame = kept.length === all.length
      return {
        message: isSame ? message : { ...message, tool_calls: kept.map(({ given }) => given) },
        calls,
      }
    })
    const calls = messages.flatMap((message) => message.calls)
    const from = drafts.map((draft) => draft.from ?? Number.POSITIVE_INFINITY)
    const results = calls
      .map(({ result, made }, nth) => ({ result, made, from: from[nth] ?? 0 }))
      .filter(({ made }) => made !== 'pending')
      .toSorted((a, b) => (a.from === b.from ? 0 : a.from - b.from))
    return { role: 'assistant', messages, results: results.map(({ result }) => result) }
  }

  /** Drops an identical repeat of a call that has no result of its own. */
  private withoutRepeats(drafts: readonly Draft[]): readonly Draft[] {
    const seen = new Set<string>()
    return drafts.filter(({ given, result, position }) => {
      const text = JSON.stringify(given)
      const isRepeat = given.id !== '' && result === undefined && seen.has(text)
      if (isRepeat) this.options.report('Dropped duplicate tool calls', `message ${position}`)
      seen.add(text)
      return !isRepeat
    })
  }

  private resultOf(draft: Draft, id: string, isLast: boolean): Pick<PairedCall, 'result' | 'made'> {
    const { given, position, approval } = draft
    const isNews = approval && (isLast || isForProvider(approval))
    const found = draft.result ?? (isNews ? approval : undefined)
    if (found) return { result: found.tool_call_id === id ? found : { ...found, tool_call_id: id } }
    if ('async' in given && given.async === true)
      return { made: 'pending', result: { role: 'tool', tool_call_id: id, content: stillRunning } }
    this.options.report(
      'Added a placeholder result to tool calls without one',
      nameIn({ given, position }),
    )
    return { made: 'missing', result: missingResult(id) }
  }
}

const nameIn = ({ given, position }: Pick<Draft, 'given' | 'position'>) =>
  `'${given.id}' of message ${position}`

const isRepeatedMessage = (message: AssistantInput, last: Message | undefined) =>
  last?.role === 'assistant' &&
  Boolean(message.tool_calls?.length) &&
  message.tool_calls?.length === last.tool_calls?.length &&
  JSON.stringify(message) === JSON.stringify(last)

const nameOf = (call: ToolCall) => (call.type === 'custom' ? call.custom.name : call.function.name)

/** The placeholder for a call without a result: APIs require one per call. */
export const missingResult = (tool_call_id: string): ToolMessage => ({
  role: 'tool',
  tool_call_id,
  content: notRun,
  is_error: true,
})

/** The content of a placeholder result. */
export const notRun = 'No result: this call was not run.'
const stillRunning = 'No result yet: this call is still running.'

/** True for a placeholder result, created by a layer or by `normalize()`. */
export const isPlaceholder = ({ content, is_error }: ToolMessage): boolean =>
  is_error === true && content === notRun

export type ApprovalMessage = ToolMessage & { readonly approval: ToolApproval }

/** True for an approval without content: the user's decision on a call that has no result yet. */
export const isApproval = (message: Message): message is ApprovalMessage =>
  message.role === 'tool' && isObject(message.approval) && message.content === undefined

/**
 * True for an approval that the provider awaits (MCP), not `tools()`: it has the id of its call,
 * and no result follows.
 */
export const isForProvider = (message: Message): boolean =>
  isApproval(message) && message.approval.id === message.tool_call_id

/** Assigns each call a valid, unique id. */
class Ids {
  private taken = new Set<string>()
  private given: ReadonlySet<string> = new Set()
  private readonly form: IdForm

  constructor(private readonly options: NormalizeOptions) {
    this.form = options.ids ?? anyId
  }

  /** Reserves the turn's own ids: they are not generated for another of its calls. */
  startTurn(calls: readonly Draft[]): void {
    if (this.form.scope === 'turn') this.taken = new Set()
    this.given = new Set(calls.map(({ given }) => this.read(given.id)))
  }

  private read(id: string): string {
    return this.form.keepsSignature ? id : splitId(id).id
  }

  next(id: string, position: number, nth: number): string {
    const { report } = this.options
    const own = this.read(id)
    const base = own || `call_${position}_${nth}`
    let fit = this.form.fit(base, 0)
    for (let round = 1; this.taken.has(fit) || (fit !== own && this.given.has(fit)); round++)
      fit = this.form.fit(base, round)
    this.taken.add(fit)
    if (own === '' || (fit !== own && this.form.fit(base, 0) === own))
      report('Gave tool calls unique ids', `message ${position}`)
    else if (fit !== own)
      report('Changed the ids of tool calls to ones that the API accepts', `message ${position}`)
    return fit
  }
}

export const toMessages = (turns: readonly Turn[]): readonly Message[] =>
  turns.flatMap((turn): readonly Message[] =>
    turn.role === 'input' ? [turn.message] : [...turn.messages.map(withCalls), ...turn.results],
  )

const withCalls = ({ message, calls }: PairedMessage): AssistantInput =>
  calls.every(({ given, call }) => given === call)
    ? message
    : { ...message, tool_calls: calls.map(({ call }) => call) }
