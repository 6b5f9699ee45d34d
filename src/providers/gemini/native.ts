/** Sends an earlier answer back unchanged only while it projects to its present message. */
import { isSameJson, type JsonObject, omit, type PairedMessage } from '../../chat/index.js'
import { bareModel } from '../model-rules.js'
import { type NativeDialect, restoreNative } from '../native.js'
import type { ModelFacts, WriteContext } from './models.js'
import { streamReader } from './stream.js'
import type { Parts } from './wire.js'

const dialect: NativeDialect = {
  reader: (context) => streamReader(context),
  toAnswer: (parts) => ({ candidates: [{ content: { parts }, finishReason: 'STOP' }] }),
  bareName: bareModel,
  makesIds: true,
  foreign: 'changed',
  edited: 'changed',
  isSame: (read, { images = [] }) => isSameJson(read.images ?? [], images),
}

/** Undefined if the turn has to be built from the message. */
export function nativeTurn(turn: PairedMessage, context: WriteContext) {
  const restored = restoreNative(turn, dialect, context)
  if (!restored) return undefined
  const { isOwn, native } = restored
  const parts: Parts = restored.blocks
  if (isOwn) return { parts, isVerbatim: true }
  const kept = parts.flatMap((part) => withoutSecrets(part, context.facts))
  if (kept.length < parts.length || kept.some((part, i) => part !== parts[i]))
    context.note.changed(`Dropped parts of an answer that only ${native.model} reads`)
  return { parts: kept, isVerbatim: false }
}

/** Removes what another model cannot verify (thoughts, signatures) or could not have called. */
function withoutSecrets(part: JsonObject, facts: ModelFacts): Parts {
  const isBare = Object.keys(part).every((name) => name === 'text' || name === 'thoughtSignature')
  if (part.thought || (part.text === '' && isBare)) return []
  if (!facts.isModern && (part.toolCall || part.toolResponse)) return []
  return [part.thoughtSignature === undefined ? part : omit(part, ['thoughtSignature'])]
}
