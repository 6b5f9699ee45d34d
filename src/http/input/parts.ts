/** What a browser may send: text, images and files within limits, and what the app opens. */
import {
  asObject,
  defined,
  isObject,
  type JsonObject,
  type Message,
  type UserMessage,
} from '../../chat/index.js'
import { RefusedError } from '../public-error.js'
import { plainMembers } from './signing.js'

/** Limits apply to the new message, unless they name the conversation or the body. */
export interface InputOptions {
  /** Bytes of text in the new message, UTF-8. @default 262_144 */
  readonly maxBytes?: number | undefined
  /** Bytes of the new message with its inline files, as base64. @default 8_388_608 */
  readonly maxBytesWithFiles?: number | undefined
  /** Characters of one text of the new message. @default 32_768 */
  readonly maxTextLength?: number | undefined
  /** Images and files of the new message; 0 rejects all. @default 8 */
  readonly maxFiles?: number | undefined
  /** Bytes of unsigned text in a conversation, UTF-8: about 1M tokens. @default 4_194_304 */
  readonly maxConversationBytes?: number | undefined
  /** Bytes of the whole body, with files and signed messages. @default 33_554_432 */
  readonly maxBodyBytes?: number | undefined
  /** Unsigned messages in a conversation that a client stores. @default 4_000 */
  readonly maxMessages?: number | undefined
  /** Nesting of the JSON. @default 8; 64 for `ui`, and where tools, native blocks or params are open */
  readonly maxDepth?: number | undefined
  /** Accepts `system` and `developer` messages of the client. @default false */
  readonly allowSystem?: boolean | undefined
  /** Accepts unsigned tool calls, results, approvals and native blocks. @default false */
  readonly allowTools?: boolean | undefined
  /** Members of a chat request that the client may set: `temperature`, `max_tokens` … @default none */
  readonly params?: readonly string[] | undefined
}

/** All limits, with their defaults. */
export const limitsOf = (options: InputOptions) => ({
  maxBytes: options.maxBytes ?? 262_144,
  maxBytesWithFiles: options.maxBytesWithFiles ?? 8_388_608,
  maxTextLength: options.maxTextLength ?? 32_768,
  maxFiles: options.maxFiles ?? 8,
  maxConversationBytes: options.maxConversationBytes ?? 4_194_304,
  maxBodyBytes: options.maxBodyBytes ?? 33_554_432,
  maxMessages: options.maxMessages ?? 4_000,
})

/** Opens nothing. */
export const closedInput: InputOptions = {}

/** Throws `RefusedError` for an invalid value; `path` is its location. */
type Check = (value: unknown, path: string) => void

const refuse = (path: string, what: string): never => {
  throw new RefusedError('invalid_messages', `${path}: ${what}.`, { param: path })
}

const string =
  (max: number): Check =>
  (value, path) => {
    if (typeof value !== 'string') refuse(path, 'expected a string')
    else if (value.length > max) refuse(path, `expected at most ${max} characters`)
  }

const anyString = string(Number.POSITIVE_INFINITY)

const either =
  (...values: readonly string[]): Check =>
  (value, path) => {
    if (!values.some((each) => each === value))
      refuse(path, `expected ${values.map((each) => `'${each}'`).join(', ')}`)
  }

/** HTTP(S) and data URLs only: code that reads the URL later may support other schemes. */
const address: Check = (value, path) => {
  if (typeof value !== 'string' || !/^(?:https?:\/\/|data:[^,]{0,200},)/i.test(value))
    refuse(path, 'expected an http(s) address or a data URI')
}

/** An object with these members and no others; a name with `?` is optional. */
const object = (table: Readonly<Record<string, Check>>): Check => {
  const required = Object.keys(table).filter((key) => !key.endsWith('?'))
  const checks = new Map(
    Object.entries(table).map(([key, check]) => [key.replace('?', ''), check] as const),
  )
  return (value, path) => {
    if (!isObject(value)) return refuse(path, 'expected an object')
    for (const key of required)
      if (!Object.hasOwn(value, key)) refuse(`${path}.${key}`, 'expected, but missing')
    for (const [key, member] of Object.entries(value)) {
      const check = checks.get(key)
      const at = `${path}.${key.slice(0, 100)}`
      if (!check) refuse(at, 'the member is not accepted')
      else if (member !== undefined) check(member, at)
    }
  }
}

