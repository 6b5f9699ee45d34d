/** Reads one message of a history into sendable form: legacy forms, wrong types, empty content. */
import { toArguments } from './arguments.js'
import { asId, asList, isObject, type JsonObject } from './json.js'
import type { AssistantInput, Message, ToolCall, ToolMessage } from './message.js'

/** Handlers for defects in messages. */
export interface Repairs {
  /** Reports a repair and its place: `message 3`. */
  readonly report: (repair: string, where: string) => void
  /** Creates the error for a value that cannot be read. */
  readonly invalid: (message: string, code: string) => Error
}

const roles: readonly unknown[] = ['system', 'developer', 'user', 'assistant', 'tool']

/** The role selects the type; the reader of that role validates the members. */
const hasRole = (given: unknown): given is Message => isObject(given) && roles.includes(given.role)

/** The message, or undefined if it is empty. Throws `invalid()` if it cannot be interpreted. */
export function readMessage(
  given: unknown,
  position: number,
  repairs: Repairs,
): Message | undefined {
  // an item in a provider's own format is sent in place of a user part
  if (isObject(given) && given.role === undefined && isItemType(given.type))
    return { role: 'user', content: [given as never] }
  if (isObject(given) && given.role === 'function')
    return readLegacyResult(given, position, repairs)
  if (!hasRole(given))
    throw repairs.invalid(
      `Message ${position} has no role: use system, developer, user, assistant or tool`,
      'invalid_message',
    )
  if (given.role === 'assistant') return readAssistant(given, position, repairs)
  if (given.role === 'tool') return readResult(given, position, repairs)
  const content = readContent(given.content, position, repairs)
  const kept = withoutBlanks(content, position, repairs)
  if (kept !== undefined) return kept === given.content ? given : withContent(given, kept)
  repairs.report(emptyMessage, at(position))
  return undefined
}

const isItemType = (type: unknown) => typeof type === 'string' && type !== 'message'

const emptyMessage = 'Dropped empty messages'

const at = (position: number) => `message ${position}`

const withContent = <M extends Message>(message: M, content: unknown): M =>
  // the content is text or parts of the same message
  ({ ...message, content })

/** The content as text, or as parts that are objects; null if absent. */
function readContent(
  given: unknown,
  position: number,
  repairs: Repairs,
): string | readonly JsonObject[] | null {
  if (typeof given === 'string') return given
  if (given === undefined || given === null) return null
  if (typeof given === 'number' || typeof given === 'boolean') {
    repairs.report('Read content that is a number or a boolean as text', at(position))
    return String(given)
  }
  if (isObject(given) && typeof given.type === 'string') {
    repairs.report('Read a single content part as a list of parts', at(position))
    return [readPart(given, position, repairs)]
  }
  if (Array.isArray(given)) {
    const parts = given.map((part) => readPart(part, position, repairs))
    return parts.every((part, i) => part === given[i]) ? given : parts
  }
  throw repairs.invalid(
    `The content of message ${position} is neither text nor a list of parts`,
    'invalid_content',
  )
}

const isScalar = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value)

function readPart(given: unknown, position: number, { report, invalid }: Repairs): JsonObject {
  if (isObject(given) && (given.type !== 'text' || typeof given.text === 'string')) return given
  const text = isObject(given) ? given.text : given
  if (!isScalar(text))
    throw invalid(
      `A part of message ${position} is ${isObject(given) ? 'a text part without text' : 'not an object'}`,
      'invalid_part',
    )
  report('Read parts that are not objects, or whose text is not a string, as text', at(position))
  return isObject(given) ? { ...given, text: String(text) } : { type: 'text', text: String(text) }
}

/** Drops blank text; undefined if nothing remains. */
function withoutBlanks(
  content: string | readonly JsonObject[] | null,
  position: number,
  { report }: Repairs,
) {
  if (content === null || content.length === 0) return undefined
  if (typeof content === 'string') return content.trim() === '' ? undefined : content
  const kept = content.filter((part) => !isBlankPart(part))
  if (kept.length === 0) return undefined
  if (kept.length === content.length) return content
  report('Dropped blank text', at(position))
  return kept
}

const isBlankPart = ({ type, text }: JsonObject) =>
  type === 'text' && typeof text === 'string' && text.trim() === ''

// -- assistant ---------------------------------------------------------------------------------------------------------

function readAssistant(
  given: AssistantInput,
  position: number,
  repairs: Repairs,
): AssistantInput | undefined {
  const message = withoutOddMembers(given, position, repairs)
  const content = readContent(message.content, position, repairs)
  const read = content === (message.content ?? null) ? message : withContent(message, content)
  const calls = readCalls(read, position, repairs)
  const before = asList(read.tool_calls)
  const isSame = calls.length === before.length && calls.every((call, i) => call === before[i])
  const { tool_calls: _, function_call: __, ...plain } = read
  if (calls.length > 0) return isSame ? read : { ...plain, tool_calls: calls }
  const rest = before.length > 0 ? plain : read
  if (hasContent(content) || hasOtherContent(rest)) return rest
  repairs.report(emptyMessage, at(position))
  return undefined
}

