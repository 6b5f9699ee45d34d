/** Messages to input items: what does not fit is mended, and what the API wants back goes back as it came. */
import type {
  AssistantInput,
  Message,
  SystemMessage,
  ToolCall,
  UserMessage,
  Warning,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import { type PairedCall, pair, type Turn } from './history.js'
import { nativeItems, type Spoken, toCallItem } from './native.js'
import { toOrphanOutput, toOutput } from './outputs.js'
import { type PartContext, toContent } from './parts.js'
import type { AssistantItem, InputItem, NativeItem, Profile, Warn } from './wire.js'

/** For whom a history is written. */
export interface InputOptions {
  readonly profile: Profile
  readonly model: string
  readonly warn: Warn
  /** The server stores what it answers. */
  readonly isStored?: boolean
  /** The server knows all up to the last assistant turn, by `previous_response_id`. */
  readonly isChained?: boolean
}

interface Writer extends PartContext {
  readonly isStored: boolean
}

type Item = InputItem | NativeItem

/**
 * The input of a request. Mended, each told: results without a call, calls without a result, ids that are missing, double or
 * too long, turns that say nothing. Throws `BadRequestError` for a role or a part that cannot be sent.
 */
export function toInput(messages: readonly Message[], options: InputOptions): readonly Item[] {
  const { isStored = false, isChained = false } = options
  const writer: Writer = { ...options, isStored, warn: once(options.warn) }
  const { turns, orphans } = pair(messages, (what) => repaired(what, writer))
  if (isChained)
    return sinceLastTurn(
      turns,
      orphans.map((one) => toOrphanOutput(one, writer)),
      writer,
    )
  if (orphans.length > 0) repaired('Tool results that answer no call were left out', writer)
  return limitMarks(
    turns.flatMap((turn) => toItems(turn, writer)),
    writer,
  )
}

/** The same defect in many messages is one warning. */
const once = (warn: Warn): Warn => {
  const told = new Set<string>()
  return (warning: Warning) => {
    if (told.has(warning.message)) return
    told.add(warning.message)
    warn(warning)
  }
}

const repaired = (message: string, { profile, warn }: Writer) =>
  warn({ code: 'repaired', param: 'messages', provider: profile.provider, message })

const dropped = (message: string, { profile, warn }: Writer) =>
  warn({ code: 'dropped', param: 'messages', provider: profile.provider, message })

/** What the server does not know yet: the results of its last calls, and what was said since. */
function sinceLastTurn(turns: readonly Turn[], orphans: readonly Item[], writer: Writer) {
  const last = turns.findLastIndex(({ message }) => message.role === 'assistant')
  const { profile, warn } = writer
  if (last >= 0)
    warn({
      code: 'ignored',
      param: 'previous_response_id',
      provider: profile.provider,
      message: `${last + 1} messages were not sent again: previous_response_id stands for them`,
    })
  const turn = turns[last]
  const outputs = turn ? assistantItems(turn, writer).outputs : []
  const since = turns.slice(last + 1).flatMap((one) => toItems(one, writer))
  return limitMarks([...orphans, ...outputs, ...since], writer)
}

function toItems(turn: Turn, writer: Writer): readonly Item[] {
  const { message } = turn
  switch (message.role) {
    case 'system':
    case 'developer':
      return [toInstruction(message, writer)]
    case 'user':
      return [toUser(message, writer)]
    case 'assistant': {
      const { items, outputs } = assistantItems(turn, writer)
      return [...items, ...outputs]
    }
    default:
      throw unknownRole(message satisfies never, writer)
  }
}

const unknownRole = (message: never, { profile, model }: Writer) =>
  new BadRequestError(
    `A message has the role ${JSON.stringify((message as { role?: unknown })?.role)}: known are system, developer, user, assistant and tool`,
    { provider: profile.provider, model, status: 400, code: 'invalid_role', phase: 'request' },
  )

function toInstruction(message: SystemMessage, writer: Writer): InputItem {
  const { profile, model } = writer
  noName(message, writer)
  return {
    role: profile.systemRole(model) ?? message.role,
    content: toContent(message.content, message.cache_control, writer),
  }
}

function toUser(message: UserMessage, writer: Writer): InputItem {
  noName(message, writer)
  return { role: 'user', content: toContent(message.content, message.cache_control, writer) }
}

function noName({ name }: { readonly name?: string | undefined }, { profile, warn }: Writer): void {
  if (name !== undefined)
    warn({
      code: 'ignored',
      param: 'messages',
      provider: profile.provider,
      message: 'The names of messages were left out: the API has no place for them',
    })
}

// -- assistant ---------------------------------------------------------------------------------------------------------

interface AssistantItems {
  readonly items: readonly Item[]
  readonly outputs: readonly InputItem[]
}

function assistantItems(turn: Turn, writer: Writer): AssistantItems {
  // only an assistant turn has calls and comes here
  const message = turn.message as AssistantInput
  const spoken: Spoken = { ...textOf(message), calls: turn.calls.map(({ call }) => call) }
  noName(message, writer)
  const native = nativeItems(message, spoken, writer)
  const items = native ?? rebuilt(message, spoken, turn.calls, writer)
  if (items.length === 0) repaired('Assistant messages that say nothing were left out', writer)
  return { items, outputs: toOutputs(items, turn.calls, writer) }
}

/** The answers to the calls among the items, in their order. */
function toOutputs(items: readonly Item[], calls: readonly PairedCall[], writer: Writer) {
  const left = [...calls]
  return items.flatMap((item): readonly InputItem[] => {
    const id = 'call_id' in item && item.call_id ? item.call_id : 'id' in item ? item.id : undefined
    const at = left.findIndex(
      ({ call, wireId }) => id !== undefined && (call.id === id || wireId === id),
    )
    const [found] = at < 0 ? [] : left.splice(at, 1)
    if (!found) return []
    const output = toOutput(item as NativeItem, found.result, writer)
    if (!found.result && output)
      repaired('Tool calls without a result were given one that says so', writer)
    return output ? [output] : []
  })
}

/** Text and refusal of a message. */
function textOf({ content, refusal, audio }: AssistantInput) {
  if (!Array.isArray(content)) {
    const text = typeof content === 'string' ? content : ''
    return { text: text || (audio?.transcript ?? ''), refusal: refusal ?? '' }
  }
  const parts = (content as Exclude<AssistantInput['content'], string | null | undefined>) ?? []
  return {
    text: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
    refusal: refusal ?? parts.map((part) => (part.type === 'refusal' ? part.refusal : '')).join(''),
  }
}

/** A turn written anew: what it said, then its calls. */
function rebuilt(
  message: AssistantInput,
  { text, refusal }: Spoken,
  calls: readonly PairedCall[],
  writer: Writer,
): readonly InputItem[] {
  tellLosses(message, writer)
  const content: AssistantItem['content'] = [
    ...(text !== '' ? [{ type: 'output_text', text } as const] : []),
    ...(refusal !== '' ? [{ type: 'refusal', refusal } as const] : []),
  ]
  return [
    ...(content.length > 0 ? [{ role: 'assistant', content } as const] : []),
    ...calls.map(({ call, wireId }) => toCallItem({ ...fittedCall(call, writer), id: wireId })),
  ]
}

/** Names and arguments as the API takes them. */
function fittedCall(call: ToolCall, writer: Writer): ToolCall {
  if (call.type === 'custom') {
    const { name, input } = call.custom
    return { ...call, custom: { name: fittedName(name, writer), input } }
  }
  if (!call.function) throw invalidCall(writer)
  const { name, arguments: args } = call.function
  // a history may hold what no type allows: objects, nothing at all
  const text: unknown = args
  const json = typeof text === 'string' ? text : JSON.stringify(text ?? {})
  return {
    ...call,
    function: { name: fittedName(name, writer), arguments: json.trim() === '' ? '{}' : json },
  }
}

function fittedName(name: string, writer: Writer): string {
  const fit = name.replace(/[^a-zA-Z0-9_-]/g, '_')
  if (fit !== name)
    repaired('Names of tool calls were spelled with letters, digits, _ and -', writer)
  return fit
}

const invalidCall = ({ profile, model }: Writer) =>
  new BadRequestError('A tool call in the history has no function', {
    provider: profile.provider,
    model,
    status: 400,
    code: 'invalid_tool_call',
    phase: 'request',
  })

function tellLosses(message: AssistantInput, writer: Writer): void {
  const { content, native, reasoning_content, thinking_blocks, images, files, hosted_tools } =
    message
  const hasThinking = Array.isArray(content) && content.some(({ type }) => type === 'thinking')
  if (!native && (reasoning_content || thinking_blocks?.length || hasThinking))
    dropped('Reasoning that this provider did not sign was left out', writer)
  if (images?.length || files?.length || (Array.isArray(content) && content.some(isMedia)))
    dropped(
      'Images and files in assistant messages were left out: the API has no place for them',
      writer,
    )
  if (hosted_tools?.length)
    dropped(
      'Runs of hosted tools were left out: without their native blocks they cannot be sent',
      writer,
    )
}

const isMedia = ({ type }: { readonly type: string }) => type === 'image_url' || type === 'file'

// -- cache marks -------------------------------------------------------------------------------------------------------

const maxMarks = 4

/** The last marks reach furthest: they are the ones that are kept. */
function limitMarks(items: readonly Item[], writer: Writer): readonly Item[] {
  let surplus = items.flatMap(partsOf).filter(isMarked).length - maxMarks
  if (surplus <= 0) return items
  dropped(`Of the cache marks the last ${maxMarks} were kept`, writer)
  return items.map((item) => {
    const parts = partsOf(item)
    if (surplus <= 0 || !parts.some(isMarked)) return item
    const kept = parts.map((part) => (isMarked(part) && surplus-- > 0 ? unmarked(part) : part))
    // the same parts, some of them without their mark
    return { ...item, ['content' in item ? 'content' : 'output']: kept } as Item
  })
}

function partsOf(item: Item): readonly object[] {
  const parts = 'content' in item ? item.content : 'output' in item ? item.output : undefined
  return Array.isArray(parts) ? parts : []
}

const isMarked = (part: object) => 'prompt_cache_breakpoint' in part

function unmarked(part: object): object {
  const { prompt_cache_breakpoint: _, ...rest } = part as Record<string, unknown>
  return rest
}
