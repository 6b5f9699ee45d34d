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
  type ToolCall,
  type ToolMessage,
  type UserPart,
  type Warning,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import { type PartContext, toUserPart, toWireContent, toWireText } from './parts.js'
import { idFitter } from './tools.js'
import type { WireAssistantMessage, WireMessage, WireToolCall, WireUserPart } from './wire.js'

export interface MessageContext extends PartContext {
  readonly model: string
  /** Unix seconds: sound that the server has forgotten is sent as what it said. */
  readonly now: number
}

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
  return pair(messages, writer).flatMap((turn) => toWireTurn(turn, writer))
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

/** A message, and for a turn with calls their results in the order of the calls. */
interface Turn {
  readonly message: Exclude<Message, ToolMessage>
  readonly calls: readonly ToolCall[]
  readonly results: readonly ToolMessage[]
}

/** Every call is followed by its result, every result follows its call: servers refuse anything else. */
function pair(messages: readonly Message[], writer: Writer): readonly Turn[] {
  const results = new Results(messages)
  const turns: Turn[] = []
  messages.forEach((message, position) => {
    if (message.role === 'tool') return
    const calls = message.role === 'assistant' ? callsOf(message) : []
    turns.push({
      message,
      ...settle(calls.map((call) => ({ call, result: results.take(call, position) }))),
    })
    if (calls.length > 0 && results.missed > 0)
      repaired('Tool calls without a result were given one that says so', writer)
  })
  if (results.hasLeft) repaired('Tool results that answer no call were left out', writer)
  return turns
}

/** Ids that are missing, or stand for two calls of one turn, are made anew on both sides. */
function settle(pairs: readonly { call: ToolCall; result: ToolMessage }[]) {
  const seen = new Set<string>()
  const ids = pairs.map(({ call }, index) => {
    const id = call.id !== '' && !seen.has(call.id) ? call.id : `${call.id || 'call'}_${index}`
    seen.add(id)
    return id
  })
  return {
    calls: pairs.map(({ call }, index) => ({ ...call, id: ids[index] ?? call.id })),
    results: pairs.map(({ call, result }, index) => ({
      ...result,
      tool_call_id: ids[index] ?? call.id,
    })),
  }
}

/** The tool messages of a history, each handed out once. */
class Results {
  private readonly positions = new Map<string, number[]>()
  private readonly callers = new Map<string, number[]>()
  private left = 0
  missed = 0

  constructor(private readonly messages: readonly Message[]) {
    messages.forEach((message, position) => {
      if (message.role === 'tool') {
        add(this.positions, resultId(message), position)
        this.left++
      } else if (message.role === 'assistant')
        for (const call of callsOf(message)) add(this.callers, cleanId(call.id), position)
    })
  }

  get hasLeft(): boolean {
    return this.left > 0
  }

  /** The first result behind the call, and before another turn that calls by the same id. */
  take(call: ToolCall, caller: number): ToolMessage {
    const id = cleanId(call.id)
    const positions = this.positions.get(id) ?? []
    const next = this.callers.get(id)?.find((position) => position > caller) ?? Infinity
    const at = positions.findIndex((position) => position > caller && position < next)
    const [position] = at < 0 ? [] : positions.splice(at, 1)
    const found = position === undefined ? undefined : this.messages[position]
    if (found?.role === 'tool') {
      this.left--
      return found
    }
    this.missed++
    return { role: 'tool', tool_call_id: call.id, content: 'No result: the call was not run.' }
  }
}

const add = (map: Map<string, number[]>, key: string, value: number) => {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

const resultId = ({ tool_call_id }: ToolMessage) => cleanId(tool_call_id ?? '')

/** litellm hides Gemini's thought signatures in ids: `call_1__thought__…`. */
const cleanId = (id: string) => id.split('__thought__')[0] ?? id

function callsOf({ tool_calls, function_call }: AssistantInput): readonly ToolCall[] {
  if (tool_calls && tool_calls.length > 0)
    return tool_calls.map((call) => ({ ...call, id: cleanId(call.id ?? '') }))
  if (!function_call) return []
  return [{ id: '', type: 'function', function: function_call }]
}

function toWireTurn({ message, calls, results }: Turn, writer: Writer): readonly WireMessage[] {
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
      return [...toWireAssistant(message, calls, writer), ...toWireResults(results, writer)]
    default:
      throw unknownRole(message satisfies never, writer)
  }
}

