/** Turns of a history for a dialect: repairs, drops and reports what no provider accepts. */
import {
  type AssistantInput,
  type History,
  type IdForm,
  isApproval,
  type Message,
  missingResult,
  normalize,
  type PairedMessage,
  splitId,
  type ToolMessage,
  type Turn,
  visibleText,
} from '../chat/index.js'
import { asObjects, isGiven, type JsonObject, words } from '../chat/json.js'
import { type Notes, reportLost } from './notes.js'

export interface TurnOptions {
  readonly ids: IdForm
  /** The dialect sends results without a call. */
  readonly keepsOrphans?: boolean
  /** The dialect reads the thought signatures that litellm hides in ids. */
  readonly readsSignatures?: boolean
  /** Message members that the wire accepts beyond the mapped ones; 'all': passed through. */
  readonly members: readonly string[] | 'all'
  /** The same for tool calls. @default none */
  readonly callMembers?: readonly string[]
}

/** Throws `BadRequestError` for an invalid message. */
export function turnsOf(messages: readonly Message[], notes: Notes, options: TurnOptions): History {
  const { ids, keepsOrphans = false, readsSignatures = false, members } = options
  const { turns, orphans } = normalize(messages, {
    ids,
    keepsOrphans,
    report: (repair) => notes.note.repaired(repair),
    invalid: notes.invalid,
  })
  if (members !== 'all')
    for (const turn of turns) reportMembers(turn, { ...options, members }, notes)
  if (!readsSignatures && turns.some(hasSignature))
    notes.note.repaired(
      'Removed thought signatures of Gemini from the ids of tool calls: only Gemini reads them',
    )
  return { turns: turns.map(settled), orphans: orphans.map(decided) }
}

const hasSignature = (turn: Turn) =>
  turn.role === 'assistant' &&
  turn.messages.some(({ calls }) => calls.some(({ given }) => splitId(given.id).signature))

// -- members -----------------------------------------------------------------------------------------------------------

/** Members that dialects map or providers never get; `commentary` is a part of `content`. */
const known = words(
  'role content name id cache_control refusal tool_calls function_call reasoning_content thinking_blocks provider_specific_fields annotations images audio files hosted_tools commentary is_moved native tool_call_id is_error approval',
)

const knownOfCalls = words('id type function custom index provider_specific_fields')

/** Message members that are neither mapped nor internal: those of the server itself. */
export const otherMembers = (message: object, mapped: readonly string[] = known): JsonObject =>
  Object.fromEntries(
    Object.entries(message).filter(([name, value]) => !mapped.includes(name) && isGiven(value)),
  )

export const otherMembersOfCall = (call: object): JsonObject => otherMembers(call, knownOfCalls)

function reportMembers(
  turn: Turn,
  { members, callMembers = [] }: Pick<TurnOptions, 'callMembers'> & { members: readonly string[] },
  { note }: Notes,
): void {
  for (const message of messagesOf(turn)) {
    if ('name' in message && message.name && message.role !== 'tool' && !members.includes('name'))
      note.ignored('Dropped the names of messages: the API has no field for them')
    reportLost(message, [...known, ...members], { what: 'a message', note })
  }
  const calls = turn.role === 'input' ? [] : turn.messages.flatMap((one) => one.calls)
  for (const { given } of calls)
    reportLost(given, [...knownOfCalls, ...callMembers], { what: 'a tool call', note })
}

const messagesOf = (turn: Turn): readonly Message[] =>
  turn.role === 'input'
    ? [turn.message]
    : [...turn.messages.map(({ message }) => message), ...turn.results]

// -- losses ------------------------------------------------------------------------------------------------------------

const hasPart = ({ content }: AssistantInput, ...types: readonly unknown[]) =>
  asObjects(content).some(({ type }) => types.includes(type))

type Loss = readonly [what: string, isIn: (message: AssistantInput) => unknown]

/** Content that a rebuilt turn may have no field for. */
const losses = {
  reasoning: [
    'Unsigned reasoning',
    (message) =>
      message.reasoning_content || message.thinking_blocks?.length || hasPart(message, 'thinking'),
  ],
  'thinking parts': ['Thinking blocks', (message) => hasPart(message, 'thinking')],
  images: [
    'Images and files',
    (message) =>
      message.images?.length || message.files?.length || hasPart(message, 'image_url', 'file'),
  ],
  files: ['Files', ({ files }) => files?.length],
  audio: [
    'Audio',
    (message) =>
      message.audio?.data ||
      (message.audio && (!message.audio.transcript || visibleText(message).text !== '')),
  ],
  'hosted tools': ['Runs of hosted tools', ({ hosted_tools }) => hosted_tools?.length],
} as const satisfies Readonly<Record<string, Loss>>

export function reportLosses(
  message: AssistantInput,
  kinds: readonly (keyof typeof losses)[],
  { note }: Notes,
): void {
  for (const kind of kinds) {
    const [what, isIn] = losses[kind]
    if (isIn(message))
      note.dropped(`Dropped from assistant messages, as the API has no field for it: ${what}`)
  }
}

export const reportEmpty = ({ note }: Notes): void =>
  note.repaired('Dropped empty assistant messages')

// -- approvals ---------------------------------------------------------------------------------------------------------

const settled = (turn: Turn): Turn =>
  turn.role === 'input' ? turn : { ...turn, messages: turn.messages.map(withDecisions) }

const withDecisions = (message: PairedMessage): PairedMessage => ({
  ...message,
  calls: message.calls.map((pair) => ({ ...pair, result: decided(pair.result) })),
})

/** A decision as the result that the model reads: an approved call that was not run has none. */
function decided(result: ToolMessage): ToolMessage {
  if (!isApproval(result)) return result
  const { approval, tool_call_id } = result
  if (approval.approved) return { ...missingResult(tool_call_id), approval }
  const content = approval.reason ?? 'The user did not allow this call.'
  return { ...result, content, is_error: true }
}
