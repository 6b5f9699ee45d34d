/** Continues after approvals: the calls of the last turn get their results first. */
import type { FunctionCall, Message } from '../../src/chat/index.js'
import {
  type ApprovalMessage,
  asList,
  asText,
  isApproval,
  isForProvider,
  isObject,
} from '../../src/chat/index.js'
import { invalidApproval, isIssued, useApprovals } from './approvals.js'
import { toErrorResult, toMessage } from './results.js'
import { type Job, type RunOptions, runJobs } from './run.js'

/**
 * The history with results in place of the approvals of our tools: each is used up, and its call
 * run or refused. Approvals of other layers, and of tools that the provider runs, stay. Throws
 * `BadRequestError` for an approval that was not requested.
 */
export async function resume(
  messages: readonly Message[],
  options: RunOptions,
): Promise<readonly Message[]> {
  if (!messages.some(isApproval)) return messages
  const waiting = withoutAnswered(messages)
  const last = waiting.findLastIndex((message) => message.role !== 'tool')
  const answers = waiting.slice(last + 1).filter((message) => message.role === 'tool')
  const own = ownCalls(waiting[last], options)
  for (const answer of answers) if (isForProvider(answer)) own.delete(answer.tool_call_id)
  if (!answers.some((answer) => isApproval(answer) && own.has(answer.tool_call_id))) return waiting

  const open = [...own.values()].flatMap((call): Open[] => {
    const answer = answers.findLast((one) => one.tool_call_id === call.id)
    return !answer || isApproval(answer) ? [{ call, answer }] : []
  })
  await use(open, options)
  const jobs = open.map((one) => toJob(one, options))
  const results = await runJobs(jobs, options)
  const others = answers.filter((one) => !isApproval(one) || !own.has(one.tool_call_id))
  return [...waiting.slice(0, last + 1), ...others, ...results.map(toMessage)]
}

/** Drops approvals whose result came in an earlier request. */
function withoutAnswered(messages: readonly Message[]): readonly Message[] {
  const results = new Map<string, number>()
  messages.forEach((message, position) => {
    if (message.role === 'tool' && !isApproval(message)) results.set(message.tool_call_id, position)
  })
  return messages.filter(
    (message, position) =>
      !isApproval(message) || position > (results.get(message.tool_call_id) ?? -1),
  )
}

function ownCalls(turn: Message | undefined, { box }: RunOptions): Map<string, FunctionCall> {
  // from a client: the adapter validates it later
  const given: unknown = turn?.role === 'assistant' ? turn.tool_calls : undefined
  const isOurs = (call: unknown): call is FunctionCall =>
    isObject(call) &&
    call.type === 'function' &&
    isObject(call.function) &&
    box.has(String(asText(call.function.name)))
  return new Map(
    asList(given)
      .filter(isOurs)
      .map((call) => [call.id, call]),
  )
}

/** A call without a result, and the person's answer. */
interface Open {
  readonly call: FunctionCall
  readonly answer: ApprovalMessage | undefined
}

/** From a browser: only true approves. */
const isYes = (open: Open): open is Open & { readonly answer: ApprovalMessage } =>
  open.answer?.approval.approved === true

/** All answers are checked before one is used, and all used before anything runs. */
async function use(open: readonly Open[], options: RunOptions): Promise<void> {
  const good: ApprovalMessage[] = []
  for (const one of open) {
    if (one.answer && (await isIssued(one.answer, one.call, options))) good.push(one.answer)
    else if (isYes(one)) throw invalidApproval(one.answer)
  }
  const taken = await useApprovals(good, options)
  if (taken) throw invalidApproval(taken)
}

function toJob(open: Open, options: RunOptions): Job {
  const { call, answer } = open
  if (isYes(open)) return { call, isApproved: true }
  if (answer) return { call, result: toErrorResult(call, refusal(answer.approval.reason)) }
  options.ctx.warn({
    code: 'repaired',
    param: 'messages',
    message: `The tool call '${call.id}' was not run: it had neither a result nor an approval`,
  })
  return { call, result: toErrorResult(call, 'This call was not run: nobody allowed it.') }
}

/** `reason` comes from a client, so it may be of any type. */
const refusal = (reason: unknown) =>
  `The user did not allow this call.${asText(reason) ? ` Reason: ${reason}` : ''}`
