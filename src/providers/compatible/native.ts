/** What a server wants back of its answers, gathered and given back: signed reasoning, thought signatures, reasoning text. */
import {
  type AssistantInput,
  defined,
  isObject,
  type JsonObject,
  type Native,
  type ToolCall,
} from '../../chat/index.js'
import type { CallReader } from './calls.js'
import type { PartContext } from './parts.js'
import type { WireAssistantMessage } from './wire.js'

type Detail = Record<string, unknown>

/** Reads every delta; costs the same for each. The result is one assistant message of the wire, or nothing where nothing is wanted back. */
export class NativeReader {
  private text = ''
  private refusal = ''
  private reasoning = ''
  private reasoningField: 'reasoning_content' | 'reasoning' | undefined
  private readonly details: Detail[] = []
  private extraContent: JsonObject | undefined

  /** @param returnsReasoning the server wants plain reasoning text back */
  constructor(private readonly returnsReasoning: boolean) {}

  read(delta: JsonObject, isWhole: boolean): void {
    const { content, refusal, reasoning_details, extra_content } = delta
    this.text += textOf(content)
    if (typeof refusal === 'string') this.refusal += refusal
    this.readReasoning(delta)
    if (Array.isArray(reasoning_details))
      for (const detail of reasoning_details) if (isObject(detail)) this.readDetail(detail, isWhole)
    if (isObject(extra_content)) this.extraContent = { ...this.extraContent, ...extra_content }
  }

  result(
    calls: CallReader,
    { provider, model }: Pick<Native, 'provider' | 'model'>,
  ): Native | undefined {
    const hasExtras = calls.hasExtras || this.extraContent !== undefined
    const wantsReasoning = this.returnsReasoning && this.reasoning !== ''
    if (!hasExtras && !wantsReasoning && this.details.length === 0) return undefined
    const tool_calls = calls.wire()
    const block = {
      role: 'assistant',
      content: this.text === '' ? null : this.text,
      ...(this.refusal !== '' && { refusal: this.refusal }),
      ...(this.reasoningField && { [this.reasoningField]: this.reasoning }),
      ...(this.details.length > 0 && { reasoning_details: this.details }),
      ...(this.extraContent && { extra_content: this.extraContent }),
      ...(tool_calls.length > 0 && { tool_calls }),
    }
    return { provider, model, content: [block] }
  }

  private readReasoning({ reasoning_content, reasoning }: JsonObject): void {
    const isLong = typeof reasoning_content === 'string' && reasoning_content !== ''
    const text = isLong ? reasoning_content : reasoning
    if (typeof text !== 'string' || text === '') return
    this.reasoningField ??= isLong ? 'reasoning_content' : 'reasoning'
    this.reasoning += text
  }

  /** OpenRouter cuts one block into pieces of the same type and index; a signature is for the whole of it. */
  private readDetail(piece: JsonObject, isWhole: boolean): void {
    const block = isWhole ? undefined : this.blockOf(piece)
    if (block) joinPiece(block, piece)
    else this.details.push({ ...piece })
  }

  /** Without an index a piece belongs to what came just before it, or stands alone. */
  private blockOf(piece: JsonObject): Detail | undefined {
    const open = piece.index === undefined ? this.details.slice(-1) : this.details
    return open.findLast((detail) => isSameBlock(detail, piece))
  }
}

const textOf = (content: unknown): string => {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : ''))
    .join('')
}

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

export interface NativeContext extends PartContext {
  readonly model: string
}

/** What an assistant message says, whatever form it has. */
export interface Said {
  readonly text: string
  readonly refusal: string
  readonly calls: readonly ToolCall[]
}

interface TakenBack {
  readonly fields: Pick<
    WireAssistantMessage,
    'reasoning_content' | 'reasoning' | 'reasoning_details' | 'extra_content'
  >
  /** By call id: what belongs beside the official members. */
  readonly extras: ReadonlyMap<string, JsonObject>
}

const nothing: TakenBack = { fields: {}, extras: new Map() }

/**
 * What the server wants back. Its own block is used only where it says what the message says now; signatures go only to the model
 * that made them.
 */
