/** Our own stream chunks as events: what `tetrad/browser` reads. */
import { isObject, type JsonObject, type Message } from '../../../chat/index.js'
import { jsonLine } from '../../../sse/index.js'
import { RefusedError } from '../../public-error.js'
import type { Encoder, Format, Incoming } from '../format.js'

/** `{ id?, model?, messages, stream? = true, …params }` in; a chunk an event out, then `[DONE]`. */
export const chunks: Format = {
  name: 'chunks',
  headers: {},
  read,
  encoder: (): Encoder => ({
    encode: (chunks) =>
      chunks.map((chunk) => {
        if (chunk.type !== 'finish') return jsonLine(chunk)
        // unsigned blocks would be refused on their way back
        const { native: _, ...rest } = chunk
        return jsonLine(rest)
      }),
    end: () => ['[DONE]'],
    error: (error) => [jsonLine({ type: 'error', error })],
    aborted: () => [jsonLine({ type: 'abort' })],
  }),
  toJson: ({ attempts, ...response }) => ({
    ...response,
    ...(attempts.length > 0 && { attempts }),
    message: withoutNative(response.message),
    messages: response.messages.map(withoutNative),
  }),
  errorBody: (error) => ({ error }),
}

const withoutNative = (message: object) => {
  const { native: _, ...rest } = message as { readonly native?: unknown }
  return rest
}

function read(body: unknown): Incoming {
  if (!isObject(body)) throw new RefusedError('invalid_body', 'The body must be an object.')
  const { id, model, messages, stream, ...rest } = body
  if (!Array.isArray(messages) || !messages.every(isObject))
    throw new RefusedError('invalid_messages', '`messages` must be a list of messages.')
  if (stream !== undefined && typeof stream !== 'boolean')
    throw new RefusedError('invalid_body', '`stream` must be a boolean.')
  return {
    ...word('id', id),
    ...word('model', model),
    // the shape is checked by `input.ts`, which knows what the app has opened
    messages: messages as readonly JsonObject[] as unknown as readonly Message[],
    isStream: stream ?? true,
    rest,
  }
}

function word<Key extends string>(key: Key, value: unknown): { readonly [K in Key]?: string } {
  if (value === undefined) return {}
  if (typeof value === 'string' && value !== '' && value.length <= 200)
    return { [key]: value } as { readonly [K in Key]?: string }
  throw new RefusedError('invalid_body', `\`${key}\` must be a string of at most 200 characters.`)
}
