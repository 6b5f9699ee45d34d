/** What a browser may send, as a zod schema: user and assistant text, images and files within limits. The app opens more. */
import { z } from 'zod'
import type { Message } from '../../chat/index.js'
import { RefusedError } from '../public-error.js'
import { plainMembers } from './signing.js'

export interface InputOptions {
  /** Bytes of JSON beside inline files. @default 262_144 */
  readonly maxBytes?: number | undefined
  /** Bytes with inline files. @default 8_388_608 */
  readonly maxBytesWithFiles?: number | undefined
  /** @default 100 */
  readonly maxMessages?: number | undefined
  /** Characters of one text of a user. @default 32_768 */
  readonly maxTextLength?: number | undefined
  /** Images and files of all messages; 0 takes none. @default 8 */
  readonly maxFiles?: number | undefined
  /** Nesting of the JSON. @default 8; 64 for `ui`, and where tools, native blocks or params are open */
  readonly maxDepth?: number | undefined
  /** Takes `system` and `developer` messages of the client. @default false */
  readonly allowSystem?: boolean | undefined
  /** Takes unsigned tool calls, results, approvals and native blocks of the client. @default false */
  readonly allowTools?: boolean | undefined
  /** Members of a chat request that the client may set: `temperature`, `max_tokens` … @default none */
  readonly params?: readonly string[] | undefined
}

const text = (options: InputOptions) => z.string().max(options.maxTextLength ?? 32_768)

const address = z.string().regex(/^(?:https?:\/\/|data:[^,]{0,200};base64,)/i)

const userPart = (options: InputOptions) =>
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text'), text: text(options) }),
    z.strictObject({
      type: z.literal('image_url'),
      image_url: z.union([
        address,
        z.strictObject({
          url: address,
          detail: z.enum(['low', 'high', 'auto']).optional(),
          format: z.string().max(100).optional(),
        }),
      ]),
    }),
    z.strictObject({
      type: z.literal('input_audio'),
      input_audio: z.strictObject({ data: z.string(), format: z.string().max(20) }),
    }),
    z.strictObject({
      type: z.literal('file'),
      // a file_id would reach into the files of the app's account
      file: z.strictObject({
        file_data: z.string().optional(),
        file_url: address.optional(),
        filename: z.string().max(255).optional(),
        format: z.string().max(100).optional(),
      }),
    }),
  ])

/** Messages of a browser. Tool calls, results and native blocks have passed `signing.ts`, or are open. */
export function messagesSchema(options: InputOptions) {
  const words = z.union([text(options), z.array(userPart(options)).max(100)])
  const user = z.strictObject({ role: z.literal('user'), content: words })
  const assistant = z.looseObject({
    role: z.literal('assistant'),
    content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]).nullish(),
    refusal: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    annotations: z.array(z.looseObject({ type: z.string() })).nullish(),
    tool_calls: z.array(z.looseObject({ id: z.string().max(200) })).optional(),
  })
  const tool = z.looseObject({ role: z.literal('tool'), tool_call_id: z.string().max(200) })
  const system = z.strictObject({
    role: z.enum(['system', 'developer']),
    content: z.union([
      text(options),
      z.array(z.strictObject({ type: z.literal('text'), text: text(options) })),
    ]),
  })
  return z
    .array(z.discriminatedUnion('role', [user, assistant, tool, system]))
    .min(1)
    .max(options.maxMessages ?? 100)
}

/** Nothing opened. */
export const closedInput: InputOptions = {}

/** A route has one: it is made once, as that takes longer than to check a conversation. */
const schemas = new WeakMap<InputOptions, ReturnType<typeof messagesSchema>>()

function schemaOf(options: InputOptions) {
  const schema = schemas.get(options) ?? messagesSchema(options)
  schemas.set(options, schema)
  return schema
}

/** Throws `RefusedError` for messages that are not what a browser may send; `vouched` are those the server itself said. */
export function checkMessages(
  messages: readonly Message[],
  options: InputOptions,
  vouched: ReadonlySet<Message> = new Set(),
): void {
  const { success, error } = schemaOf(options).safeParse(messages)
  if (!success) {
    const path = error.issues[0]?.path.join('.') ?? ''
    throw new RefusedError(
      'invalid_messages',
      `The messages are not accepted${path && ` at ${path}`}.`,
    )
  }
  for (const message of messages) checkRole(message, options, vouched.has(message))
  if (countFiles(messages) > (options.maxFiles ?? 8))
    throw new RefusedError('too_many_files', 'Too many images or files.')
}

function checkRole(
  message: Message,
  { allowSystem = false, allowTools = false }: InputOptions,
  isVouched: boolean,
): void {
  if ((message.role === 'system' || message.role === 'developer') && !allowSystem)
    throw new RefusedError('role_not_allowed', 'A message has a role that is not allowed.')
  if (allowTools) return
  const isForeign =
    message.role === 'tool' ||
    (message.role === 'assistant' && Object.keys(message).some((key) => !plainMembers.has(key)))
  if (isForeign && !isVouched)
    throw new RefusedError('history_not_signed', 'The conversation has parts that are not signed.')
  // text is not signed
  if (message.role === 'assistant' && !isText(message.content))
    throw new RefusedError('invalid_messages', 'An assistant message is not accepted.')
}

/** As long as the body may be: an answer comes back at the length it had. */
const isText = (content: unknown): boolean =>
  !Array.isArray(content) ||
  content.every((part) => part.type === 'text' && typeof part.text === 'string')

const countFiles = (messages: readonly Message[]) =>
  messages.reduce(
    (sum, { content }) =>
      sum + (Array.isArray(content) ? content.filter((part) => part.type !== 'text').length : 0),
    0,
  )
