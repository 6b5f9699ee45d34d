/** What the items of an answer say, one by one. */
import {
  type Annotation,
  asObject,
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
import { clientCall, expandParallel, hostedTool, isClientCall, isHosted } from './calls.js'
import { asList, asNumber, asString, asText, type Profile, type WireItem } from './wire.js'

/** One thing that an item says. `key` names the place within the item that deltas speak of. */
export type Piece =
  | {
      readonly type: 'text'
      readonly key: string
      readonly text: string
      readonly annotations: readonly unknown[]
      readonly logprobs: readonly TokenLogprob[]
    }
  | { readonly type: 'refusal' | 'reasoning'; readonly key: string; readonly text: string }
  | { readonly type: 'call'; readonly call: ToolCall; readonly isApproval?: true }
  | { readonly type: 'hosted'; readonly tool: HostedTool }
  | { readonly type: 'file'; readonly file: ChunkOf<'file'> }
  | { readonly type: 'audio'; readonly audio: Omit<ChunkOf<'file'>, 'type' | 'media_type'> }
  | { readonly type: 'unknown'; readonly what: string; readonly kind: unknown }

/** How items are read. */
export interface ReadOptions {
  readonly profile: Pick<Profile, 'runsCustomCalls'>
  /** Tools of the request by name; undefined: not known, as in a history. */
  readonly declared?: ReadonlySet<string> | undefined
}

/** An item without a type is known by its content, or by its arguments. */
export function typed(item: WireItem): WireItem {
  if (item.type) return item
  if (item.content) return { ...item, type: 'message' }
  return item.name && item.arguments ? { ...item, type: 'function_call' } : item
}

/** The pieces of one item, in order. Of a kind that is not known text alone is read. */
export function readItem(item: WireItem, options: ReadOptions): readonly Piece[] {
  switch (item.type) {
    case 'message':
      return asParts(item.content).flatMap(readPart)
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

function readPart(part: JsonObject, index: number): readonly Piece[] {
  if (part.type === 'refusal')
    return [{ type: 'refusal', key: `r${index}`, text: asString(part.refusal) }]
  if (part.type === 'output_audio') {
    const { data, transcript, id } = part
    const told = defined({
      data: asText(data),
      transcript: asText(transcript),
      file_id: asText(id),
    })
    return [{ type: 'audio', audio: told }]
  }
  const isText = textTypes.includes(part.type)
  if (!isText && typeof part.text !== 'string') return [unknown('Parts', part)]
  const { annotations, logprobs } = part
  const text = asString(part.text)
  return [
    {
      type: 'text',
      key: `t${index}`,
      text,
      annotations: asList(annotations),
      logprobs: toLogprobs(logprobs),
    },
  ]
}

/** Some servers leave it out. */
const textTypes: readonly unknown[] = ['output_text', 'text', undefined]

const readReasoning = (parts: unknown, prefix: string): readonly Piece[] =>
  asList(parts).flatMap((part, index) =>
    isObject(part)
      ? [{ type: 'reasoning', key: `${prefix}${index}`, text: asString(part.text) } as const]
      : [],
  )

const readHosted = (item: WireItem): readonly Piece[] => [
  { type: 'hosted', tool: hostedTool(item) },
  ...filesOf(item).map((file) => ({ type: 'file', file }) as const),
]

/** Images that a hosted tool made. */
function filesOf(item: WireItem): readonly ChunkOf<'file'>[] {
  if (item.type === 'image_generation_call') {
    const data = asText(item.result)
    const format = asText(item.output_format) ?? 'png'
    return data ? [{ type: 'file', media_type: `image/${format}`, data }] : []
  }
  if (item.type !== 'code_interpreter_call') return []
  return asList(item.outputs).flatMap((output) => {
    const url = isObject(output) && output.type === 'image' ? asText(output.url) : undefined
    return url ? [{ type: 'file', media_type: 'image/png', url } as const] : []
  })
}

/** Logprobs of the wire; entries that are none are passed over. */
export const toLogprobs = (wire: unknown): readonly TokenLogprob[] =>
  asList(wire).flatMap((entry) => {
    const one = toLogprob(entry)
    if (!one || !isObject(entry)) return []
    const top = asList(entry.top_logprobs).flatMap((other) => toLogprob(other) ?? [])
    return [{ ...one, ...(top.length > 0 && { top_logprobs: top }) }]
  })

const toLogprob = (entry: unknown): Omit<TokenLogprob, 'top_logprobs'> | undefined => {
  if (!isObject(entry)) return undefined
  const logprob = asNumber(entry.logprob)
  if (logprob === undefined) return undefined
  const bytes = Array.isArray(entry.bytes) ? entry.bytes.filter((n) => typeof n === 'number') : null
  return { token: asString(entry.token), logprob, ...(bytes && { bytes }) }
}

/** A citation, its positions moved by `offset` from its part into the text of the message. Undefined for a kind that is not known. */
export function toAnnotation(wire: unknown, offset: number): Annotation | undefined {
  if (!isObject(wire)) return undefined
  const move = (position: unknown) => {
    const at = asNumber(position)
    return at === undefined ? undefined : at + offset
  }
  const span = { start_index: move(wire.start_index), end_index: move(wire.end_index) }
  switch (wire.type) {
    case 'url_citation':
      return {
        type: 'url_citation',
        url_citation: defined({ url: asString(wire.url), title: asText(wire.title), ...span }),
      }
    case 'file_citation':
    case 'container_file_citation':
    case 'file_path':
      return {
        type: 'file_citation',
        file_citation: defined({
          file_id: asText(wire.file_id),
          filename: asText(wire.filename),
          container_id: asText(wire.container_id),
          // a file citation names one place: where it stands in the text
          start_index: span.start_index ?? move(wire.index),
          end_index: span.end_index ?? move(wire.index),
        }),
      }
    default:
      return undefined
  }
}

/** Names of the tools that the request declares. */
export const declaredNames = ({ request }: WireContext): ReadonlySet<string> =>
  new Set((request.tools ?? []).flatMap((tool) => toolNameOf(tool) ?? []))

/** In Chat Completions' nested form, or flat. */
function toolNameOf(tool: object): string | undefined {
  const { function: fn, custom, name } = asObject(tool)
  const inner = isObject(fn) ? fn.name : isObject(custom) ? custom.name : name
  return asText(inner)
}