const list =
  (item: Check, max: number): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return refuse(path, 'expected a list')
    if (value.length > max) refuse(path, `expected at most ${max} entries`)
    for (const [index, one] of value.entries()) item(one, `${path}[${index}]`)
  }

/** Selects the check by the value of a member. */
const kind =
  (member: string, table: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (!isObject(value)) return refuse(path, 'expected an object')
    const name = value[member]
    const check = typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined
    if (check) return check(value, path)
    refuse(
      `${path}.${member}`,
      `expected ${Object.keys(table)
        .map((one) => `'${one}'`)
        .join(', ')}`,
    )
  }

const textOr =
  (other: Check): Check =>
  (value, path) => {
    if (typeof value !== 'string') other(value, path)
  }

const any: Check = () => {}

const mark = { 'cache_control?': object({ type: either('ephemeral'), 'ttl?': either('5m', '1h') }) }

const text = object({ type: any, text: anyString, ...mark })

const image = object({
  url: address,
  'detail?': either('low', 'high', 'auto'),
  'format?': string(100),
})

const userPart = kind('type', {
  text,
  image_url: object({
    type: any,
    image_url: (value, path) => (isObject(value) ? image : address)(value, path),
    ...mark,
  }),
  input_audio: object({
    type: any,
    input_audio: object({ data: anyString, format: string(20) }),
    ...mark,
  }),
  file: object({
    type: any,
    // a file_id could name any file of the app's account
    file: object({
      'file_data?': anyString,
      'file_url?': address,
      'filename?': string(255),
      'format?': string(100),
    }),
    ...mark,
  }),
})

const loose: Check = (value, path) => {
  if (!isObject(value)) refuse(path, 'expected an object')
}

const typed: Check = (value, path) => {
  loose(value, path)
  anyString(asObject(value).type, `${path}.type`)
}

/** Checks these members only: the others come from the server, signed, or are opened. */
const members =
  (table: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    for (const [key, check] of Object.entries(table)) {
      const member = asObject(value)[key]
      if (member !== undefined && member !== null) check(member, `${path}.${key}`)
    }
  }

const userMessage = object({
  role: any,
  content: textOr(list(userPart, 100)),
  'id?': string(200),
  'name?': string(200),
  ...mark,
})

const systemMessage = object({
  role: any,
  content: textOr(list(kind('type', { text }), 100)),
  'id?': string(200),
  'name?': string(200),
  ...mark,
})

/** User messages are checked by `checkNew`: an old one that is rejected is dropped. */
const message = kind('role', {
  user: any,
  system: systemMessage,
  developer: systemMessage,
  assistant: members({
    id: string(200),
    name: string(200),
    content: textOr(list(typed, 10_000)),
    refusal: anyString,
    reasoning_content: anyString,
    phase: string(100),
    commentary: anyString,
    annotations: list(typed, 10_000),
    tool_calls: list((value, path) => {
      loose(value, path)
      string(200)(asObject(value).id, `${path}.id`)
    }, 10_000),
  }),
  tool: (value, path) => string(200)(asObject(value).tool_call_id, `${path}.tool_call_id`),
})

/**
 * Validates the messages of a browser and returns those to use; `verified` are the server's own.
 * Limits apply to the last message. An earlier user message over a limit was rejected when it was
 * new: it is dropped, so that it does not end the conversation. Throws `RefusedError` that names
 * the path and the limit.
 */
export function checkMessages(
  messages: readonly Message[],
  options: InputOptions,
  verified: ReadonlySet<Message> = new Set(),
): readonly Message[] {
  const limits = limitsOf(options)
  if (messages.length === 0)
    throw new RefusedError('invalid_messages', 'messages: expected at least one message.')
  if (messages.length - verified.size > limits.maxMessages) throw tooLong()
  messages.forEach((one, index) => {
    message(one, `messages[${index}]`)
    checkRole(one, `messages[${index}]`, options, verified.has(one))
  })
  const last = messages.length - 1
  const kept = messages.filter((one, index) => {
    if (one.role !== 'user') return true
    if (index === last) checkNew(one, `messages[${index}]`, options)
    return index === last || isAcceptable(one, options)
  })
  let bytes = 0
  for (const one of kept) if (!verified.has(one)) bytes += sizeOf(one).text
  if (bytes > limits.maxConversationBytes) throw tooLong()
  return kept
}

export const tooLong = () =>
  new RefusedError(
    'conversation_too_long',
    'This conversation has become too long. Please start a new one.',
    { status: 413 },
  )

