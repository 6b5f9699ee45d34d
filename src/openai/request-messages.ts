/** Reads the messages of a Chat Completions body. */
import type {
  AssistantInput,
  FilePart,
  Message,
  RefusalPart,
  TextPart,
  ToolCall,
  UserPart,
} from '../chat/index.js'
import { isObject, type JsonObject } from '../chat/index.js'
import {
  type Check,
  either,
  filled,
  invalid,
  listOf,
  members,
  object,
  oneOf,
  required,
  string,
} from './check.js'

/** Drops members that no client needs to send (`native`, litellm's additions). */
export function readMessages(value: unknown, path: string): readonly Message[] {
  const messages = listOf(object)(value, path)
  if (messages.length === 0) throw invalid(path, 'expected at least one message')
  const reader = new LegacyCalls()
  return messages.map((message, index) => readMessage(message, `${path}[${index}]`, reader))
}

/** Assigns ids to legacy `function_call`s, which were matched by name. */
class LegacyCalls {
  private made = 0

  open(): string {
    this.made++
    return `call_function_${this.made}`
  }

  /** The id of the call that a result follows. */
  get last(): string {
    return `call_function_${this.made}`
  }
}

const isText = (value: unknown) => typeof value === 'string'

function readMessage(message: JsonObject, path: string, legacy: LegacyCalls): Message {
  const role = required(message, path, 'role', roles)
  const content = (parts: Check<never>) =>
    required(message, path, 'content', either(isText, string, listOf(parts)))
  const name = members<{ name: string }>(message, path, { name: string })
  switch (role) {
    case 'system':
    case 'developer':
      return { role, content: content(textPart as Check<never>), ...name }
    case 'user':
      return { role, content: content(userPart as Check<never>), ...name }
    case 'assistant':
      return { role, ...readAssistant(message, path, legacy), ...name }
    case 'tool':
      return {
        role,
        tool_call_id: required(message, path, 'tool_call_id', filled),
        content: content(userPart as Check<never>),
        ...name,
      }
    case 'function':
      return {
        role: 'tool',
        tool_call_id: legacy.last,
        content: required(message, path, 'content', (value, at) =>
          value === null ? '' : string(value, at),
        ),
        ...name,
      }
    default:
      return role satisfies never
  }
}

const roles = oneOf('system', 'developer', 'user', 'assistant', 'tool', 'function')

function readAssistant(
  message: JsonObject,
  path: string,
  legacy: LegacyCalls,
): Omit<AssistantInput, 'role'> {
  const { function_call, ...rest } = members<AssistantMembers>(message, path, {
    content: either(isText, string, listOf(assistantPart)),
    refusal: string,
    tool_calls: listOf(toolCall),
    reasoning_content: string,
    audio: (value, at) => ({ id: required(object(value, at), at, 'id', filled) }),
    function_call: calledFunction,
  })
  if (!function_call) return rest
  return {
    ...rest,
    tool_calls: [{ id: legacy.open(), type: 'function', function: function_call }],
  }
}

interface AssistantMembers {
  readonly content: string | readonly (TextPart | RefusalPart)[]
  readonly refusal: string
  readonly tool_calls: readonly ToolCall[]
  readonly reasoning_content: string
  readonly audio: { readonly id: string }
  readonly function_call: { readonly name: string; readonly arguments: string }
}

const calledFunction: Check<{ readonly name: string; readonly arguments: string }> = (
  value,
  path,
) => {
  const source = object(value, path)
  return {
    name: required(source, path, 'name', filled),
    arguments: required(source, path, 'arguments', string),
  }
}

const toolCall: Check<ToolCall> = (value, path) => {
  const source = object(value, path)
  const id = required(source, path, 'id', filled)
  const type = source.type ?? 'function'
  if (type === 'function')
    return { id, type, function: required(source, path, 'function', calledFunction) }
  if (type !== 'custom') throw invalid(`${path}.type`, "expected 'function' or 'custom'")
  const custom = required(source, path, 'custom', object)
  return {
    id,
    type,
    custom: {
      name: required(custom, `${path}.custom`, 'name', filled),
      input: required(custom, `${path}.custom`, 'input', string),
    },
  }
}

type Parts<Part> = { readonly [type: string]: (source: JsonObject, path: string) => Part }

const partOf =
  <Part>(table: Parts<Part>): Check<Part> =>
  (value, path) => {
    const source = object(value, path)
    const read =
      typeof source.type === 'string' && Object.hasOwn(table, source.type)
        ? table[source.type]
        : undefined
    if (read) return read(source, path)
    const known = Object.keys(table).map((type) => `'${type}'`)
    throw invalid(`${path}.type`, `expected ${known.join(', ')}`)
  }

const text = (source: JsonObject, path: string): TextPart => ({
  type: 'text',
  text: required(source, path, 'text', string),
  ...mark(source, path),
})

const mark = (source: JsonObject, path: string) =>
  members<{ cache_control: NonNullable<TextPart['cache_control']> }>(source, path, {
    cache_control: (value, at) => ({
      type: required(object(value, at), at, 'type', oneOf('ephemeral')),
      ...members<{ ttl: '5m' | '1h' }>(object(value, at), at, { ttl: oneOf('5m', '1h') }),
    }),
  })

const textPart = partOf<TextPart>({ text })

const assistantPart = partOf<TextPart | RefusalPart>({
  text,
  refusal: (source, path) => ({
    type: 'refusal',
    refusal: required(source, path, 'refusal', string),
  }),
})

const userPart = partOf<UserPart>({
  text,
  image_url: (source, path) => {
    const image = source.image_url
    const at = `${path}.image_url`
    const url = isObject(image) ? required(image, at, 'url', filled) : filled(image, at)
    const detail = isObject(image) ? members<{ detail: string }>(image, at, { detail: string }) : {}
    return {
      type: 'image_url',
      image_url: { url: address(url, at), ...detail },
      ...mark(source, path),
    }
  },
  input_audio: (source, path) => {
    const at = `${path}.input_audio`
    const audio = required(source, path, 'input_audio', object)
    return {
      type: 'input_audio',
      input_audio: {
        data: required(audio, at, 'data', filled),
        format: required(audio, at, 'format', filled),
      },
      ...mark(source, path),
    }
  },
  file: (source, path) => ({
    type: 'file',
    file: readFile(required(source, path, 'file', object), `${path}.file`),
    ...mark(source, path),
  }),
})

function readFile(source: JsonObject, path: string): FilePart['file'] {
  const file = members<{ file_data: string; file_id: string; filename: string }>(source, path, {
    file_data: filled,
    file_id: filled,
    filename: filled,
  })
  if (file.file_data === undefined && file.file_id === undefined)
    throw invalid(path, 'expected file_data or file_id')
  return file
}

/** Accepts only http(s) and data URIs: later readers of the URL may support other schemes. */
function address(url: string, path: string): string {
  if (/^(https?:\/\/|data:)/i.test(url)) return url
  throw invalid(path, 'expected an http(s) address or a data URI')
}
