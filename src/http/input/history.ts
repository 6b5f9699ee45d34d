/** The conversation of a call: from the server's store, or from the client where verified. */
import type { Message, ToolApproval, ToolMessage, UserMessage } from '../../chat/index.js'
import type { Store } from '../../store/index.js'
import { setAllOnce } from '../../store/sent-twice.js'
import type { Incoming } from '../formats/index.js'
import { RefusedError } from '../public-error.js'
import { checkMessages, type InputOptions, notSigned } from './parts.js'
import { approvalMs, type HistorySigner, type Scope } from './signing.js'

export interface HistoryOptions {
  readonly input: InputOptions
  readonly signer: HistorySigner | undefined
  readonly scope: Scope
  /** The store that records used approvals. */
  readonly used: Store
}

export interface Conversation {
  readonly messages: readonly Message[]
  /** Approvals in this request: marked as used when the call begins. */
  readonly approvals: readonly ApprovalMessage[]
}

type ApprovalMessage = ToolMessage & { readonly approval: ToolApproval }

/**
 * The messages of a client that stores the conversation. With a signer, members that only the
 * server may set need its signature. Throws `RefusedError`: `history_not_signed`, `approval_used`,
 * `approval_expired`, or what `checkMessages` throws.
 */
export async function readHistory(
  { messages, macs }: Incoming,
  options: HistoryOptions,
): Promise<Conversation> {
  const { input, signer } = options
  if (input.allowTools) return { messages: checkMessages(messages, input), approvals: [] }
  const verified = new Set<Message>()
  const known: Message[] = []
  const newMessages = newToolMessages(messages)
  const approvals: ApprovalMessage[] = []
  for (const [index, message] of messages.entries()) {
    const own =
      signer &&
      (await verifyMessage(message, macs?.get(index), { ...options, signer }, newMessages))
    if (own) verified.add(own)
    if (own && isApproval(own) && newMessages.has(message)) approvals.push(own)
    known.push(own ?? message)
  }
  const sent = new Set(known)
  const settled = signer ? settlePast(known) : known
  for (const message of settled) if (!sent.has(message)) verified.add(message)
  const kept = checkMessages(withoutCut(settled, verified), input, verified)
  await checkUnused(approvals, options)
  return { messages: kept, approvals: signer ? approvals : [] }
}

/**
 * The new messages for a conversation that the server stores: the last user message, or approvals,
 * whose ids only the server can have issued, and with `allowTools` the results of tools that the
 * page ran. Throws `RefusedError`.
 */
export async function readNewMessages(
  { messages, lastId }: Incoming,
  options: HistoryOptions,
): Promise<Conversation> {
  const last = messages.at(-1)
  if (last?.role === 'user') {
    checkMessages([last], options.input)
    const id = last.id ?? lastId
    return { messages: [{ ...last, ...(id !== undefined && { id }) }], approvals: [] }
  }
  const { signer, input } = options
  const newMessages = [...newToolMessages(messages)]
  const approvals = newMessages.filter(isApproval)
  const results = input.allowTools ? newMessages.filter(isResult) : []
  if (approvals.length + results.length === 0)
    throw new RefusedError('invalid_messages', 'The last message must be from the user.')
  if (results.length > 0) checkMessages(results, input)
  if (!signer) return { messages: [...results, ...approvals], approvals: [] }
  const redeemed: ApprovalMessage[] = []
  for (const one of approvals) redeemed.push(await redeem(one, { ...options, signer }, true))
  await checkUnused(redeemed, options)
  return { messages: [...results, ...redeemed], approvals: redeemed }
}

/** The members of a request that determine where its messages go. */
export type Turn = Pick<Incoming, 'messages' | 'trigger' | 'messageId' | 'earlierIds'>

/**
 * Adds the new messages to the stored conversation. A user message whose id is stored replaces that
 * message and all after it; one whose call failed before it was stored replaces, when it is edited,
 * all after the message before it; where either has no id, it replaces the last user message if the
 * content is equal. An approval must answer an open call; a second result of a call is skipped.
 * Throws `RefusedError` `approval_used`.
 */