const unknownRole = (message: never, { provider }: Writer) =>
  new BadRequestError(
    `A message has the role ${JSON.stringify((message as { role?: unknown })?.role)}: known are system, developer, user, assistant and tool`,
    { provider, code: 'invalid_role', status: 400 },
  )

/** What an assistant message says, whatever form it has. */
interface Said {
  readonly text: string
  readonly refusal: string
  readonly calls: readonly ToolCall[]
}

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
      content: text === '' ? null : markedText(text, message, writer),
      ...(tool_calls.length > 0 && { tool_calls }),
      ...defined({ name: message.name, audio }),
      ...fields,
    },
  ]
}

const markedText = (text: string, { cache_control }: AssistantInput, writer: Writer) =>
  toWireText(text, cache_control, writer)

/** Text and refusal of a message; parts that an assistant cannot say to this wire are left out. */
function textOf({ content, refusal }: AssistantInput, writer: Writer) {
  if (!Array.isArray(content))
    return { text: typeof content === 'string' ? content : '', refusal: refusal ?? '' }
  const parts: readonly AssistantPart[] = content
  const join = (pick: (part: AssistantPart) => string) => parts.map(pick).join('')
  if (parts.some((part) => part.type === 'image_url' || part.type === 'file'))
    writer.warn({
      code: 'dropped',
      param: 'messages',
      provider: writer.provider,
      message:
        'Images and files in assistant messages were left out: the wire has no place for them',
    })
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
  const { name } = call.function
  return {
    id,
    type: 'function',
    function: { name, arguments: jsonArguments(call, writer) },
    ...extra,
  }
}

/** Servers that render a chat template parse the arguments, and refuse the whole history for one that was cut. */
function jsonArguments({ function: fn }: FunctionCall, writer: Writer): string {
  const text: unknown = fn.arguments
  if (typeof text !== 'string') return JSON.stringify(text ?? {})
  if (text.trim() === '') return '{}'
  if (parseJson(text) !== undefined) return text
  repaired('Tool-call arguments that are no JSON were wrapped: { "invalid": … }', writer)
  return JSON.stringify({ invalid: text })
}

/** Results carry text; what else they hold follows in a user message, behind the last of them. */
function toWireResults(results: readonly ToolMessage[], writer: Writer): readonly WireMessage[] {
  const media: WireUserPart[] = []
  const tools = results.map((result): WireMessage => {
    const id = writer.fit(result.tool_call_id)
    const { text, others } = splitResult(result)
    if (others.length > 0)
      media.push(
        { type: 'text', text: `From the result of tool call ${id}:` },
        ...others.map((part) => toUserPart(part, writer)),
      )
    return {
      role: 'tool',
      tool_call_id: id,
      content: toWireText(text, result.cache_control, writer),
      ...defined({ name: result.name }),
    }
  })
  if (media.length === 0) return tools
  writer.warn({
    code: 'changed',
    param: 'messages',
    provider: writer.provider,
    message: 'Images and files of tool results follow in a user message: results carry text only',
  })
  return [...tools, { role: 'user', content: media }]
}

