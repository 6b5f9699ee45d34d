/** Members that a server requires back: signed reasoning, thought signatures, reasoning text. */
import type { PairedMessage } from '../../chat/index.js'
import { asObjects, type JsonObject, nonEmpty, omit, pick } from '../../chat/json.js'
import { type NativeDialect, restoreNative } from '../native.js'
import { toError } from './errors.js'
import type { WriteContext } from './models.js'
import { streamReader } from './stream.js'

interface RestoredMembers {
  /** `reasoning_content`, `reasoning`, `reasoning_details`, `extra_content`. */
  readonly fields: JsonObject
  /** By call id: members beside the official ones. */
  readonly extras?: ReadonlyMap<string, JsonObject>
}

/**
 * Members that the server requires back. Its block is used only while it projects to the message;
 * signatures are sent only to the model that made them.
 */
export function restoreMembers(turn: PairedMessage, context: WriteContext): RestoredMembers {
  const { message } = turn
  const { provider, traits, note } = context
  const restored = restoreNative(turn, dialectOf(context), context)
  const [block] = restored?.blocks ?? []
  if (!block) {
    const isForeign = message.native?.content && message.native.provider !== provider
    return withPlaceholder(isForeign ? {} : fromReasoning(turn, context), turn, context)
  }
  const reasoning = traits.returnReasoning ? pick(block, ['reasoning_content', 'reasoning']) : {}
  if (restored?.isOwn)
    return {
      fields: { ...reasoning, ...pick(block, ['reasoning_details', 'extra_content']) },
      extras: extrasOf(block),
    }
  note.dropped('Dropped signed reasoning of another model')
  return withPlaceholder(reasoning, turn, context)
}

const dialectOf = ({ provider, traits }: WriteContext): NativeDialect => ({
  reader: (context) => streamReader(context, { provider, traits, toError: toError(provider) }),
  toAnswer: ([message]) => ({ choices: [{ message, finish_reason: 'stop' }] }),
  foreign: 'dropped',
  edited: 'dropped',
})

/** For a message without a block of this server or a sign of another provider. */
function fromReasoning({ message }: PairedMessage, { traits, note }: WriteContext): JsonObject {
  const { reasoning_content, thinking_blocks, provider_specific_fields } = message
  const isForeign = Boolean(thinking_blocks?.length) || Boolean(provider_specific_fields)
  if (isForeign) note.dropped('Dropped signed reasoning of another library')
  return traits.returnReasoning && reasoning_content && !isForeign ? { reasoning_content } : {}
}

/** Servers that require reasoning refuse calls without it: a blank replaces it. */
function withPlaceholder(fields: JsonObject, { calls }: PairedMessage, { traits }: WriteContext) {
  const isRefused = traits.returnReasoning && calls.length > 0 && !nonEmpty(fields)
  return { fields: isRefused ? { reasoning_content: ' ' } : fields }
}

const extrasOf = (block: JsonObject): ReadonlyMap<string, JsonObject> =>
  new Map(asObjects(block.tool_calls).map((call) => [String(call.id), omit(call, official)]))

const official = ['id', 'type', 'function', 'custom']
