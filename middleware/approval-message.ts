/** A person's answer as it stands in a history: no result yet, but a word about one to come. */
import type { Message, ToolApproval, ToolMessage } from '../src/chat/index.js'

export type ApprovalMessage = ToolMessage & { readonly approval: ToolApproval }

/** True for a tool message that has an approval and no result. */
export const isApproval = (message: Message): message is ApprovalMessage =>
  message.role === 'tool' && message.approval !== undefined && message.content === undefined

/** True where the provider waits for the yes (MCP) and not `tools()`: its approvals have the id of their call, and get no result. */
export const isForProvider = (message: Message): boolean =>
  isApproval(message) && message.approval.id === message.tool_call_id