const listMembers = [
  'tool_calls',
  'images',
  'files',
  'annotations',
  'hosted_tools',
  'thinking_blocks',
] as const satisfies readonly (keyof AssistantInput)[]

const isList = (value: unknown) => value === undefined || value === null || Array.isArray(value)

/** Drops lists that are not arrays, and native blocks not in an array: adapters rely on both. */
function withoutOddMembers(
  message: AssistantInput,
  position: number,
  { report }: Repairs,
): AssistantInput {
  const odd: string[] = listMembers.filter((name) => !isList(message[name]))
  const native: unknown = message.native ?? {}
  if (!isObject(native) || !isList(native.content)) odd.push('native')
  if (odd.length === 0) return message
  report('Dropped members that must be lists and are not', at(position))
  const kept = Object.entries(message).filter(([name]) => !odd.includes(name))
  // drops only optional members
  return Object.fromEntries(kept) as unknown as AssistantInput
}

const hasContent = (content: string | readonly JsonObject[] | null) =>
  typeof content === 'string'
    ? content.trim() !== ''
    : content?.some((part) => !isBlankPart(part)) === true

/** Has more than text and calls. */
const hasOtherContent = (message: AssistantInput) =>
  Boolean(message.refusal || message.reasoning_content || message.audio) ||
  [
    message.native?.content,
    message.images,
    message.files,
    message.hosted_tools,
    message.thinking_blocks,
  ].some((list) => list && list.length > 0)

/** The calls that name a tool; `function_call` is their legacy form. */
function readCalls(
  message: AssistantInput,
  position: number,
  { report }: Repairs,
): readonly ToolCall[] {
  const { tool_calls, function_call } = message
  const given = asList(tool_calls)
  if (given.length === 0 && function_call)
    report('Converted a function_call to a tool call', at(position))
  const old = function_call ? [{ id: '', type: 'function', function: function_call }] : []
  return (given.length > 0 ? given : old).flatMap((call) => {
    const read = readCall(call)
    if (!read) report('Dropped tool calls without the name of a tool', at(position))
    return read ? [read] : []
  })
}

/** The call with its id as text, '' if absent; undefined if it names no tool. */
function readCall(given: unknown): ToolCall | undefined {
  if (!isObject(given)) return undefined
  const isCustom = given.type === 'custom'
  const body = isCustom ? given.custom : given.function
  if (!isObject(body) || typeof body.name !== 'string' || body.name === '') return undefined
  const id = asId(given.id) ?? ''
  const type = isCustom ? 'custom' : 'function'
  // its members were checked above; `repairCall` reads the arguments
  const call = given as unknown as ToolCall
  return given.id === id && given.type === type ? call : ({ ...call, id, type } as ToolCall)
}

/** The call with the JSON text of an object as arguments, as most APIs require; itself if valid. */
export function repairCall(call: ToolCall, position: number, { report }: Repairs): ToolCall {
  if (call.type === 'custom') {
    const input: unknown = call.custom.input
    if (typeof input === 'string') return call
    return { ...call, custom: { ...call.custom, input: input ? JSON.stringify(input) : '' } }
  }
  const given: unknown = call.function.arguments
  const { input, isRepaired } = toArguments(given)
  if (isRepaired || (given !== undefined && given !== null && typeof given !== 'string'))
    report('Repaired arguments of tool calls that were not a JSON object', at(position))
  // valid text is kept as the model wrote it
  if (typeof given === 'string' && !isRepaired && given.trim() !== '') return call
  return { ...call, function: { ...call.function, arguments: JSON.stringify(input) } }
}

// -- results -----------------------------------------------------------------------------------------------------------

function readLegacyResult(given: JsonObject, position: number, repairs: Repairs): ToolMessage {
  repairs.report('Converted a message of the role function to a tool result', at(position))
  const { name, content } = given
  // `readResult` validates the content
  const message = { role: 'tool', tool_call_id: '', content: content as string } as const
  return readResult({ ...message, ...(typeof name === 'string' && { name }) }, position, repairs)
}

/** Keeps text and parts, makes absent content '' and serializes anything else as JSON. */
function readResult(message: ToolMessage, position: number, { report }: Repairs): ToolMessage {
  const content: unknown = message.content
  if (typeof content === 'string') return message
  if (content === undefined || content === null)
    return message.approval && content === undefined ? message : { ...message, content: '' }
  if (Array.isArray(content) && content.every((part) => isObject(part) && isPart(part)))
    return message
  report('Sent tool results that are neither text nor parts as JSON text', at(position))
  return { ...message, content: JSON.stringify(content) }
}

const isPart = ({ type, text }: JsonObject) =>
  typeof type === 'string' && (type !== 'text' || typeof text === 'string')
