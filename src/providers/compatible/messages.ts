/** Messages to the wire: history that does not fit is mended, and what a server wants back is put where it was. */
import {
  type AssistantInput,
  type AssistantPart,
  defined,
  type FunctionCall,
  isObject,
  type JsonObject,
  type Message,
  parseJson,
  type ToolApproval,
  type ToolCall,
  type ToolMessage,
  toArguments,
  type UserPart,
  type Warning,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import { type PairedCall, pair, type Turn } from './history.js'
import { type Said, takenBack } from './native.js'
import { type PartContext, partsOf, toUserPart, toWireContent, toWireText } from './parts.js'
import { idFitter } from './tools.js'
import type { WireAssistantMessage, WireMessage, WireToolCall, WireUserPart } from './wire.js'

export interface MessageContext extends PartContext {
  readonly model: string
  /** Unix seconds: sound that the server has forgotten is sent as what it said. */
  readonly now: number
}

/** A context in which each warning is told once. */
interface Writer extends MessageContext {
  readonly fit: (id: string) => string
}

/**
 * The wire's messages. Mended, each told: results without a call, calls without a result, results out of place, missing ids,
 * arguments that are no JSON, empty turns. Throws `BadRequestError` for a role, a part or a file that cannot be sent.
 */
export function toWireMessages(
  messages: readonly Message[],
  context: MessageContext,
): readonly WireMessage[] {
  const writer: Writer = {
    ...context,
    warn: once(context.warn),
    fit: idFitter(context.traits.toolCallIds),
  }
  return pair(messages, (message) => repaired(message, writer)).flatMap((turn) =>
    toWireTurn(turn, writer),
  )
}

/** The same defect in many messages is one warning. */
const once = (warn: (warning: Warning) => void) => {
  const told = new Set<string>()
  return (warning: Warning) => {
    if (told.has(warning.message)) return
    told.add(warning.message)
    warn(warning)
  }
}

const repaired = (message: string, { provider, warn }: Writer) =>
  warn({ code: 'repaired', param: 'messages', provider, message })

function toWireTurn({ message, calls }: Turn, writer: Writer): readonly WireMessage[] {
  switch (message.role) {
    case 'system':
    case 'developer':
      return [
        {
          role: writer.traits.developerRole ? message.role : 'system',
          content: toWireText(message.content, message.cache_control, writer),
          ...defined({ name: message.name }),
        },
      ]
    case 'user':
      return [
        {
          role: 'user',
          content: toWireContent(message.content, message.cache_control, writer),
          ...defined({ name: message.name }),
        },
      ]
    case 'assistant':
      return [
        ...toWireAssistant(
          message,
          calls.map(({ call }) => call),
          writer,
        ),
        ...toWireResults(calls, writer),
      ]
    default:
      throw unknownRole(message satisfies never, writer)
  }
}

const unknownRole = (message: never, { provider }: Writer) =>
  new BadRequestError(
    `A message has the role ${JSON.stringify((message as { role?: unknown })?.role)}: known are system, developer, user, assistant and tool`,
    { provider, code: 'invalid_role', status: 400 },
  )

function toWireAssistant(
  message: AssistantInput,
  calls: readonly ToolCall[],
  writer: Writer,
): readonly WireAssistantMessage[] {
  const said: Said = { ...textOf(message, writer), calls }
  const audio = soundOf(message, writer)
  // a refusal is what the model said: `refusal` itself is known to OpenAI only
  const text = said.text || said.refusal || (audio ? '' : (message.audio?.transcript ?? ''))
  if (text === '' && calls.length === 0 && !audio) {
    repaired('Assistant messages that say nothing were left out', writer)
    return []
  }
  const { fields, extras } = takenBack(message, said, writer)
  const tool_calls = calls.map((call) => toWireCall(call, extras.get(call.id), writer))
  return [
    {
      role: 'assistant',
      content: text === '' ? null : toWireText(text, message.cache_control, writer),
      ...(tool_calls.length > 0 && { tool_calls }),
      ...defined({ name: message.name, audio }),
      ...fields,
    },
  ]
}

const leftOut = (what: string, { warn, provider }: Writer) =>
  warn({
    code: 'dropped',
    param: 'messages',
    provider,
    message: `${what} in assistant messages were left out: the wire has no place for them`,
  })

/** Text and refusal of a message; parts that an assistant cannot say to this wire are left out. */
function textOf({ content, refusal, images, files }: AssistantInput, writer: Writer) {
  if (images?.length || files?.length) leftOut('Images and files', writer)
  if (!Array.isArray(content))
    return { text: typeof content === 'string' ? content : '', refusal: refusal ?? '' }
  const parts: readonly AssistantPart[] = content
  if (parts.some((part) => part.type === 'thinking')) leftOut('Thinking blocks', writer)
  if (parts.some((part) => part.type === 'image_url' || part.type === 'file'))
    leftOut('Images and files', writer)
  const join = (pick: (part: AssistantPart) => string) => parts.map(pick).join('')
  return {
    text: join((part) => (part.type === 'text' ? part.text : '')),
    refusal: refusal ?? join((part) => (part.type === 'refusal' ? part.refusal : '')),
  }
}

/** The server knows its own sound by id, for an hour or so. */
function soundOf({ audio }: AssistantInput, { now }: Writer) {
  if (!audio?.id || (audio.expires_at !== undefined && audio.expires_at <= now)) return undefined
  return { id: audio.id }
}

function toWireCall(call: ToolCall, extra: JsonObject | undefined, writer: Writer): WireToolCall {
  const id = writer.fit(call.id)
  if (call.type === 'custom') return { id, type: 'custom', custom: call.custom, ...extra }
  const name = call.function?.name
  if (typeof name !== 'string') throw namelessCall(call, writer)
  return {
    id,
    type: 'function',
    function: { name, arguments: jsonArguments(call, writer) },
    ...extra,
  }
}

const namelessCall = ({ id }: FunctionCall, { provider }: Writer) =>
  new BadRequestError(`The tool call ${JSON.stringify(id)} names no function`, {
    provider,
    code: 'invalid_tool_call',
    status: 400,
  })

/** Servers that render a chat template parse the arguments, and refuse the whole history for one that was cut. */
function jsonArguments({ function: fn }: FunctionCall, writer: Writer): string {
  const text: unknown = fn.arguments
  const { input, isRepaired } = toArguments(text)
  if (isRepaired)
    repaired('The arguments of a tool call in the history were no JSON object', writer)
  // a text that is one goes back as the model wrote it
  return typeof text === 'string' && !isRepaired && text.trim() !== ''
    ? text
    : JSON.stringify(input)
}

/** Results carry text; what else they hold follows in a user message, behind the last of them. */
function toWireResults(calls: readonly PairedCall[], writer: Writer): readonly WireMessage[] {
  const media: WireUserPart[] = []
  const results = calls.map(({ call, result }): WireMessage => {
    const tool_call_id = writer.fit(call.id)
    if (!result) return { role: 'tool', tool_call_id, content: missing(writer) }
    const { text, others } = splitResult(result, writer)
    if (others.length > 0)
      media.push(
        { type: 'text', text: `From the result of tool call ${tool_call_id}:` },
        ...others.map((part) => toUserPart(part, writer)),
      )
    return {
      role: 'tool',
      tool_call_id,
      content: toWireText(text, result.cache_control, writer),
      ...defined({ name: result.name }),
    }
  })
  if (media.length === 0) return results
  writer.warn({
    code: 'changed',
    param: 'messages',
    provider: writer.provider,
    message: 'Images and files of tool results follow in a user message: results carry text only',
  })
  return [...results, { role: 'user', content: media }]
}

function missing(writer: Writer): string {
  repaired('Tool calls without a result were given one that says so', writer)
  return notRun
}

const notRun = asError('No result: the call was not run.')

/** The text of a result, and what is none. The wire has no flag for an error: the text says it, as JSON. */
function splitResult({ content, is_error, approval }: ToolMessage, writer: Writer) {
  if (content === undefined && approval) return { text: decided(approval), others: [] }
  const parts: readonly UserPart[] = partsOf(content ?? '', writer)
  const others = parts.filter((part) => part.type !== 'text')
  const said = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
  const text = said === '' && others.length > 0 ? 'See the next user message.' : said
  return { text: is_error ? asError(text) : text, others }
}

/** An answer to an approval that nobody has acted on. */
const decided = ({ approved, reason = 'The user did not allow this call.' }: ToolApproval) =>
  approved ? notRun : asError(reason)

function asError(text: string): string {
  const value = parseJson(text)
  return isObject(value) && 'error' in value ? text : JSON.stringify({ error: text })
}
