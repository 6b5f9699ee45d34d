/** Reads the content of the items of an answer. */
import {
  type Annotation,
  asObject,
  asObjects,
  asParts,
  type ChunkOf,
  defined,
  type HostedTool,
  isObject,
  type JsonObject,
  type TokenLogprob,
  type ToolCall,
} from '../../chat/index.js'
import type { WireContext } from '../adapter.js'
import { fileCitation, urlCitation } from '../answers.js'
import { clientCall, expandParallel, hostedTool, isClientCall, isHosted } from './calls.js'
import { asList, asNumber, asString, asText, type Profile, type WireItem } from './wire.js'

/** One piece of an item. `key` names the part of the item that deltas belong to. */
export type Piece =
  | {
      readonly type: 'text'
      readonly key: string
      readonly text: string
      /** Wire form. */
      readonly annotations: unknown
      readonly logprobs: unknown
    }
  | { readonly type: 'refusal' | 'reasoning'; readonly key: string; readonly text: string }
  | { readonly type: 'call'; readonly call: ToolCall; readonly isApproval?: true }
  | { readonly type: 'hosted'; readonly tool: HostedTool }
  | { readonly type: 'file'; readonly file: ChunkOf<'file'> }
  | { readonly type: 'audio'; readonly audio: Omit<ChunkOf<'file'>, 'type' | 'media_type'> }
  | { readonly type: 'unknown'; readonly what: string; readonly kind: unknown }

/** Options of the item reader. */
export interface ReadOptions {
  readonly profile: Pick<Profile, 'runsCustomCalls'>
  /** Names of the request's tools; undefined: unknown, as in a history. */
  readonly declared?: ReadonlySet<string> | undefined
}

/** Infers a missing type from the content or the arguments. */
export function typed(item: WireItem): WireItem {
  if (item.type) return item
  if (item.content) return { ...item, type: 'message' }
  return item.name && item.arguments ? { ...item, type: 'function_call' } : item
}

/** The pieces of one item, in order. Of an unknown type only text is read. */
export function readItem(item: WireItem, options: ReadOptions): readonly Piece[] {
  switch (item.type) {
    case 'message':
      return asParts(item.content).map(readPart)
    case 'reasoning':
      return [...readReasoning(item.summary, 's'), ...readReasoning(item.content, 'c')]
    case 'function_call':
      return (expandParallel(item, options.declared) ?? [clientCall(item)]).map(callPiece)
    case 'mcp_approval_request':
      return [{ type: 'call', call: clientCall(item), isApproval: true }]
    default:
      if (isClientCall(item, options.profile)) return [callPiece(clientCall(item))]
      return isHosted(item) ? readHosted(item) : [unknown('Items', item)]
  }
}

const unknown = (what: string, { type }: WireItem): Piece => ({ type: 'unknown', what, kind: type })

const callPiece = (call: ToolCall): Piece => ({ type: 'call', call })

function readPart(part: JsonObject, index: number): Piece {
  const { type, annotations, logprobs, data, transcript, id } = part
  if (type === 'refusal') return { type, key: `r${index}`, text: asString(part.refusal) }
  if (type === 'output_audio') {
    const told = { data: asText(data), transcript: asText(transcript), file_id: asText(id) }
    return { type: 'audio', audio: defined(told) }
  }
  const isText = textTypes.includes(type) || typeof part.text === 'string'
  if (!isText) return unknown('Parts', part)
  return { type: 'text', key: `t${index}`, text: asString(part.text), annotations, logprobs }
}

/** undefined: some servers omit it. */
const textTypes: readonly unknown[] = ['output_text', 'text', undefined]

const readReasoning = (parts: unknown, prefix: string): readonly Piece[] =>
  asList(parts).map((part, index) => ({
    type: 'reasoning',
    key: `${prefix}${index}`,
    text: asString(asObject(part).text),
  }))

const readHosted = (item: WireItem): readonly Piece[] => [
  { type: 'hosted', tool: hostedTool(item) },
  ...filesOf(item).map((file) => ({ type: 'file', file }) as const),
]

/** Images of a hosted tool. */
function filesOf(item: WireItem): readonly ChunkOf<'file'>[] {
  if (item.type === 'image_generation_call') {
    const data = asText(item.result)
    const format = asText(item.output_format) ?? 'png'
    return data ? [{ type: 'file', media_type: `image/${format}`, data }] : []
  }
  if (item.type !== 'code_interpreter_call') return []
  return asList(item.outputs).flatMap((output) => {
    const { type, url } = asObject(output)
    return type === 'image' && asText(url)
      ? [{ type: 'file', media_type: 'image/png', url: asString(url) } as const]
      : []
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
