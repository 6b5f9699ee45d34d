/** Tool parts of a UI message as calls, results, approvals and hosted tools. */
import {
  asText,
  defined,
  type HostedTool,
  isObject,
  type ToolCall,
  type ToolMessage,
} from '../../../chat/index.js'
import { toArguments, toContent } from './values.js'
import type { UiPart } from './wire.js'

/** True for a call in any of its states. */
export const isTool = (part: UiPart): boolean =>
  (part.type.startsWith('tool-') || part.type === 'dynamic-tool') &&
  typeof part.toolCallId === 'string'

/** True for a tool the provider ran; one awaiting approval (MCP) is a call the approval names. */
export const isHosted = (part: UiPart): boolean =>
  isTool(part) && part.providerExecuted === true && !isObject(part.approval)

export const toolNameOf = ({ type, toolName }: UiPart): string =>
  type === 'dynamic-tool' ? (asText(toolName) ?? '') : type.slice('tool-'.length)

/** The call of a part. `note` is its entry in the metadata. */
export function toCall(part: UiPart, note: unknown): ToolCall {
  const id = String(part.toolCallId)
  const name = toolNameOf(part)
  // a failed call keeps the model's text in `rawInput`
  const input = part.input ?? part.rawInput ?? {}
  if (isObject(note) && note.custom === true && typeof input === 'string')
    return { id, type: 'custom', custom: { name, input } }
  return { id, type: 'function', function: { name, arguments: toArguments(input, note) } }
}

type Reader = (
  part: UiPart,
  reason: unknown,
) => Pick<ToolMessage, 'content' | 'is_error' | 'approval'>

/** By the state of the part; calls in other states have no result yet. */
const results: ReadonlyMap<unknown, Reader> = new Map<unknown, Reader>([
  ['output-available', (part) => ({ content: toContent(part) })],
  ['output-error', ({ errorText }) => ({ content: asText(errorText) ?? '', is_error: true })],
  ['output-denied', (part, reason) => ({ content: refusal(part, reason), is_error: true })],
  ['approval-responded', toApproval],
])

/** `reason`: why the call was denied, where the part no longer has it. */
export function toToolMessage(part: UiPart, reason?: unknown): readonly ToolMessage[] {
  const result = results.get(part.state)?.(part, reason)
  if (!result) return []
  const tool_call_id = String(part.toolCallId)
  // an approval precedes the result and has no tool name
  const name = result.approval ? '' : toolNameOf(part)
  return [{ role: 'tool', tool_call_id, ...(name !== '' && { name }), ...result }]
}

function toApproval({ approval }: UiPart): ReturnType<Reader> {
  const { id, approved, reason } = isObject(approval) ? approval : {}
  return {
    approval: {
      id: asText(id) ?? '',
      // only `true` approves
      approved: approved === true,
      ...(typeof reason === 'string' && { reason }),
    },
  }
}

function refusal({ approval }: UiPart, known: unknown): string {
  const reason = (isObject(approval) ? approval.reason : undefined) ?? known
  return `The user did not allow this call.${typeof reason === 'string' && reason ? ` Reason: ${reason}` : ''}`
}

const statuses: ReadonlyMap<unknown, HostedTool['status']> = new Map<unknown, HostedTool['status']>(
  [
    ['output-available', 'done'],
    ['output-error', 'failed'],
  ],
)

export const toHostedTool = (part: UiPart): HostedTool => ({
  id: String(part.toolCallId),
  name: toolNameOf(part),
  status: statuses.get(part.state) ?? 'running',
  ...defined({ input: part.input, output: part.output ?? part.errorText }),
})
