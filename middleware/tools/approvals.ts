/** Tool calls that wait for a person's approval: stored on the server, used once. */
import { type ApprovalMessage, asText, type FunctionCall } from '../../src/chat/index.js'
import { BadRequestError } from '../../src/core/index.js'
import type { Store } from '../../src/store/index.js'
import { setAllOnce } from '../../src/store/sent-twice.js'
import type { Clock } from '../clock.js'

/** The required store operations. */
export type ApprovalStore = Pick<Store, 'get' | 'set' | 'setIfAbsent' | 'delete' | 'deleteIf'>

export interface ApprovalOptions {
  readonly approvals: ApprovalStore
  /** Milliseconds. */
  readonly approvalTtlMs: number
  /** Owner of the approvals, if there is an `approvalScope`. */
  readonly scope: string | undefined
}

/** Stores the call that needs approval, and returns the id of the approval. */
export async function issueApproval(call: FunctionCall, options: ApprovalOptions): Promise<string> {
  const id = crypto.randomUUID()
  const { approvals, approvalTtlMs } = options
  await approvals.set(keyOf(id), await digestOf(call, options), { ttlMs: approvalTtlMs })
  return id
}

/** True if exactly this call was stored under this id and the approval is unused. */
export async function isIssued(
  { approval }: ApprovalMessage,
  call: FunctionCall,
  options: ApprovalOptions,
): Promise<boolean> {
  const digest = await options.approvals.get(keyOf(approval.id))
  return digest !== undefined && digest === (await digestOf(call, options))
}

/** Uses approvals up, all or none; returns one that another request has used, if any. */
export async function useApprovals(
  answers: readonly ApprovalMessage[],
  { approvals, approvalTtlMs }: ApprovalOptions,
): Promise<ApprovalMessage | undefined> {
  const ids = answers.map(({ approval }) => keyOf(approval.id))
  // a mark expires after its approval: it is set later, with the same ttl
  const taken = await setAllOnce(approvals, ids.map(usedMark), { ttlMs: approvalTtlMs })
  if (taken !== undefined) return answers.find((_, index) => usedMark(ids[index] ?? '') === taken)
  // the marks hold where this fails
  await Promise.all(ids.map((id) => approvals.delete(id))).catch(() => {})
  return undefined
}

const usedMark = (key: string) => `${key}:used`

export const invalidApproval = ({ tool_call_id }: ApprovalMessage): BadRequestError =>
  new BadRequestError(
    `The approval for the tool call '${tool_call_id}' was not requested, or was already used`,
    { status: 400, code: 'approval_invalid' },
  )

/** Sent by a client: of any type, perhaps without a string form, and of any length. */
const keyOf = (id: unknown): string => `tool-approval:${asText(id)?.slice(0, 36)}`

/** An approval is valid for exactly this call and scope. A digest, so that no content is stored. */
async function digestOf(call: FunctionCall, { scope }: ApprovalOptions): Promise<string> {
  const { name, arguments: args } = call.function
  const content = new TextEncoder().encode(JSON.stringify([call.id, name, args, scope ?? null]))
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', content))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Stores approvals in this process; evicts the oldest above `max`. */
export function inProcess({ now }: Pick<Clock, 'now'>, max = 10_000): ApprovalStore {
  // in order of age
  const entries = new Map<string, { readonly value: string; readonly until: number }>()
  const find = (key: string) => {
    const entry = entries.get(key)
    return entry && entry.until > now() ? entry.value : undefined
  }
  const put = (key: string, value: string, ttlMs: number) => {
    for (const [old, { until }] of entries) {
      if (until > now() && entries.size < max) break
      entries.delete(old)
    }
    entries.set(key, { value, until: now() + ttlMs })
  }
  return {
    get: async (key) => find(key),
    set: async (key, value, { ttlMs }) => put(key, value, ttlMs),
    setIfAbsent: async (key, value, { ttlMs }) => {
      const isFree = find(key) === undefined
      if (isFree) put(key, value, ttlMs)
      return isFree
    },
    delete: async (key) => void entries.delete(key),
    deleteIf: async (key, expected) => find(key) === expected && entries.delete(key),
  }
}
