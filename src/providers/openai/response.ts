/** What an answer of the Responses API says: item by item, and as a whole. */
import {
  type Annotation,
  type AnswerInput,
  type AssistantMessage,
  type ChunkOf,
  defined,
  type FinishReason,
  type HostedTool,
  isObject,
  type JsonObject,
  type OutputImage,
  type PendingApproval,
  type TokenLogprob,
  type ToolCall,
  unknownUsage,
} from '../../chat/index.js'
import { UnexpectedResponseError } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import type { WireResponse } from '../transport.js'
import { clientCall, expandParallel, hostedTool, isClientCall, isHosted } from './tools.js'
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

export interface ReadOptions {
  readonly profile: Pick<Profile, 'runsCustomCalls'>
  /** Tools of the request by name; undefined: not known, as in a history. */
  readonly declared?: ReadonlySet<string> | undefined
}

/** The pieces of one item, in order. An item or a part of a kind that is not known says nothing. */
export function readItem(item: WireItem, options: ReadOptions): readonly Piece[] {
  switch (item.type) {
    case 'message':
      return asList(item.content).flatMap(readPart)
    case 'reasoning':
      return [...readReasoning(item.summary, 's'), ...readReasoning(item.content, 'c')]
    case 'function_call':
      return (expandParallel(item, options.declared) ?? [clientCall(item)]).map(callPiece)
    case 'mcp_approval_request':
      return [{ type: 'call', call: clientCall(item), isApproval: true }]
    default:
      if (isClientCall(item, options.profile)) return [callPiece(clientCall(item))]
      return isHosted(item) ? readHosted(item) : []
  }
}

const callPiece = (call: ToolCall): Piece => ({ type: 'call', call })

