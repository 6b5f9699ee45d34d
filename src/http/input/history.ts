/** Which conversation a call gets: what the server kept, or what the client sent, as far as it can be believed. */
import type { Message, ToolApproval, ToolMessage } from '../../chat/index.js'
import type { Store } from '../../store/index.js'
import type { Incoming } from '../formats/index.js'
import { RefusedError } from '../public-error.js'
import { checkMessages, type InputOptions } from './parts.js'
import { approvalMs, type HistorySigner, type Scope } from './signing.js'

export interface HistoryOptions {
  readonly input: InputOptions
  readonly signer: HistorySigner | undefined
  readonly scope: Scope
  /** Where approvals are marked as used. */
  readonly used: Store
}

/**
 * The messages of a client that keeps the conversation. With a signer, what only the server may say is taken as it was
 * signed. Throws `RefusedError`: `history_not_signed`, or what `checkMessages` says.
 */
export async function readHistory(
  { messages, macs }: Incoming,
  options: HistoryOptions,
): Promise<readonly Message[]> {
  const { input, signer } = options
  if (input.allowTools) {
    checkMessages(messages, input)
    return messages
  }
  const vouched = new Set<Message>()
  const redeemed: Message[] = []
  for (const [index, message] of messages.entries()) {
    const known = signer && (await vouch(message, macs?.get(index), { ...options, signer }))
    if (known) vouched.add(known)
    redeemed.push(known ?? message)
  }
  const kept = withoutCut(redeemed, vouched)
  checkMessages(kept, input, vouched)
  if (signer) await useUp(messages, options)
  return kept
}

/**
 * What is new in a conversation that the server keeps: the last user message, or approvals, whose ids only the server
 * can have given. Throws `RefusedError`.
 */
export async function readNews(
  { messages }: Incoming,
  options: HistoryOptions,
): Promise<readonly Message[]> {
  const last = messages.at(-1)
  if (last?.role === 'user') {
    checkMessages([last], options.input)
    return [last]
  }
  const turn = messages.findLastIndex(({ role }) => role !== 'tool')
  const approvals = messages.slice(turn + 1).filter(isApproval)
  if (approvals.length === 0)
    throw new RefusedError('invalid_messages', 'The last message must be of the user.')
  const { signer } = options
  if (!signer) return approvals
  const redeemed = approvals.map((message) => redeem(message, { ...options, signer }))
  const known = await Promise.all(redeemed)
  await useUp(approvals, options)
  return known
}

type SignedOptions = HistoryOptions & { readonly signer: HistorySigner }

/** The message, when the server has said it; undefined where nobody claims that. */
async function vouch(
  message: Message,
  mac: string | undefined,
  options: SignedOptions,
): Promise<Message | undefined> {
  if (isApproval(message)) return redeem(message, options)
  if (mac === undefined) return undefined
  if (await options.signer.verify(message, mac, options.scope)) return message
  throw notSigned()
}

type ApprovalMessage = ToolMessage & { readonly approval: ToolApproval }

const isApproval = (message: Message): message is ApprovalMessage =>
  message.role === 'tool' &&
  typeof message.approval?.id === 'string' &&
  message.content === undefined

/** Marks approvals as used, when all of the conversation is known to be good: a body that is refused uses up none. */
async function useUp(messages: readonly Message[], { used }: HistoryOptions): Promise<void> {
  for (const { approval } of messages.filter(isApproval)) {
    const isFirst = await used.setIfAbsent(`approval:${approval.id}`, '1', { ttlMs: approvalMs })
    if (!isFirst) throw new RefusedError('approval_used', 'This was answered before.')
  }
}

/** An approval with the id it was asked for under: within its time, for this call, by this user. */
async function redeem(
  { tool_call_id, approval }: ApprovalMessage,
  { signer, scope }: SignedOptions,
): Promise<Message> {
  const id = await signer.redeem(approval.id, tool_call_id, scope)
  if (id === undefined) throw notSigned()
  const { approved, reason } = approval
  return {
    role: 'tool',
    tool_call_id,
    approval: {
      id,
      approved: approved === true,
      ...(typeof reason === 'string' && { reason: reason.slice(0, 2_000) }),
    },
  }
}

const notSigned = () =>
  new RefusedError('history_not_signed', 'The conversation has parts that are not signed.')

/**
 * Without what an answer leaves behind that was cut before it could be signed: calls that never had a result, hosted
 * tools, files. The next turn can do without them. All else that is not signed stays, to be refused.
 */
function withoutCut(
  messages: readonly Message[],
  vouched: ReadonlySet<Message>,
): readonly Message[] {
  const answered = new Set(
    messages.flatMap((message) => (message.role === 'tool' ? [message.tool_call_id] : [])),
  )
  return messages.flatMap((message): readonly Message[] => {
    if (message.role !== 'assistant' || vouched.has(message)) return [message]
    const { hosted_tools: _, images: __, audio: ___, files: ____, ...said } = message
    const { tool_calls, ...rest } = said
    const isCut = isFilled(tool_calls) && !tool_calls.some((call) => answered.has(call?.id))
    const left = isCut ? rest : said
    return Object.entries(left).some(([key, value]) => key !== 'role' && value) ? [left] : []
  })
}

/** Not checked yet: it may be anything. */
const isFilled = <T>(value: readonly T[] | null | undefined): value is readonly T[] =>
  Array.isArray(value) && value.length > 0
