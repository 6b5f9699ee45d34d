/** Our own stream chunks as events, read by `tetrad/browser`. */
import {
  type AssistantMessage,
  defined,
  isObject,
  type JsonObject,
  type Message,
  type StreamChunk,
  type ToolMessage,
} from '../../../chat/index.js'
import { Accumulator } from '../../../core/index.js'
import { jsonLine } from '../../../sse/index.js'
import { RefusedError } from '../../public-error.js'
import type { AnswerContext, Encoder, Format, Incoming } from '../format.js'

/**
 * Reads `{ id?, model?, messages, stream? = true, trigger?, messageId?, …params }`; sends a chunk
 * per event, then `[DONE]`. With signing, `finish` and `tool-result` have a `mac`, as do the
 * messages made of them when they are sent back.
 */
export const chunks: Format = {
  name: 'chunks',
  isResumable: true,
  headers: {},
  read,
  encoder,
  async toJson({ attempts, ...response }, { sign }) {
    const shown = (message: AssistantMessage | ToolMessage) =>
      sign ? withMac(message, sign) : withoutNative(message)
    const messages = await Promise.all(response.messages.map(shown))
    return {
      ...response,
      ...(attempts.length > 0 && { attempts }),
      message: messages.findLast(({ role }) => role === 'assistant'),
      messages,
    }
  },
  failure: (error) => [jsonLine({ type: 'error', error })],
  errorBody: (error, partial) => ({ error, ...defined({ partial }) }),
}

function encoder({ sign, expose }: AnswerContext): Encoder {
  const signChunk = sign && turnSigner(sign, expose.reasoning)
  return {
    encode: (chunks) =>
      signChunk
        ? Promise.all(chunks.map(signChunk)).then((signed) => signed.map(jsonLine))
        : chunks.map((chunk) => jsonLine(withoutNative(chunk))),
    end: () => ['[DONE]'],
    error: (error) => [jsonLine({ type: 'error', error })],
    aborted: () => [jsonLine({ type: 'abort' })],
  }
}

type Sign = NonNullable<AnswerContext['sign']>

/** Signs each complete message: a turn on its `finish`, a result on itself. */
function turnSigner(sign: Sign, isReasoningShown: boolean) {
  const accumulator = new Accumulator()
  return (chunk: StreamChunk): object | Promise<object> => {
    // native blocks would reveal hidden reasoning
    const shown = isReasoningShown ? chunk : withoutNative(chunk)
    accumulator.add(shown)
    if (shown.type === 'tool-result') {
      const { type: _, ...result } = shown
      return sign({ role: 'tool', ...result }).then((mac) => ({ ...shown, mac }))
    }
    const turn = accumulator.turns.at(-1)
    if (shown.type !== 'finish' || !turn) return shown
    return sign(turn).then((mac) => ({ ...shown, mac }))
  }
}

const withMac = async (message: AssistantMessage | ToolMessage, sign: Sign) => ({
  ...message,
  mac: await sign(message),
})

/** Removes native blocks: unsigned, they would be rejected when sent back. */
function withoutNative<T extends object>(value: T): T {
  if (!('native' in value)) return value
  const { native: _, ...rest } = value
  // `native` is optional in every type that has it
  return rest as T
}

function read(body: unknown): Incoming {
  if (!isObject(body)) throw new RefusedError('invalid_body', 'The body must be an object.')
  const { id, model, messages, stream, trigger, messageId, ...rest } = body
  if (!Array.isArray(messages) || !messages.every(isObject))
    throw new RefusedError('invalid_messages', '`messages` must be a list of messages.')
  if (stream !== undefined && typeof stream !== 'boolean')
    throw new RefusedError('invalid_body', '`stream` must be a boolean.')
  return {
    ...defined({
      id: shortString('id', id),
      model: shortString('model', model),
      trigger: shortString('trigger', trigger),
      messageId: shortString('messageId', messageId),
    }),
    ...readMacs(messages),
    isStream: stream ?? true,
    rest,
  }
}

/** The messages, and their signatures by index. `checkMessages` validates their shape. */
function readMacs(signed: readonly JsonObject[]): Pick<Incoming, 'messages' | 'macs'> {
  const macs = new Map<number, string>()
  const messages = signed.map(({ mac, ...message }, index) => {
    if (typeof mac === 'string') macs.set(index, mac)
    return message as unknown as Message
  })
  return { messages, macs }
}

function shortString(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value !== '' && value.length <= 200) return value
  throw new RefusedError('invalid_body', `\`${name}\` must be a string of at most 200 characters.`)
}
