/** Rules of Chat Completions: https://platform.openai.com/docs/api-reference/chat, and its error messages. */
import { asObject, type JsonObject } from '../../chat/index.js'
import { firstIn, firstOf, isEmptyList, objectsOf, type Rule, temperature } from './rule.js'

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function'])

const required: Rule = ({ body }) => {
  if (typeof body.model !== 'string') return 'you must provide a model parameter'
  return isEmptyList(body.messages) ? "Missing required parameter: 'messages'." : undefined
}

const contents: Rule = ({ body }) =>
  firstIn(objectsOf(body.messages), (message, index) => {
    const { role, content } = message
    if (!roles.has(String(role))) return `Invalid value: '${role}' for 'messages[${index}].role'.`
    if (content !== null && content !== undefined) return undefined
    const mayBeEmpty = role === 'assistant' && saysOtherwise(message)
    return mayBeEmpty
      ? undefined
      : `Invalid value for 'content': expected a string, got null for 'messages[${index}]'.`
  })

const saysOtherwise = ({ tool_calls, function_call, refusal, audio }: JsonObject) =>
  [tool_calls, function_call, refusal, audio].some((value) => value !== undefined && value !== null)

/** Every call must be answered next, every result must have its call. */
const calls: Rule = ({ body }) => {
  const messages = objectsOf(body.messages)
  return firstIn(messages, ({ role, tool_calls, tool_call_id }, index) => {
    if (role === 'tool') {
      const caller = messages.slice(0, index).findLast((message) => message.role !== 'tool')
      return idsOf(caller?.tool_calls).includes(tool_call_id)
        ? undefined
        : "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
    }
    const after = messages.slice(index + 1)
    const end = after.findIndex((message) => message.role !== 'tool')
    const answers = (end < 0 ? after : after.slice(0, end)).map((message) => message.tool_call_id)
    const open = idsOf(tool_calls).filter((id) => !answers.includes(id))
    return open.length > 0
      ? `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${open.join(', ')}`
      : undefined
  })
}

const idsOf = (calls: unknown) => objectsOf(calls).map(({ id }) => id)

const tools: Rule = ({ body }) =>
  firstIn(objectsOf(body.tools), (tool, index) => {
    const { name } = asObject(tool.function)
    return tool.type !== 'function' || /^[a-zA-Z0-9_-]{1,64}$/.test(String(name))
      ? undefined
      : `Invalid 'tools[${index}].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.`
  })

export const chatRules = firstOf(required, contents, calls, tools, temperature)
