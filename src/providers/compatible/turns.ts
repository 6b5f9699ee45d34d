/** Maps messages to the wire, with the members that a server requires back. */
import {
  type AssistantInput,
  type AssistantTurn,
  type Message,
  type PairedCall,
  type PairedMessage,
  splitId,
  type ToolMessage,
  type Turn,
  textOfContent,
  toErrorText,
  type UserPart,
  visibleText,
} from '../../chat/index.js'
import { asObjects, asParts, defined, type JsonObject } from '../../chat/json.js'
import { otherMembers, otherMembersOfCall, reportEmpty, reportLosses, turnsOf } from '../turns.js'
import type { WriteContext } from './models.js'
import { restoreMembers } from './native.js'
import { partsOf, toUserPart, toWireContent, toWireText } from './parts.js'
import { idForms } from './tools.js'
import type { WireMessage, WireMessages, WirePart, WireToolCall } from './wire.js'

/** The wire's messages. Throws `BadRequestError` for none, and for unsendable messages or parts. */
export function toWireMessages(messages: readonly Message[], context: WriteContext): WireMessages {
  const ids = idForms[context.traits.toolCallIds]
  const { turns } = turnsOf(messages, context, { ids, members: 'all' })
  if (turns.length === 0) throw context.invalid('there is no message to answer', 'no_messages')
  return turns.flatMap((turn) => toWireTurn(turn, context))
}

function toWireTurn(turn: Turn, writer: WriteContext): WireMessages {
  if (turn.role === 'assistant') return toWireAssistant(turn, writer)
  const { message } = turn
  const { cache_control: mark } = message
  const others = { ...otherMembers(message), ...defined({ name: message.name }) }
  if (message.role === 'user')
    return [{ ...others, role: 'user', content: toWireContent(message.content, mark, writer) }]
  const role = writer.traits.developerRole ? message.role : 'system'
  return [{ ...others, role, content: toWireText(message.content, mark, writer) }]
}

function toWireAssistant({ messages }: AssistantTurn, writer: WriteContext) {
  const wire = messages.flatMap((message) => toWireMessage(message, writer))
  const calls = messages.flatMap((message) => message.calls)
  const whole = wire.length > 1 && calls.length > 0 ? [joined(wire)] : wire
  return [...whole, ...toWireResults(calls, writer)]
}

/** Merges parallel calls that were stored apart: only their results may follow calls. */
function joined(messages: WireMessages): WireMessage {
  const parts = messages.flatMap(({ content }) => asParts(content))
  const isPlain = messages.every(({ content }) => !content || typeof content === 'string')
  const content = isPlain ? parts.map(({ text }) => text).join('\n') || null : parts
  const tool_calls = messages.flatMap((message) => asObjects(message.tool_calls))
  return Object.assign({}, ...messages, { content, tool_calls })
}

function toWireMessage(paired: PairedMessage, writer: WriteContext): WireMessages {
  const { message, calls } = paired
  reportLosses(message, ['thinking parts', 'images'], writer)
  const visible = visibleText(message)
  const audio = audioOf(message, writer)
  // only OpenAI has `refusal`, so a refusal is sent as text
  const text = visible.text || visible.refusal || (audio ? '' : (message.audio?.transcript ?? ''))
  if (text === '' && calls.length === 0 && !audio) {
    reportEmpty(writer)
    return []
  }
  const { fields, extras } = restoreMembers(paired, writer)
  const tool_calls = calls.map((pair) => toWireCall(pair, extras?.get(splitId(pair.given.id).id)))
  const { phase, ...others } = otherMembers(message)
  if (phase !== undefined)
    writer.note.dropped(`'phase' of a message was left out: the API has no field for it`)
  return [
    {
      ...others,
      role: 'assistant',
      content: text === '' ? null : toWireText(text, message.cache_control, writer),
      ...(tool_calls.length > 0 && { tool_calls }),
      ...defined({ name: message.name, audio }),
      ...fields,
    },
  ]
}

/** The server finds its own audio by id, for an hour or so. */
function audioOf({ audio }: AssistantInput, { now }: WriteContext) {
  if (!audio?.id || (audio.expires_at !== undefined && audio.expires_at <= now)) return undefined
  return { id: audio.id }
}

function toWireCall({ call }: PairedCall, extra: JsonObject | undefined): WireToolCall {
  const members = { ...otherMembersOfCall(call), id: call.id }
  if (call.type === 'custom') return { ...members, type: 'custom', custom: call.custom, ...extra }
  const { name, arguments: text } = call.function
  return { ...members, type: 'function', function: { name, arguments: text }, ...extra }
}

/** Results contain text; their other parts follow in a user message after the last one. */
function toWireResults(calls: readonly PairedCall[], writer: WriteContext): WireMessages {
  const media: WirePart[] = []
  const results = calls.map(({ call, result }): WireMessage => {
    const tool_call_id = call.id
    const { text, others } = splitResult(result)
    if (others.length > 0)
      media.push(
        { type: 'text', text: `From the result of tool call ${tool_call_id}:` },
        ...others.map((part) => toUserPart(part, writer)),
      )
    return {
      role: 'tool',
      tool_call_id,
      content: toWireText(text, result.cache_control, writer),
      ...otherMembers(result),
      ...defined({ name: result.name }),
    }
  })
  if (media.length === 0) return results
  writer.note.changed(
    'Images and files of tool results follow in a user message: results carry text only',
  )
  return [...results, { role: 'user', content: media }]
}

/** The text and other parts of a result. The wire has no error flag: an error is JSON text. */
function splitResult({ content = '', is_error }: ToolMessage) {
  const others = partsOf<UserPart>(content).filter((part) => part.type !== 'text')
  const own = textOfContent(content)
  const text = own === '' && others.length > 0 ? 'See the next user message.' : own
  return { text: is_error ? toErrorText(text) : text, others }
}