function readPart(part: unknown, index: number): readonly Piece[] {
  if (!isObject(part)) return []
  if (part.type === 'refusal')
    return [{ type: 'refusal', key: `r${index}`, text: asString(part.refusal) }]
  if (part.type !== 'output_text' && part.type !== 'text') return []
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

export interface Said {
  readonly message: Omit<AssistantMessage, 'native'>
  readonly logprobs: readonly TokenLogprob[]
  readonly approvals: readonly PendingApproval[]
}

/** What items say together: texts joined, reasoning set apart by a blank line. */
export function readItems(items: readonly WireItem[], options: ReadOptions): Said {
  const said = new Gathered()
  for (const item of items) for (const piece of readItem(item, options)) said.add(piece)
  return said.result()
}

class Gathered {
  private text = ''
  private refusal = ''
  private reasoning: string[] = []
  private calls: ToolCall[] = []
  private annotations: Annotation[] = []
  private images: OutputImage[] = []
  private hosted = new Map<string, HostedTool>()
  private logprobs: TokenLogprob[] = []
  private approvals: PendingApproval[] = []

  add(piece: Piece): void {
    switch (piece.type) {
      case 'text':
        for (const wire of piece.annotations) {
          const annotation = toAnnotation(wire, this.text.length)
          if (annotation) this.annotations.push(annotation)
        }
        this.text += piece.text
        this.logprobs.push(...piece.logprobs)
        return
      case 'refusal':
        this.refusal += piece.text
        return
      case 'reasoning':
        if (piece.text !== '') this.reasoning.push(piece.text)
        return
      case 'call':
        this.calls.push(piece.call)
        if (piece.isApproval)
          this.approvals.push({ id: piece.call.id, tool_call_id: piece.call.id })
        return
      case 'hosted':
        this.hosted.set(piece.tool.id, { ...this.hosted.get(piece.tool.id), ...piece.tool })
        return
      case 'file': {
        const { url, data, media_type } = piece.file
        const image_url = { url: url ?? `data:${media_type};base64,${data}` }
        this.images.push({ type: 'image_url', image_url })
        return
      }
    }
  }

  result(): Said {
    return {
      message: {
        role: 'assistant',
        content: this.text === '' ? null : this.text,
        ...(this.refusal !== '' && { refusal: this.refusal }),
        ...(this.calls.length > 0 && { tool_calls: this.calls }),
        ...(this.reasoning.length > 0 && { reasoning_content: this.reasoning.join('\n\n') }),
        ...(this.annotations.length > 0 && { annotations: this.annotations }),
        ...(this.images.length > 0 && { images: this.images }),
        ...(this.hosted.size > 0 && { hosted_tools: [...this.hosted.values()] }),
      },
      logprobs: this.logprobs,
      approvals: this.approvals,
    }
  }
}

/** Why the answer ended; a refusal beside text is a `stop`. */
export function toFinish(
  response: JsonObject,
  said: { readonly hasCalls: boolean; readonly hasText: boolean; readonly hasRefusal: boolean },
): { readonly finish_reason: FinishReason; readonly native_finish_reason: string } {
  const details = isObject(response.incomplete_details) ? response.incomplete_details : undefined
  const status = asText(response.status)
  if (status === 'incomplete') {
    const reason = asText(details?.reason)
    return {
      finish_reason: reason === 'content_filter' ? 'content_filter' : 'length',
      native_finish_reason: reason ?? 'incomplete',
    }
  }
  const native_finish_reason = status ?? 'completed'
  if (said.hasCalls) return { finish_reason: 'tool_calls', native_finish_reason }
  if (said.hasRefusal && !said.hasText)
    return { finish_reason: 'content_filter', native_finish_reason }
  return { finish_reason: 'stop', native_finish_reason }
}

/** Names of the tools that the request declares. */
export const declaredNames = ({ request }: WireContext): ReadonlySet<string> =>
  new Set((request.tools ?? []).flatMap((tool) => toolNameOf(tool) ?? []))

/** In Chat Completions' nested form, or flat. */
function toolNameOf(tool: object): string | undefined {
  const { function: fn, custom, name } = tool as JsonObject
  const inner = isObject(fn) ? fn.name : isObject(custom) ? custom.name : name
  return asText(inner)
}

/** Throws what a body says that is no answer: an error in a 200, a failed or cancelled response, another API. */
export function checkBody(body: unknown, context: WireContext, profile: Profile): JsonObject {
  const unexpected = (code: string, what: string) =>
    new UnexpectedResponseError(`${profile.provider}/${context.model} ${what}`, {
      provider: profile.provider,
      model: context.model,
      code,
      phase: 'body',
      requestId: context.request_id,
    })
  if (!isObject(body)) throw unexpected('bad_json', 'answered with JSON that is no object')
  if (Array.isArray(body.choices))
    throw unexpected(
      'wrong_api',
      'answered as Chat Completions: the base URL leads to another API than /responses (use compatible())',
    )
  if (body.status === 'failed' || (body.error && !Array.isArray(body.output)))
    throw profile.toError({
      status: 200,
      body: body.error ? { error: body.error, code: body.code } : body,
      model: context.model,
      ...(context.request_id !== undefined && { request_id: context.request_id }),
    })
  if (body.status === 'cancelled') throw unexpected('cancelled', 'was cancelled at the provider')
  if (!Array.isArray(body.output)) throw unexpected('no_output', 'answered without an output')
  if (isPending(body) && body.background !== true)
    throw unexpected('incomplete', `answered before it was done: ${body.status}`)
  return body
}

const isPending = ({ status }: JsonObject) => status === 'queued' || status === 'in_progress'

/** A plain answer in the common shape. Throws typed errors for a body that is none. */
export const responseReader =
  (profile: Profile) =>
  (response: WireResponse, context: WireContext): AnswerInput => {
    const body = checkBody(response.body, context, profile)
    warnIfPending(body, context, profile)
    const items = asList(body.output).filter(isObject)
    const options = { profile, declared: declaredNames(context) }
    const { message, approvals, logprobs } = readItems(items, options)
    return {
      id: asString(body.id),
      created: Math.floor(asNumber(body.created_at) ?? Date.now() / 1000),
      model: asText(body.model) ?? context.model,
      provider: profile.provider,
      message: {
        ...message,
        ...(items.length > 0 && {
          native: { provider: profile.provider, model: context.model, content: items },
        }),
      },
      ...toFinish(body, {
        hasCalls: message.tool_calls !== undefined,
        hasText: message.content !== null,
        hasRefusal: message.refusal !== undefined,
      }),
      usage: profile.toUsage(body.usage) ?? unknownUsage,
      ...(approvals.length > 0 && { approvals }),
      ...(logprobs.length > 0 && { logprobs: { content: logprobs } }),
      ...defined({ service_tier: asText(body.service_tier), request_id: context.request_id }),
    }
  }

/** `background: true` answers at once with a handle: its id is what to ask for later. */
function warnIfPending(body: JsonObject, { warn }: WireContext, { provider }: Profile): void {
  if (!isPending(body)) return
  warn({
    code: 'other',
    provider,
    message: `the response ${asString(body.id)} is ${body.status}: this is a handle, not the answer`,
  })
}
