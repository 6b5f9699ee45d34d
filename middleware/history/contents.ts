/** Repairs inside one message: forms of other times, contents that say nothing, arguments that are no JSON object. */
import {
  type AssistantInput,
  isObject,
  type JsonObject,
  type Message,
  parseJson,
  type ToolCall,
  toArguments,
} from '../../src/chat/index.js'
import { BadRequestError } from '../../src/core/index.js'

export type Report = (repair: string) => void

const roles: readonly unknown[] = ['system', 'developer', 'user', 'assistant', 'tool', 'function']

/**
 * The message as it can be sent; undefined for one that says nothing. Throws `BadRequestError` for what is no message:
 * nobody can tell what was meant.
 */
export function repairMessage(
  message: Message,
  position: number,
  report: Report,
): Message | undefined {
  const given: unknown = message
  if (!isObject(given) || !roles.includes(given.role))
    throw new BadRequestError(
      `Message ${position} has no role: use system, developer, user, assistant or tool`,
      { status: 400, code: 'invalid_message' },
    )
  if (message.role === 'assistant') return repairAssistant(message, position, report)
  if (message.role === 'tool') return repairResult(message, position, report)
  if (given.role === 'function') return legacyResult(given, position, report)
  return withoutBlanks(message, position, report)
}

/** Blank text is dropped; a message of nothing else goes as a whole. */
function withoutBlanks<M extends Message>(
  message: M,
  position: number,
  report: Report,
): M | undefined {
  const content: unknown = message.content
  const parts = Array.isArray(content) ? content.filter((part) => !isBlankPart(part)) : content
  const isBlank = Array.isArray(parts)
    ? parts.length === 0
    : typeof parts !== 'string' || parts.trim() === ''
  if (isBlank) {
    report(`Message ${position} (${message.role}) was left out: it says nothing`)
    return undefined
  }
  if (!Array.isArray(content) || !Array.isArray(parts) || parts.length === content.length)
    return message
  report(`Blank text was left out of message ${position}`)
  return { ...message, content: parts }
}

const isBlankPart = (part: unknown) =>
  isObject(part) && part.type === 'text' && typeof part.text === 'string' && part.text.trim() === ''

function repairAssistant(
  message: AssistantInput,
  position: number,
  report: Report,
): Message | undefined {
  const { function_call, ...rest } = message
  const given = message.tool_calls?.length ? message.tool_calls : legacyCalls(message, report)
  const calls = given.flatMap((call) => repairCall(call, position, report))
  const isSame = given === message.tool_calls && given.every((call, i) => call === calls[i])
  if (calls.length > 0) return isSame ? message : { ...rest, tool_calls: calls }
  const plain = given.length > 0 ? withoutCalls(rest) : message
  return saysMore(plain) ? plain : withoutBlanks(plain, position, report)
}

const withoutCalls = ({ tool_calls, ...rest }: AssistantInput): AssistantInput => rest

/** Beside text and calls. */
const saysMore = (message: AssistantInput) =>
  Boolean(message.refusal || message.reasoning_content || message.audio) ||
  [
    message.native?.content,
    message.images,
    message.files,
    message.hosted_tools,
    message.thinking_blocks,
  ].some((list) => list && list.length > 0)

/** The call of the time before `tool_calls`; its id is made when the results are matched. */
function legacyCalls({ function_call: call }: AssistantInput, report: Report): readonly ToolCall[] {
  if (!call) return []
  report('A function_call was sent as a tool call')
  return [{ id: '', type: 'function', function: call }]
}

function legacyResult(message: JsonObject, position: number, report: Report): Message | undefined {
  report('A message of the role function was sent as a tool result')
  const { name, content } = message
  return repairResult(
    // as untrusted as any other
    { role: 'tool', tool_call_id: '', content: content as string, name: String(name ?? '') },
    position,
    report,
  )
}

/** Text and parts stay as they are, nothing is an empty result, anything else is told as JSON. */
function repairResult(
  message: Extract<Message, { role: 'tool' }>,
  position: number,
  report: Report,
): Message {
  const content: unknown = message.content
  if (content === undefined || typeof content === 'string' || Array.isArray(content)) return message
  if (content !== null) report(`The content of message ${position} (tool) was sent as JSON text`)
  return { ...message, content: content === null ? '' : JSON.stringify(content) }
}

/** None for a call that names no tool. */
function repairCall(call: ToolCall, position: number, report: Report): readonly ToolCall[] {
  const name: unknown = call.type === 'custom' ? call.custom?.name : call.function?.name
  if (typeof name !== 'string' || name === '') {
    report(`A tool call of message ${position} was left out: it names no tool`)
    return []
  }
  if (call.type === 'custom') return [call]
  const text: unknown = call.function.arguments
  if (typeof text === 'string' && isObject(parseJson(text))) return [call]
  if (typeof text !== 'string' || text.trim() !== '')
    report(`The arguments of a tool call of message ${position} were no JSON object`)
  return [
    { ...call, function: { ...call.function, arguments: JSON.stringify(toArguments(text).input) } },
  ]
}