function splitResult({ content = '', is_error }: ToolMessage) {
  const parts: readonly UserPart[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : content
  const others = parts.filter((part) => part.type !== 'text')
  const said = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
  const text = said === '' && others.length > 0 ? 'See the next user message.' : said
  // the wire has no flag for it
  const isTold = !is_error || /^\W*error/i.test(text)
  return { text: isTold ? text : `Error: ${text}`, others }
}

interface TakenBack {
  readonly fields: Pick<
    WireAssistantMessage,
    'reasoning_content' | 'reasoning' | 'reasoning_details' | 'extra_content'
  >
  /** By call id: what belongs beside the official members. */
  readonly extras: ReadonlyMap<string, JsonObject>
}

const nothing: TakenBack = { fields: {}, extras: new Map() }

/**
 * What the server wants back. Its own block is used only where it says what the message says now; signatures go only to the model
 * that made them.
 */
function takenBack(message: AssistantInput, said: Said, writer: Writer): TakenBack {
  const { native } = message
  const { provider, model, traits } = writer
  if (native && native.provider !== provider) {
    lost(`Reasoning and native blocks of ${native.provider} were left out`, writer)
    return withPlaceholder(nothing, said, writer)
  }
  const [block] = native?.content ?? []
  if (!isObject(block)) return withPlaceholder(fromReasoning(message, writer), said, writer)
  if (!says(block, message, said)) {
    lost('A changed assistant message was sent without its native block', writer)
    return withPlaceholder(fromReasoning(message, writer), said, writer)
  }
  const reasoning = traits.returnReasoning ? pickStrings(block, reasoningFields) : {}
  if (native?.model === model)
    return {
      fields: { ...reasoning, ...defined(pick(block, ['reasoning_details', 'extra_content'])) },
      extras: extrasOf(block),
    }
  lost('Signed reasoning of another model was left out', writer)
  return withPlaceholder({ ...nothing, fields: reasoning }, said, writer)
}

const reasoningFields = ['reasoning_content', 'reasoning'] as const

const lost = (message: string, { provider, warn }: Writer) =>
  warn({ code: 'dropped', param: 'messages', provider, message })

/** A message without a block of its own, and no sign of another provider. */
function fromReasoning(message: AssistantInput, { traits }: Writer): TakenBack {
  const { reasoning_content, thinking_blocks, provider_specific_fields } = message
  const isForeign = Boolean(thinking_blocks?.length) || Boolean(provider_specific_fields)
  if (!traits.returnReasoning || !reasoning_content || isForeign) return nothing
  return { ...nothing, fields: { reasoning_content } }
}

/** Servers that want reasoning back refuse a turn with calls that has none: a blank stands for what is not theirs. */
function withPlaceholder(back: TakenBack, { calls }: Said, { traits }: Writer): TakenBack {
  const isEmpty = Object.keys(back.fields).length === 0
  if (!traits.returnReasoning || calls.length === 0 || !isEmpty) return back
  return { ...back, fields: { reasoning_content: ' ' } }
}

/** True if the block says what the message says now: text, refusal, calls, and reasoning where both have it. */
function says(block: JsonObject, { reasoning_content }: AssistantInput, said: Said): boolean {
  const reasoning = block.reasoning_content ?? block.reasoning
  const isSameReasoning = !reasoning_content || !reasoning || reasoning === reasoning_content
  return (
    isSameReasoning &&
    (block.content ?? '') === said.text &&
    (block.refusal ?? '') === said.refusal &&
    JSON.stringify(list(block.tool_calls).map(official)) ===
      JSON.stringify(said.calls.map(official))
  )
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The members of a call that every server knows, in one order. */
function official(call: unknown) {
  const { id, type, function: fn, custom } = isObject(call) ? call : ({} as JsonObject)
  const body: JsonObject = isObject(custom) ? custom : isObject(fn) ? fn : {}
  return [id, type, body.name, body.arguments ?? body.input]
}

function extrasOf(block: JsonObject): ReadonlyMap<string, JsonObject> {
  const extras = new Map<string, JsonObject>()
  for (const call of list(block.tool_calls)) {
    if (!isObject(call) || typeof call.id !== 'string') continue
    const { id, type: _, function: __, custom: ___, ...extra } = call
    if (Object.keys(extra).length > 0) extras.set(call.id, extra)
  }
  return extras
}

const pick = <Key extends string>(object: JsonObject, keys: readonly Key[]) =>
  // the block is one that this adapter wrote: see `native` in stream.ts
  Object.fromEntries(keys.map((key) => [key, object[key]])) as { [K in Key]: never }

const pickStrings = <Key extends string>(object: JsonObject, keys: readonly Key[]) =>
  Object.fromEntries(
    keys.flatMap((key) => (typeof object[key] === 'string' ? [[key, object[key]]] : [])),
  ) as { [K in Key]?: string }