export function takenBack(message: AssistantInput, said: Said, context: NativeContext): TakenBack {
  const { native } = message
  const { provider, model, traits } = context
  if (native && native.provider !== provider) {
    lost(`Reasoning and native blocks of ${native.provider} were left out`, context)
    return withPlaceholder(nothing, said, context)
  }
  const [block] = native?.content ?? []
  if (!isObject(block)) return withPlaceholder(fromReasoning(message, context), said, context)
  if (!says(block, message, said)) {
    lost('A changed assistant message was sent without its native block', context)
    return withPlaceholder(fromReasoning(message, context), said, context)
  }
  const reasoning = traits.returnReasoning ? pickStrings(block, reasoningFields) : {}
  if (native?.model === model)
    return {
      fields: { ...reasoning, ...defined(pick(block, ['reasoning_details', 'extra_content'])) },
      extras: extrasOf(block),
    }
  lost('Signed reasoning of another model was left out', context)
  return withPlaceholder({ ...nothing, fields: reasoning }, said, context)
}

const reasoningFields = ['reasoning_content', 'reasoning'] as const

const lost = (message: string, { provider, warn }: NativeContext) =>
  warn({ code: 'dropped', param: 'messages', provider, message })

/** A message without a block of its own, and no sign of another provider. */
function fromReasoning(message: AssistantInput, context: NativeContext): TakenBack {
  const { reasoning_content, thinking_blocks, provider_specific_fields } = message
  const isForeign = Boolean(thinking_blocks?.length) || Boolean(provider_specific_fields)
  if (isForeign) lost('Signed reasoning of another library was left out', context)
  if (!context.traits.returnReasoning || !reasoning_content || isForeign) return nothing
  return { ...nothing, fields: { reasoning_content } }
}

/** Servers that want reasoning back refuse a turn with calls that has none: a blank stands for what is not theirs. */
function withPlaceholder(back: TakenBack, { calls }: Said, { traits }: NativeContext): TakenBack {
  const isEmpty = Object.keys(back.fields).length === 0
  if (!traits.returnReasoning || calls.length === 0 || !isEmpty) return back
  return { ...back, fields: { reasoning_content: ' ' } }
}

/** True if the block says what the message says now: text, refusal, calls, and reasoning where both have it. */
function says(block: JsonObject, { reasoning_content }: AssistantInput, said: Said): boolean {
  const reasoning = block.reasoning_content ?? block.reasoning
  const isSameReasoning = !reasoning_content || !reasoning || reasoning === reasoning_content
  return (
    isSameReasoning &&
    (block.content ?? '') === said.text &&
    (block.refusal ?? '') === said.refusal &&
    JSON.stringify(list(block.tool_calls).map(official)) ===
      JSON.stringify(said.calls.map(official))
  )
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The members of a call that every server knows, in one order. */
function official(call: unknown) {
  const { id, type, function: fn, custom } = isObject(call) ? call : ({} as JsonObject)
  const body: JsonObject = isObject(custom) ? custom : isObject(fn) ? fn : {}
  return [id, type, body.name, body.arguments ?? body.input]
}

function extrasOf(block: JsonObject): ReadonlyMap<string, JsonObject> {
  const extras = new Map<string, JsonObject>()
  for (const call of list(block.tool_calls)) {
    if (!isObject(call) || typeof call.id !== 'string') continue
    const { id, type: _, function: __, custom: ___, ...extra } = call
    if (Object.keys(extra).length > 0) extras.set(call.id, extra)
  }
  return extras
}

const pick = <Key extends string>(object: JsonObject, keys: readonly Key[]) =>
  // the block is one that this adapter wrote: see `native` in stream.ts
  Object.fromEntries(keys.map((key) => [key, object[key]])) as { [K in Key]: never }

const pickStrings = <Key extends string>(object: JsonObject, keys: readonly Key[]) =>
  Object.fromEntries(
    keys.flatMap((key) => (typeof object[key] === 'string' ? [[key, object[key]]] : [])),
  ) as { [K in Key]?: string }
