/** Content parts as all dialects read them: a file or an error; reports of unsupported members. */
import { type JsonObject, type Media, readMedia } from '../chat/index.js'
import { type Notes, reportLost } from './notes.js'

/** The error for a part of an unknown kind, or in a place where it is not allowed. */
export const unknownPart = ({ type }: { readonly type?: unknown }, { invalid }: Notes) =>
  invalid(`a content part of type ${JSON.stringify(type)} cannot be sent`, 'invalid_part')

/** The error for a file that the API or model does not accept; `hint`: what to do, or why. */
export const unsupported = (what: string, { invalid }: Notes, hint = '') =>
  invalid(`${what} cannot be sent${hint && `: ${hint}`}`, 'unsupported_content')

/** Reports members of a part that the API has no field for; `taken`: those that it has. */
export function reportPart(part: JsonObject, taken: readonly string[], { note }: Notes): void {
  const type = String(part.type)
  const names = ['type', type, 'cache_control', 'provider', ...taken]
  reportLost(part, names, { what: `a part of type ${type}`, note })
}

/**
 * Reads the file of a part and reports members that the API does not accept: beside the file, and
 * in it. Throws if it has none.
 */
export function readFilePart(
  part: JsonObject,
  { beside, inside }: Readonly<Record<'beside' | 'inside', readonly string[]>>,
  notes: Notes,
): Media {
  const media = readMedia(part, notes)
  if (!media) throw unknownPart(part, notes)
  reportPart(part, beside, notes)
  reportPart({ ...media.members, type: part.type }, inside, notes)
  return media
}
