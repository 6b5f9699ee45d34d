/** What a tool gave back, as a function response. */
import { isObject, type JsonObject, parseJson, type ToolMessage } from '../../chat/index.js'
import type { Slot, TurnContext } from './assistant.js'
import { type MediaPart, toMedia } from './media.js'
import { badRequest } from './notes.js'
import type { FunctionResponsePart, Part } from './wire.js'

export interface ToolResult {
  readonly response: Part
  /** Files that the response itself cannot hold: they follow it as a turn. */
  readonly files: readonly MediaPart[]
}

export function toResult(message: ToolMessage, slot: Slot, context: TurnContext): ToolResult {
  const { text, media } = read(message, context)
  const within = media.filter((part) => isTakenWithin(part, context))
  const response = message.is_error ? { error: text } : toResponse(text, media.length > 0)
  return {
    response: toPart(slot, response, context, within.map(toResponsePart)),
    files: media.filter((part) => !within.includes(part)),
  }
}

/** In place of a result that the history lacks: each call wants its answer. */
export const missingResult = (slot: Slot, context: TurnContext): Part =>
  toPart(slot, { error: 'No result: the call was not answered.' }, context, [])

function toPart(
  { wireId, name }: Slot,
  response: JsonObject,
  { names }: TurnContext,
  parts: readonly FunctionResponsePart[],
): Part {
  return {
    functionResponse: {
      ...(wireId !== undefined && { id: wireId }),
      name: names.toWire(name),
      response,
      ...(parts.length > 0 && { parts }),
    },
  }
}

function read({ content, approval }: ToolMessage, context: TurnContext) {
  const texts: string[] = []
  const media: MediaPart[] = []
  if (typeof content === 'string') texts.push(content)
  else if (content === undefined && approval?.approved === false)
    texts.push(approval.reason ?? 'The call was refused.')
  else
    for (const part of content ?? []) {
      const file = part.type === 'text' ? undefined : toMedia({ ...part }, context)
      if (part.type === 'text') texts.push(part.text)
      else if (file) media.push(file)
      else
        throw badRequest(
          context.model,
          `a part of type ${JSON.stringify(part.type)} in a tool message`,
          'invalid_part',
        )
    }
  return { text: texts.join('\n'), media }
}

/** An object is taken as it is, unless its keys would be read as ours; all else is the `output`. */
function toResponse(text: string, hasFiles: boolean): JsonObject {
  if (text === '' && hasFiles) return { output: 'The result is a file.' }
  // a number beyond 2^53 would not come out as it went in
  const value =
    /[[{]/.test(text.trimStart().charAt(0)) && !longNumber.test(text) ? parseJson(text) : undefined
  if (isObject(value))
    return Object.hasOwn(value, 'output') || Object.hasOwn(value, 'error')
      ? { output: value }
      : value
  return { output: Array.isArray(value) ? value : text }
}

const longNumber = /(?<!["\w.])-?\d{16,}/

/** Gemini 3 and later, and only what its documentation names. */
function isTakenWithin({ inlineData, fileData }: MediaPart, { facts }: TurnContext): boolean {
  const type = inlineData?.mimeType ?? fileData?.mimeType ?? ''
  return facts.isModern && /^image\/|^application\/pdf$|^text\/plain$/.test(type)
}

const toResponsePart = ({ inlineData, fileData }: MediaPart): FunctionResponsePart => ({
  ...(inlineData && { inlineData }),
  ...(fileData && { fileData }),
})