export function addNewMessages(
  kept: readonly Message[],
  newMessages: readonly Message[],
  turn: Turn,
): readonly Message[] {
  const [first] = newMessages
  if (first?.role === 'user')
    return settlePast([...kept.slice(0, placeOf(kept, first, turn)), first])
  const open = openCalls(kept)
  const isOpen = (one: Message) => one.role === 'tool' && open.has(one.tool_call_id)
  // a page also sends the results that the server itself produced
  const fresh = newMessages.filter((one) => isApproval(one) || isOpen(one))
  if (fresh.length === 0 || !fresh.every(isOpen)) throw alreadyUsed()
  return settlePast([...kept, ...fresh])
}

/** Ids of the calls of the last turn that have no result. */
function openCalls(messages: readonly Message[]): ReadonlySet<string> {
  const at = messages.findLastIndex(({ role }) => role !== 'tool')
  const last = messages[at]
  const calls = last?.role === 'assistant' ? (last.tool_calls ?? []) : []
  const done = new Set(
    messages.slice(at + 1).flatMap((one) => (isResult(one) ? [one.tool_call_id] : [])),
  )
  return new Set(calls.flatMap(({ id }) => (done.has(id) ? [] : [id])))
}

const isUser = (one: Message): one is UserMessage => one.role === 'user'

function placeOf(kept: readonly Message[], added: UserMessage, turn: Turn): number {
  const { trigger, messageId, messages } = turn
  const known = kept.findLastIndex(
    (one) => isUser(one) && one.id !== undefined && one.id === added.id,
  )
  if (known >= 0) return known
  const last = kept.findLast(isUser)
  if (!last) return kept.length
  const hasIds = added.id !== undefined && kept.some((one) => isUser(one) && one.id !== undefined)
  const at = kept.lastIndexOf(last)
  const isAnew = trigger === 'regenerate-message'
  const isEdit = messageId !== undefined && messageId === added.id
  if (hasIds) return isAnew || isEdit ? placeAfterEarlier(kept, turn) : kept.length
  if (isAnew) return at
  // an edit where the app stores no ids: keep as many user messages as the client has before it
  if (isEdit && messages.length > 1) return positionOf(kept, messages.filter(isUser).length - 1)
  const isAgain = JSON.stringify(last.content) === JSON.stringify(added.content)
  return isAgain && trigger === undefined ? at : kept.length
}

/** The end of the turn of the latest of the client's earlier messages that is stored. */
function placeAfterEarlier(kept: readonly Message[], { messages, earlierIds }: Turn): number {
  const ids = new Set(
    earlierIds ?? messages.slice(0, -1).flatMap((one) => (isUser(one) ? [one.id] : [])),
  )
  const isEarlier = (one: Message) => isUser(one) && one.id !== undefined && ids.has(one.id)
  const earlier = kept.findLastIndex(isEarlier)
  const next = kept.findIndex((one, index) => index > earlier && isUser(one))
  return earlier < 0 || next < 0 ? kept.length : next
}

/** The index of the user message with this number. */
function positionOf(kept: readonly Message[], number: number): number {
  const questions = kept.flatMap(({ role }, at) => (role === 'user' ? [at] : []))
  return questions[number] ?? kept.length
}

/** The tool messages after the last turn: those this request adds. */
const newToolMessages = (messages: readonly Message[]): ReadonlySet<Message> =>
  new Set(messages.slice(messages.findLastIndex(({ role }) => role !== 'tool') + 1))

type SignedOptions = HistoryOptions & { readonly signer: HistorySigner }

/** The verified message; undefined without a signature. Throws `RefusedError` for a wrong one. */
async function verifyMessage(
  message: Message,
  mac: string | undefined,
  options: SignedOptions,
  newMessages: ReadonlySet<Message>,
): Promise<Message | undefined> {
  if (isApproval(message)) return redeem(message, options, newMessages.has(message))
  if (mac === undefined) return undefined
  if (await options.signer.verify(message, mac, options.scope)) return message
  throw notSigned()
}

const isApproval = (message: Message): message is ApprovalMessage =>
  message.role === 'tool' &&
  typeof message.approval?.id === 'string' &&
  message.content === undefined

const isResult = (message: Message): message is ToolMessage =>
  message.role === 'tool' && !isApproval(message)

