/** Collects what a server requires back: signed reasoning, thought signatures, reasoning text. */
import { GrowingText } from '../../chat/gather.js'
import { asObjects, asString, asText, isObject, type JsonObject } from '../../chat/index.js'
import type { CallReader } from './calls.js'

type Detail = Record<string, unknown>

/**
 * Reads every delta, at a constant cost. The result is one assistant message of the wire, or
 * undefined if nothing is required back.
 */
export class NativeReader {
  private readonly text = new GrowingText()
  private refusal = ''
  private readonly reasoning = new GrowingText()
  private reasoningField: 'reasoning_content' | 'reasoning' | undefined
  private readonly details: Detail[] = []
  private extraContent: JsonObject | undefined

  /** @param returnsReasoning the server requires plain reasoning text back */
  constructor(private readonly returnsReasoning: boolean) {}

  read(delta: JsonObject, isWhole: boolean): void {
    const { content, refusal, reasoning_details, extra_content } = delta
    this.text.add(textOf(content))
    this.refusal += asString(refusal)
    this.readReasoning(delta)
    for (const detail of asObjects(reasoning_details)) this.readDetail(detail, isWhole)
    if (isObject(extra_content)) this.extraContent = { ...this.extraContent, ...extra_content }
  }

  result(calls: CallReader): readonly JsonObject[] | undefined {
    const hasExtras = calls.hasExtras || this.extraContent !== undefined
    const wantsReasoning = this.returnsReasoning && this.reasoning.length > 0
    if (!hasExtras && !wantsReasoning && this.details.length === 0) return undefined
    const tool_calls = calls.wire()
    const block = {
      role: 'assistant',
      content: this.text.toString() || null,
      ...(this.refusal !== '' && { refusal: this.refusal }),
      ...(this.reasoningField && { [this.reasoningField]: this.reasoning.toString() }),
      ...(this.details.length > 0 && { reasoning_details: this.details }),
      ...(this.extraContent && { extra_content: this.extraContent }),
      ...(tool_calls.length > 0 && { tool_calls }),
    }
    return [block]
  }

  private readReasoning({ reasoning_content, reasoning }: JsonObject): void {
    const long = asText(reasoning_content)
    const text = long ?? asText(reasoning)
    if (text === undefined) return
    this.reasoningField ??= long ? 'reasoning_content' : 'reasoning'
    this.reasoning.add(text)
  }

  /** OpenRouter splits a block into pieces of one type and index; a signature is for all of it. */
  private readDetail(piece: JsonObject, isWhole: boolean): void {
    const block = isWhole ? undefined : this.blockOf(piece)
    if (block) joinPiece(block, piece)
    else this.details.push({ ...piece })
  }

  /** Without an index a piece belongs to the block directly before it, or is one of its own. */
  private blockOf(piece: JsonObject): Detail | undefined {
    const open = piece.index === undefined ? this.details.slice(-1) : this.details
    return open.findLast((detail) => isSameBlock(detail, piece))
  }
}

export const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : asObjects(content)
        .map(({ text }) => asString(text))
        .join('')

const isSameBlock = (block: Detail, piece: JsonObject) =>
  block.type === piece.type &&
  block.index === piece.index &&
  (block.id ?? piece.id) === (piece.id ?? block.id) &&
  // two signatures are two blocks
  !(block.signature && piece.signature)

const pieces = new Set(['text', 'summary', 'data'])

function joinPiece(block: Detail, piece: JsonObject): void {
  for (const [key, value] of Object.entries(piece)) {
    const before = block[key]
    if (pieces.has(key) && typeof before === 'string' && typeof value === 'string')
      block[key] = before + value
    else if (value !== null && value !== undefined) block[key] = value
  }
}