/** Throws `RefusedError` for a new message that is invalid or over a limit. */
function checkNew(one: UserMessage, path: string, options: InputOptions): void {
  userMessage(one, path)
  if (isEmpty(one)) refuse(path, 'the message is empty')
  const { maxBytes, maxBytesWithFiles, maxTextLength, maxFiles } = limitsOf(options)
  const size = sizeOf(one)
  const over = (code: string, what: string, status = 413): never => {
    throw new RefusedError(code, `${path}: ${what}.`, { status, param: path })
  }
  if (size.text > maxBytes)
    over(
      'too_large',
      `the message has ${size.text} bytes of text, at most ${maxBytes} are accepted`,
    )
  if (size.text + size.files > maxBytesWithFiles)
    over('too_large', `the files are too large, at most ${maxBytesWithFiles} bytes are accepted`)
  if (size.longest > maxTextLength)
    over(
      'text_too_long',
      `the text has ${size.longest} characters, at most ${maxTextLength} are accepted`,
    )
  if (size.count > maxFiles)
    over('too_many_files', `${size.count} images or files, at most ${maxFiles} are accepted`, 400)
}

/** Providers drop blank text: the model would answer the message before it. */
const isEmpty = ({ content }: UserMessage): boolean =>
  typeof content === 'string'
    ? content.trim() === ''
    : content.every((part) => part.type === 'text' && part.text.trim() === '')

function isAcceptable(one: UserMessage, options: InputOptions): boolean {
  try {
    checkNew(one, 'messages', options)
    return true
  } catch {
    return false
  }
}

interface Size {
  /** Bytes of text, UTF-8. */
  text: number
  /** Bytes of inline files, as base64. */
  files: number
  /** Images and files. */
  count: number
  /** Characters of the longest text. */
  longest: number
}

const encoder = new TextEncoder()

/** Only file parts of user messages count as files; all else is text. */
function sizeOf(one: Message): Size {
  const size: Size = { text: 0, files: 0, count: 0, longest: 0 }
  const add = (value: string) => {
    size.text += encoder.encode(value).length
    size.longest = Math.max(size.longest, value.length)
  }
  const { content } = one
  if (typeof content === 'string') add(content)
  else if (one.role === 'user' && Array.isArray(content))
    for (const part of content) addPart(part, size, add)
  if (one.role === 'user') return size
  // other roles count whole: a client may put text into any member
  size.text = encoder.encode(JSON.stringify(one)).length
  return size
}

function addPart(
  part: UserMessage['content'][number] | JsonObject,
  size: Size,
  add: (text: string) => void,
): void {
  if (!isObject(part)) return
  if (part.type === 'text') {
    add(String(part.text))
    return
  }
  size.count++
  const { image_url: image, input_audio: audio, file } = part
  const source = isObject(image) ? image.url : image
  const data = [source, isObject(audio) ? audio.data : undefined]
  if (isObject(file)) data.push(file.file_data, file.file_url)
  for (const one of data) if (typeof one === 'string') size.files += one.length
}

function checkRole(
  one: Message,
  path: string,
  { allowSystem = false, allowTools = false }: InputOptions,
  isVerified: boolean,
): void {
  if ((one.role === 'system' || one.role === 'developer') && !allowSystem)
    throw new RefusedError('role_not_allowed', `${path}.role: '${one.role}' is not allowed here.`, {
      param: `${path}.role`,
    })
  if (allowTools) return
  const foreign = one.role === 'tool' ? 'role' : foreignMember(one)
  if (foreign !== undefined && !isVerified) throw notSigned(`${path}.${foreign}`)
  // content is unsigned, so it must be text
  if (one.role === 'assistant' && !isText(one.content)) refuse(`${path}.content`, 'expected text')
}

/** The first member of an assistant turn that only the server may set; null is as good as absent. */
function foreignMember(one: Message): string | undefined {
  if (one.role !== 'assistant') return undefined
  const isForeign = ([key, value]: readonly [string, unknown]) =>
    !plainMembers.has(key) && value !== null
  return Object.entries(one).find(isForeign)?.[0].slice(0, 100)
}

export const notSigned = (param?: string): RefusedError =>
  new RefusedError(
    'history_not_signed',
    'The conversation has parts that are not signed.',
    defined({ param }),
  )

const isText = (content: unknown): boolean =>
  !Array.isArray(content) ||
  content.every((part) => part.type === 'text' && typeof part.text === 'string')
