/** Native blocks of an assistant turn (`message.native`), and when they replace the message. */
import { asObjects, type JsonObject, type PairedMessage, toArguments } from '../../chat/index.js'
import { type NativeDialect, restoreNative } from '../native.js'
import { modelFamily } from './models.js'
import type { WriteContext } from './profile.js'
import { containerType, isCodeCall, streamReader } from './stream.js'
import { isThinking, type WireBlocks } from './wire.js'

export const noteLoose = ({ note }: WriteContext) =>
  note.dropped(
    'Dropped reasoning: the messages before it were changed, and the model accepts it only after the same ones',
  )

/** The container of this turn: that in which calls made in code wait, or an unexpired one. */
export function containerOf(turn: PairedMessage | undefined, isWaiting: boolean) {
  const { provider, content } = turn?.message.native ?? {}
  const blocks = provider === 'anthropic' ? asObjects(content) : []
  const place = blocks.find(({ type }) => type === containerType)
  if (typeof place?.id !== 'string') return undefined
  if (isWaiting) return blocks.some(isCodeCall) ? place.id : undefined
  return Date.parse(String(place.expires_at)) > Date.now() ? place.id : undefined
}

const isNoContainer = ({ type }: JsonObject) => type !== containerType

const dialect: NativeDialect = {
  reader: (context) => streamReader(context),
  toAnswer: (blocks) => ({ type: 'message', message: { content: blocks.filter(isNoContainer) } }),
  bareName: modelFamily,
  ignoresRefusal: true,
  edited: 'repaired',
}

/** The blocks to send back, without other models' thoughts; undefined without any, or if edited. */
export function nativeBlocks(turn: PairedMessage, context: WriteContext): WireBlocks | undefined {
  const restored = restoreNative(turn, dialect, context)
  if (!restored) return undefined
  const { isOwn } = restored
  const blocks = restored.blocks.filter(isNoContainer)
  const { bindsThoughts } = context.profile
  const isLoose = bindsThoughts && turn.message.is_moved === true
  if (isLoose && blocks.some(isThinking)) noteLoose(context)
  const isSigned = (block: JsonObject) => block.type !== 'thinking' || !!block.signature
  if (!isOwn && blocks.some(isThinking))
    context.note.dropped('Dropped reasoning signed by another model')
  if (isOwn && !blocks.every(isSigned))
    context.note.dropped('Dropped reasoning that the model did not sign')
  const kept = blocks.filter((block) =>
    isThinking(block)
      ? isOwn && isSigned(block) && !isLoose
      : // bound thoughts require the turn unchanged
        (bindsThoughts && isOwn && !isLoose) || !isBlankText(block),
  )
  return withIds(kept, turn)
}

/** The model may write blank text, but the API refuses it. */
const isBlankText = ({ type, text }: JsonObject) =>
  type === 'text' && typeof text === 'string' && text.trim() === ''

/** Sets the new ids of calls; arguments that were cut off become an object. */
function withIds(blocks: WireBlocks, { calls }: PairedMessage) {
  const ids = calls.map(({ call }) => call.id)
  return blocks.map((block) => {
    if (block.type !== 'tool_use') return block
    const { input } = block
    const id = ids.shift() ?? block.id
    if (id === block.id && typeof input !== 'string') return block
    return { ...block, id, input: useInput(input) }
  })
}

const useInput = (input: unknown) =>
  typeof input === 'string' ? toArguments(input).input : (input ?? {})
