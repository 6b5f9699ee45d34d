/** Maps a tool result to a function response. */
import { asObjects, isObject, type JsonObject, parseJson, textOfContent } from '../../chat/index.js'
import type { Slot } from './assistant.js'
import { type MediaPart, toMedia } from './media.js'
import type { WriteContext } from './models.js'
import type { FunctionResponsePart } from './wire.js'

/** The response, and files that it cannot hold: sent in the turn after it. */
export function toResult({ wireId, name, result }: Slot, context: WriteContext) {
  const { content = '', is_error } = result
  const text = textOfContent(content)
  const others = asObjects(content).filter(({ type }) => type !== 'text')
  const media = others.map((part) => toMedia(part, context))
  const within = media.filter((part) => isTakenWithin(part, context))
  const functionResponse = {
    ...(wireId !== undefined && { id: wireId }),
    name,
    response: is_error ? { error: text } : toResponse(text, media.length > 0),
    ...(within.length > 0 && { parts: within.map(toResponsePart) }),
  }
  return { response: { functionResponse }, files: media.filter((part) => !within.includes(part)) }
}

/** An object is sent as it is, unless it has our keys; all else is the `output`. */
function toResponse(text: string, hasFiles: boolean): JsonObject {
  if (text === '' && hasFiles) return { output: 'The result is a file.' }
  // a number above 2^53 would lose digits
  const value =
    /[[{]/.test(text.trimStart().charAt(0)) && !longNumber.test(text) ? parseJson(text) : undefined
  if (isObject(value))
    return Object.hasOwn(value, 'output') || Object.hasOwn(value, 'error')
      ? { output: value }
      : value
  return { output: Array.isArray(value) ? value : text }
}

const longNumber = /(?<!["\w.])-?\d{16,}/

/** Gemini 3 and later, and only documented types. */
function isTakenWithin({ inlineData, fileData }: MediaPart, { facts }: WriteContext): boolean {
  const type = inlineData?.mimeType ?? fileData?.mimeType ?? ''
  return facts.isModern && /^image\/|^application\/pdf$|^text\/plain$/.test(type)
}

const toResponsePart = ({ inlineData, fileData }: MediaPart): FunctionResponsePart => ({
  ...(inlineData && { inlineData }),
  ...(fileData && { fileData }),
})
