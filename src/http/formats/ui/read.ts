/** Reads and validates what `DefaultChatTransport` posts. */
import { defined, isObject } from '../../../chat/index.js'
import { jsonLine } from '../../../sse/index.js'
import { RefusedError } from '../../public-error.js'
import type { Incoming } from '../format.js'
import { splitSteps, toHistory } from './history.js'
import { replayMessage } from './replay-message.js'
import type { UiMessage, UiPart } from './wire.js'

/**
 * Reads `{ id?, messages: UIMessage[], model?, stream? = true, …params }`; `message`, the last one
 * alone, is sent by apps whose server stores the conversation. A last message of the assistant is
 * continued. Throws `RefusedError`.
 */
export function read(body: unknown): Incoming {
  if (!isObject(body)) throw refused('invalid_body', 'The body must be an object.')
  const { id, messages, message, model, stream, trigger, messageId, ...rest } = body
  if (stream !== undefined && typeof stream !== 'boolean')
    throw refused('invalid_body', '`stream` must be a boolean.')
  const uiMessages = toUiMessages(messages ?? (message === undefined ? undefined : [message]))
  const last = uiMessages.at(-1)
  return {
    ...defined({
      id: shortString('id', id),
      model: shortString('model', model),
      trigger: shortString('trigger', trigger),
      messageId: shortString('messageId', messageId),
      lastId: last?.id || undefined,
    }),
    earlierIds: uiMessages.slice(0, -1).flatMap(({ id, role }) => (role === 'user' ? [id] : [])),
    ...toHistory(uiMessages),
    isStream: stream ?? true,
    rest,
    ...(last?.role === 'assistant' && {
      continues: last.id,
      continuesAt: splitSteps(last.parts).length - 1,
      preamble: replayMessage(last).map(jsonLine),
    }),
  }
}

function toUiMessages(value: unknown): readonly UiMessage[] {
  if (!Array.isArray(value)) throw refused('invalid_messages', '`messages` must be a list.')
  return value.map((message, index) => {
    if (isUiMessage(message)) return message
    throw refused('invalid_messages', `messages[${index}]: expected a UI message: id, role, parts.`)
  })
}

const isUiMessage = (value: unknown): value is UiMessage =>
  isObject(value) &&
  typeof value.id === 'string' &&
  value.id.length <= 200 &&
  isRole(value.role) &&
  Array.isArray(value.parts) &&
  value.parts.every(isPart)

const isRole = (role: unknown): boolean =>
  role === 'user' || role === 'assistant' || role === 'system'

const isPart = (value: unknown): value is UiPart =>
  isObject(value) &&
  typeof value.type === 'string' &&
  (hasText.has(value.type) ? typeof value.text === 'string' : true)

const hasText: ReadonlySet<string> = new Set(['text', 'reasoning'])

function shortString(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value.length <= 200) return value || undefined
  throw refused('invalid_body', `\`${name}\` must be a string of at most 200 characters.`)
}

const refused = (code: string, message: string) => new RefusedError(code, message)
