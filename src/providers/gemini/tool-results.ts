/** Maps a tool result to a function response. */
import {
  isObject,
  type JsonObject,
  parseJson,
  type ToolMessage,
  textOfContent,
} from '../../chat/index.js'
import type { Slot } from './assistant.js'
import { type MediaPart, toMedia } from './media.js'
import type { WriteContext } from './models.js'
import type { FunctionResponsePart, Part } from './wire.js'

export interface ToolResult {
  readonly response: Part
  /** Files that the response cannot hold: sent in the turn after it. */
  readonly files: readonly MediaPart[]
}

export function toResult({ wireId, name, result }: Slot, context: WriteContext): ToolResult {
  const { text, media } = read(result, context)
  const within = media.filter((part) => isTakenWithin(part, context))
  const parts = within.map(toResponsePart)
  const functionResponse = {
    ...(wireId !== undefined && { id: wireId }),
    name,
    response: result.is_error ? { error: text } : toResponse(text, media.length > 0),
    ...(parts.length > 0 && { parts }),
  }
  return { response: { functionResponse }, files: media.filter((part) => !within.includes(part)) }
}

function read({ content = '' }: ToolMessage, context: WriteContext) {
  const media =
    typeof content === 'string'
      ? []
      : content.filter(({ type }) => type !== 'text').map((part) => toMedia({ ...part }, context))
  return { text: textOfContent(content), media }
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
