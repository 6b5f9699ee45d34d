/** Maps tool names to the provider's form and back, the same in definitions, history and choice. */
import { asObject, asObjects, asText, isObject, type JsonObject } from './json.js'
import type { Message, ToolCall } from './message.js'
import type { Warning } from './output.js'
import type { ChatRequest } from './request.js'
import type { AnswerInput, StreamChunk } from './response.js'

/** The tool names that a provider accepts. */
export interface NameForm {
  readonly maxLength: number
  /** Characters that it refuses, with the flag `g`. */
  readonly refused: RegExp
  /** Characters that a name may begin with. @default as the rest */
  readonly first?: RegExp
}

/** `^[a-zA-Z0-9_-]{1,64}$`, as OpenAI and most others require. */
export const plainNames: NameForm = { maxLength: 64, refused: /[^a-zA-Z0-9_-]/g }

export interface NamedRequest {
  /** With the provider's names. */
  readonly request: ChatRequest
  /** Restores the caller's names in an answer. */
  readonly restored: <Answer extends AnswerInput>(answer: Answer) => Answer
  readonly restoredChunk: (chunk: StreamChunk) => StreamChunk
}

/** Renames tools that the provider would refuse, and reports each. */
export function fitNames(
  request: ChatRequest,
  form: NameForm,
  warn: (warning: Warning) => void,
): NamedRequest {
  const names = new Names(form)
  const tools = asObjects(request.tools).map((tool) => rename(tool, names))
  const declared = names.changed().length
  const messages = request.messages.map((message) => renameMessage(message, names))
  const changed = names.changed()
  if (changed.length === 0)
    return { request, restored: (answer) => answer, restoredChunk: (chunk) => chunk }
  for (const [position, [name, wire]] of changed.entries())
    warn({
      code: 'changed',
      param: position < declared ? 'tools' : 'messages',
      message: `The tool ${JSON.stringify(name)} was renamed to ${wire}: the API does not accept other characters`,
    })
  const { tool_choice } = request
  return {
    request: {
      ...request,
      messages,
      // the same tools and the same choice under other names
      ...(request.tools && { tools: tools as never }),
      ...(isObject(tool_choice) && { tool_choice: renameChoice(tool_choice, names) as never }),
    },
    restored: (answer) => restoreAnswer(answer, names),
    restoredChunk: (chunk) => restoreChunk(chunk, names),
  }
}

/** For messages alone. */
export const fitMessageNames = (messages: readonly Message[], form: NameForm) => {
  const names = new Names(form)
  return messages.map((message) => renameMessage(message, names))
}

class Names {
  private readonly toWire = new Map<string, string>()
  private readonly fromWire = new Map<string, string>()

  constructor(private readonly form: NameForm) {}

  wire(name: string): string {
    const known = this.toWire.get(name)
    if (known !== undefined) return known
    const wire = this.free(name)
    this.toWire.set(name, wire)
    this.fromWire.set(wire, name)
    return wire
  }

  own(wire: string): string {
    return this.fromWire.get(wire) ?? wire
  }

  /** Names that differ on the wire, in the order in which they were added. */
  changed(): readonly (readonly [name: string, wire: string])[] {
    return [...this.toWire].filter(([name, wire]) => name !== wire)
  }

  private free(name: string): string {
    const { maxLength, refused, first } = this.form
    const letters = name.replace(refused, '_')
    const clean = first && !first.test(letters) ? `_${letters}` : letters
    let candidate = clean.slice(0, maxLength)
    for (let n = 2; this.fromWire.has(candidate); n++)
      candidate = `${clean.slice(0, maxLength - 1 - String(n).length)}_${n}`
    return candidate
  }
}

// -- requests ----------------------------------------------------------------------------------------------------------

/** The object that holds the name of a tool, choice or call; a call may have no type. */
const bodyOf = (tool: JsonObject): JsonObject => {
  const { type = 'function', function: fn, custom } = tool
  if (type === 'custom' && isObject(custom)) return custom
  if (type === 'function' && isObject(fn)) return fn
  return tool.type === 'function' ? tool : {}
}

/** Returns the same object if its name is unchanged. */
function rename(tool: JsonObject, names: Names): JsonObject {
  const body = bodyOf(tool)
  const named = renameBody(body, names)
  if (named === body) return tool
  return body === tool ? named : { ...tool, [String(tool.type ?? 'function')]: named }
}

const renameBody = (body: JsonObject, names: Names): JsonObject => {
  const name = asText(body.name)
  const wire = name && names.wire(name)
  return wire === name ? body : { ...body, name: wire }
}

function renameChoice(choice: JsonObject, names: Names): JsonObject {
  if (choice.type !== 'allowed_tools') return rename(choice, names)
  const inner = isObject(choice.allowed_tools) ? choice.allowed_tools : choice
  const tools = asObjects(inner.tools).map((tool) => rename(tool, names))
  return inner === choice ? { ...choice, tools } : { ...choice, allowed_tools: { ...inner, tools } }
}

function renameMessage(message: Message, names: Names): Message {
  // untyped callers may pass anything
  if (!isObject(message)) return message
  const { tool_calls, function_call, name, role } = asObject(message)
  const calls = asObjects(tool_calls)
  const renamed = calls.map((call) => rename(call, names))
  const isResult = role === 'tool' || role === 'function'
  const changes = {
    ...(renamed.some((call, i) => call !== calls[i]) && { tool_calls: renamed }),
    ...(isObject(function_call) && { function_call: renameBody(function_call, names) }),
    ...(isResult && typeof name === 'string' && name !== '' && { name: names.wire(name) }),
  }
  return Object.keys(changes).length > 0 ? ({ ...message, ...changes } as Message) : message
}

// -- answers -----------------------------------------------------------------------------------------------------------

const restoreChunk = (chunk: StreamChunk, names: Names): StreamChunk =>
  chunk.type === 'tool-call-start' ? { ...chunk, name: names.own(chunk.name) } : chunk

function restoreAnswer<Answer extends AnswerInput>(answer: Answer, names: Names): Answer {
  const { message } = answer
  if (!message.tool_calls) return answer
  const tool_calls = message.tool_calls.map((call) => restoreCall(call, names))
  return { ...answer, message: { ...message, tool_calls } }
}

const restoreCall = (call: ToolCall, names: Names): ToolCall =>
  call.type === 'custom'
    ? { ...call, custom: { ...call.custom, name: names.own(call.custom.name) } }
    : { ...call, function: { ...call.function, name: names.own(call.function.name) } }
