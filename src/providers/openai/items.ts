/** Maps what the items of an answer hold: images, token probabilities, citations. */
import {
  type Annotation,
  asObject,
  asObjects,
  type ChunkOf,
  isObject,
  type JsonObject,
  type TokenLogprob,
} from '../../chat/index.js'
import type { WireContext } from '../adapter.js'
import { fileCitation, urlCitation } from '../answers.js'
import { asNumber, asString, asText, type WireItem } from './wire.js'

/** Infers a missing type from the content or the arguments. */
export function typed(item: WireItem): WireItem {
  if (item.type) return item
  if (item.content) return { ...item, type: 'message' }
  return item.name && item.arguments ? { ...item, type: 'function_call' } : item
}

/** Images of a hosted tool. */
export function filesOf(item: WireItem): readonly ChunkOf<'file'>[] {
  if (item.type === 'image_generation_call') {
    const data = asText(item.result)
    const format = asText(item.output_format) ?? 'png'
    return data ? [{ type: 'file', media_type: `image/${format}`, data }] : []
  }
  if (item.type !== 'code_interpreter_call') return []
  return asObjects(item.outputs).flatMap(({ type, url: given }) => {
    const url = asText(given)
    return type === 'image' && url ? [{ type: 'file', media_type: 'image/png', url } as const] : []
  })
}

/** Logprobs of the wire; invalid entries are skipped. */
export const toLogprobs = (wire: unknown): readonly TokenLogprob[] =>
  asObjects(wire).flatMap((entry) => {
    const top_logprobs = asObjects(entry.top_logprobs).flatMap(toLogprob)
    return toLogprob(entry).map((one) => ({ ...one, ...(top_logprobs[0] && { top_logprobs }) }))
  })

function toLogprob({ token, logprob, bytes }: JsonObject): TokenLogprob[] {
  const value = asNumber(logprob)
  if (value === undefined) return []
  const numbers = Array.isArray(bytes) && { bytes: bytes.filter((n) => typeof n === 'number') }
  return [{ token: asString(token), logprob: value, ...numbers }]
}

/** A citation, its positions moved by `offset` into the message text. Undefined for other types. */
export function toAnnotation(wire: unknown, offset: number): Annotation | undefined {
  const { type, url, title, file_id, filename, container_id, ...places } = asObject(wire)
  const move = (position: unknown) => {
    const at = asNumber(position)
    return at === undefined ? undefined : at + offset
  }
  const start_index = move(places.start_index)
  const end_index = move(places.end_index)
  if (type === 'url_citation')
    return urlCitation(asString(url), { title: asText(title), start_index, end_index })
  if (!fileTypes.includes(type)) return undefined
  // a file citation has one position, in the text
  const at = move(places.index)
  return fileCitation({
    file_id: asText(file_id),
    filename: asText(filename),
    container_id: asText(container_id),
    start_index: start_index ?? at,
    end_index: end_index ?? at,
  })
}

const fileTypes: readonly unknown[] = ['file_citation', 'container_file_citation', 'file_path']

/** Names of the tools that the request declares. */
export const declaredNames = ({ request }: WireContext): ReadonlySet<string> =>
  new Set((request.tools ?? []).flatMap((tool) => toolNameOf(tool) ?? []))

/** Nested, as in Chat Completions, or flat. */
function toolNameOf(tool: object): string | undefined {
  const { function: fn, custom, name } = asObject(tool)
  return asText([fn, custom].find(isObject)?.name ?? name)
}