/** The store key of an approval: by its meaning, whatever the token's spelling. */
const markOf = (
  { tool_call_id, approval }: ApprovalMessage,
  { scope: { user, conversation } }: HistoryOptions,
) => `approval:${JSON.stringify([user, conversation, tool_call_id, approval.id])}`

async function checkUnused(
  approvals: readonly ApprovalMessage[],
  options: HistoryOptions,
): Promise<void> {
  for (const one of approvals)
    if ((await options.used.get(markOf(one, options))) !== undefined) throw alreadyUsed()
}

/** Marks approvals as used when the call begins. Throws `RefusedError` for one used meanwhile. */
export async function markUsed(
  approvals: readonly ApprovalMessage[],
  options: HistoryOptions,
): Promise<void> {
  const marks = approvals.map((one) => markOf(one, options))
  const taken = await setAllOnce(options.used, marks, { ttlMs: approvalMs })
  if (taken !== undefined) throw alreadyUsed()
}

/** Takes the marks back, where the call did not begin. */
export async function unmarkUsed(
  approvals: readonly ApprovalMessage[],
  options: HistoryOptions,
): Promise<void> {
  for (const one of approvals) await options.used.delete(markOf(one, options))
}

const alreadyUsed = () =>
  new RefusedError('approval_used', 'This was already answered, or is no longer open.')

/** Restores an approval's original id: issued for this call and user, unexpired if it is new. */
async function redeem(
  { tool_call_id, approval }: ApprovalMessage,
  { signer, scope }: SignedOptions,
  isNew: boolean,
): Promise<ApprovalMessage> {
  const redeemed = await signer.redeem(approval.id, tool_call_id, scope)
  if (!redeemed && isNew) throw notSigned()
  if (redeemed?.isExpired && isNew)
    throw new RefusedError(
      'approval_expired',
      'The question was open for too long. Please ask again.',
    )
  const { approved, reason } = approval
  return {
    role: 'tool',
    tool_call_id,
    approval: {
      id: redeemed?.id ?? tool_call_id,
      approved: approved === true,
      ...(typeof reason === 'string' && { reason: reason.slice(0, 2_000) }),
    },
  }
}

/**
 * Drops approvals with messages after them, used or not, expired or not; a call without a result
 * gets an error result. Approvals of the provider's own tools (MCP), whose id is that of their
 * call, get none.
 */
function settlePast(messages: readonly Message[]): readonly Message[] {
  const newMessages = newToolMessages(messages)
  const answered = new Set(messages.flatMap((one) => (isResult(one) ? [one.tool_call_id] : [])))
  return messages.flatMap((one): readonly Message[] => {
    if (!isApproval(one) || newMessages.has(one)) return [one]
    const { tool_call_id, approval } = one
    if (answered.has(tool_call_id) || approval.id === tool_call_id) return []
    return [{ role: 'tool', tool_call_id, content: outcomeOf(approval), is_error: true }]
  })
}

const outcomeOf = ({ approved }: ToolApproval) =>
  approved
    ? 'The result of this call is not known: it may not have run.'
    : 'The user did not allow this call.'

/**
 * Drops what an answer that was cut before signing leaves behind: calls without a result, hosted
 * tools, files. The next turn does not need them. Other unsigned members stay, to be rejected.
 */
function withoutCut(
  messages: readonly Message[],
  verified: ReadonlySet<Message>,
): readonly Message[] {
  const answered = new Set(
    messages.flatMap((message) => (message.role === 'tool' ? [message.tool_call_id] : [])),
  )
  return messages.flatMap((message): readonly Message[] => {
    if (message.role !== 'assistant' || verified.has(message)) return [message]
    const { hosted_tools: _, images: __, audio: ___, files: ____, ...kept } = message
    const { tool_calls, ...rest } = kept
    const isCut = !isFilled(tool_calls) || !tool_calls.some((call) => answered.has(call?.id))
    const left = isCut ? rest : kept
    return Object.entries(left).some(([key, value]) => key !== 'role' && value) ? [left] : []
  })
}

/** Accepts any value, as messages are not validated yet. */
const isFilled = <T>(value: readonly T[] | null | undefined): value is readonly T[] =>
  Array.isArray(value) && value.length > 0
