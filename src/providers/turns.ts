/** The turns of a history as a dialect writes them: what no provider takes is put right or left out here, and reported. */
import {
  type History,
  type IdForm,
  isApproval,
  type JsonObject,
  type Message,
  missingResult,
  normalize,
  type PairedMessage,
  splitId,
  type ToolMessage,
  type Turn,
} from '../chat/index.js'
import { type Notes, tellLost } from './notes.js'

export interface TurnOptions {
  readonly ids: IdForm
  /** Results without a call are the dialect's to send. */
  readonly keepsOrphans?: boolean
  /** Thought signatures that litellm hides in ids are read. */
  readonly readsSignatures?: boolean
  /** Members of messages that the wire takes beside those that the dialect maps; 'all': passed on as they are. */
  readonly members: readonly string[] | 'all'
  /** The same of tool calls. @default none */
  readonly callMembers?: readonly string[]
}

/** Throws `BadRequestError` for what is no message. */
export function turnsOf(messages: readonly Message[], notes: Notes, options: TurnOptions): History {
  const { ids, keepsOrphans = false, readsSignatures = false, members, callMembers = [] } = options
  const { turns, orphans } = normalize(messages, {
    ids,
    keepsOrphans,
    report: (repair) => notes.note('repaired', repair),
    invalid: notes.invalid,
  })
  if (members !== 'all')
    for (const turn of turns) tellMembers(turn, { members, callMembers, ...notes })
  if (!readsSignatures && turns.some(hasSignature))
    notes.note(
      'repaired',
      'Thought signatures of Gemini were taken off the ids of tool calls: only Gemini reads them',
    )
  return { turns: turns.map(settled), orphans: orphans.map(decided) }
}

const hasSignature = (turn: Turn) =>
  turn.role === 'assistant' &&
  turn.messages.some(({ calls }) => calls.some(({ given }) => splitId(given.id).signature))

// -- members -----------------------------------------------------------------------------------------------------------

/** What a dialect maps, or what is no matter of a provider's; `commentary` is a part of `content`. */
const known =
  'role content name id cache_control refusal tool_calls function_call reasoning_content thinking_blocks provider_specific_fields annotations images audio files hosted_tools commentary is_moved native tool_call_id is_error approval'.split(
    ' ',
  )

const knownOfCalls = 'id type function custom index provider_specific_fields'.split(' ')

/** The members of a message that are neither mapped nor for us alone: words of the server's own. */
export const otherMembers = (message: object, mapped: readonly string[] = known): JsonObject =>
  Object.fromEntries(
    Object.entries(message).filter(
      ([name, value]) => !mapped.includes(name) && value !== undefined && value !== null,
    ),
  )

export const otherMembersOfCall = (call: object): JsonObject => otherMembers(call, knownOfCalls)

interface Taken extends Pick<Notes, 'note'> {
  readonly members: readonly string[]
  readonly callMembers: readonly string[]
}

function tellMembers(turn: Turn, { members, callMembers, note }: Taken): void {
  for (const message of messagesOf(turn)) {
    if ('name' in message && message.name && message.role !== 'tool' && !members.includes('name'))
      note('ignored', 'The names of messages were left out: the API has no place for them')
    tellLost(message, [...known, ...members], { what: 'a message', note })
  }
  const calls = turn.role === 'input' ? [] : turn.messages.flatMap((said) => said.calls)
  for (const { given } of calls)
    tellLost(given, [...knownOfCalls, ...callMembers], { what: 'a tool call', note })
}

const messagesOf = (turn: Turn): readonly Message[] =>
  turn.role === 'input'
    ? [turn.message]
    : [...turn.messages.map(({ message }) => message), ...turn.results]

// -- approvals ---------------------------------------------------------------------------------------------------------

const settled = (turn: Turn): Turn =>
  turn.role === 'input' ? turn : { ...turn, messages: turn.messages.map(withDecisions) }

const withDecisions = (said: PairedMessage): PairedMessage => ({
  ...said,
  calls: said.calls.map((pair) => ({ ...pair, result: decided(pair.result) })),
})

/** A person's answer as the result that the model reads: a yes that nobody acted on is none. */
function decided(result: ToolMessage): ToolMessage {
  if (!isApproval(result)) return result
  const { approval, tool_call_id } = result
  if (approval.approved) return { ...missingResult(tool_call_id), approval }
  const content = approval.reason ?? 'The user did not allow this call.'
  return { ...result, content, is_error: true }
}
