/** Tool calls that wait for a person's yes: kept on the server, used once. */
import type { FunctionCall } from '../../src/chat/index.js'
import { BadRequestError } from '../../src/core/index.js'
import type { ApprovalMessage } from '../approval-message.js'

/** What was shown to the person. A yes is good for exactly this call. */
export interface ApprovalRequest {
  readonly tool_call_id: string
  readonly name: string
  readonly arguments: string
  /** Whose approval it is, where `approvalScope` told. */
  readonly scope?: string
}

/** Where calls wait. Give one that all processes share if more than one serves the same users. */
export interface ApprovalStore {
  put(id: string, request: ApprovalRequest): void | Promise<void>
  /** Gives it, and never again. */
  take(id: string): ApprovalRequest | undefined | Promise<ApprovalRequest | undefined>
}

export interface MemoryApprovalsOptions {
  /** A yes that comes later is none. Milliseconds. @default 3_600_000 */
  readonly ttlMs?: number
  /** The oldest go first. @default 10_000 */
  readonly max?: number
  /** Milliseconds, for tests. @default performance.now */
  readonly now?: () => number
}

/** Keeps approvals in this process. */
export function memoryApprovals(options: MemoryApprovalsOptions = {}): ApprovalStore {
  const { ttlMs = 3_600_000, max = 10_000, now = () => performance.now() } = options
  // in order of age
  const waiting = new Map<string, { readonly request: ApprovalRequest; readonly until: number }>()
  const sweep = () => {
    for (const [id, { until }] of waiting) {
      if (until > now() && waiting.size < max) return
      waiting.delete(id)
    }
  }
  return {
    put(id, request) {
      sweep()
      waiting.set(id, { request, until: now() + ttlMs })
    },
    take(id) {
      const found = waiting.get(id)
      waiting.delete(id)
      return found && found.until > now() ? found.request : undefined
    },
  }
}

/** Uses the approval up. Throws `BadRequestError` unless it was asked for exactly this call, and not used before. */
export async function redeem(
  { approval, tool_call_id }: ApprovalMessage,
  call: FunctionCall,
  store: ApprovalStore,
  scope: string | undefined,
): Promise<void> {
  const request = await store.take(String(approval.id))
  const isSame =
    request?.tool_call_id === call.id &&
    request.name === call.function.name &&
    request.arguments === call.function.arguments &&
    request.scope === scope
  if (!isSame)
    throw new BadRequestError(
      `The approval for the tool call '${tool_call_id}' is not one that was asked for, or it was used before`,
      { code: 'approval_invalid' },
    )
}
