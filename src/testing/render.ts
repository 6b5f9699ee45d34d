/** Renders a reply for a provider: its bytes, without timing. */
import { defined, type JsonObject } from '../chat/index.js'
import { idsOf } from './random.js'
import type { Reply } from './reply.js'
import type { Answer, Framing, ProviderName, ReplySpec, SseEvent } from './script.js'
import { frames } from './sse.js'
import { finishOf, usageOf } from './usage.js'
import { anthropic } from './wires/anthropic.js'
import { chat } from './wires/chat.js'
import { gemini } from './wires/gemini.js'
import { openai } from './wires/openai.js'
import type { RenderContext, Wire } from './wires/wire.js'
import { xai } from './wires/xai.js'

/** The API of a provider that a request is for. */
export type Api = 'responses' | 'messages' | 'generateContent' | 'chat'

/** The API each provider's factory uses. */
const apiOf: Readonly<Record<ProviderName, Api>> = {
  openai: 'responses',
  anthropic: 'messages',
  gemini: 'generateContent',
  xai: 'responses',
  compatible: 'chat',
}

export function wireOf(provider: ProviderName, api: Api): Wire {
  if (api === 'chat') return chat
  if (api === 'messages') return anthropic
  if (api === 'generateContent') return gemini
  return provider === 'xai' ? xai : openai
}

/** The request to render a reply for. */
export interface Asked {
  readonly provider: ProviderName
  readonly api: Api
  readonly model: string
  readonly streaming: boolean
  readonly body: JsonObject
  /** As it was received. */
  readonly text: string
  /** Makes the ids of different requests differ. */
  readonly seed: number
  /** Unix seconds. */
  readonly created: number
  /** Gemini without `alt=sse`: one growing JSON array. */
  readonly isArray?: boolean
}

/** A response before it is sent: one frame for each event, or a whole body in two halves. */
export interface Payload {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly frames: readonly (string | Uint8Array)[]
  readonly isStream: boolean
}

export function render(reply: Reply, asked: Asked): Payload {
  const { spec } = reply
  if (spec.raw)
    return inHalves(spec.raw.body, spec.raw.status, { ...spec.raw.headers, ...spec.headers })
  const { wire, context } = contextOf(spec, asked)
  const isStream = asked.streaming && !spec.asJson
  const failure = spec.failure ?? (isStream ? undefined : spec.failAfter?.failure)
  const own = { ...wire.headers(context), 'content-type': wire.contentType.json }
  if (failure) {
    const { status, headers, body } = wire.failure(failure, context)
    return inHalves(JSON.stringify(body), status, { ...own, ...headers, ...spec.headers })
  }
  if (!isStream) {
    const whole = wire.body(answerOf(spec, asked), context)
    const body = spec.editBody.reduce<unknown>((edited, edit) => edit(edited as JsonObject), whole)
    return inHalves(JSON.stringify(body), 200, { ...own, ...spec.headers })
  }
  const { framing } = spec.delivery
  const events = withDone(eventsOf(spec, asked, wire, context), framing)
  const isArray = asked.isArray === true
  const type = { 'content-type': wire.contentType.stream, 'cache-control': 'no-cache' }
  return {
    status: 200,
    headers: { ...own, ...(!isArray && type), ...spec.headers },
    frames: isArray ? arrayFrames(events) : frames(events, { lineEnd: wire.lineEnd, ...framing }),
    isStream: true,
  }
}

/**
 * The events of a reply as a provider would stream them: to compare with, or to cut a stream after
 * each of them.
 *
 * @example
 * ```ts
 * const reply = say('Hello')
 * const count = events('openai', reply).length
 * const script = Array.from({ length: count }, (_, after) => reply.cut(after))
 * ```
 */
export function events(
  provider: ProviderName,
  reply: Reply,
  request: { readonly model?: string; readonly body?: JsonObject; readonly api?: Api } = {},
): readonly SseEvent[] {
  const { model = 'mock-model', body = usageAsked, api = apiOf[provider] } = request
  const text = JSON.stringify(body)
  const created = 1_767_225_600
  const asked = { provider, api, model, streaming: true, body, text, seed: 0, created }
  const { wire, context } = contextOf(reply.spec, asked)
  return eventsOf(reply.spec, asked, wire, context)
}

const usageAsked = { stream: true, stream_options: { include_usage: true } }

function contextOf(spec: ReplySpec, asked: Asked): { wire: Wire; context: RenderContext } {
  const wire = wireOf(asked.provider, asked.api)
  const id = idsOf(asked.seed)
  const context = {
    provider: asked.provider,
    model: spec.model ?? asked.model,
    body: asked.body,
    created: asked.created,
    requestId: wire.requestId(id),
    id,
  }
  return { wire, context }
}

function eventsOf(
  spec: ReplySpec,
  asked: Asked,
  wire: Wire,
  context: RenderContext,
): readonly SseEvent[] {
  const whole = wire.events(answerOf(spec, asked), context)
  const edited = spec.editEvents.reduce((now, edit) => edit(now), whole)
  if (!spec.failAfter) return edited
  const before = edited.slice(0, spec.failAfter.after)
  return [...before, ...wire.failureEvents(spec.failAfter.failure, context, before)]
}

function answerOf(spec: ReplySpec, asked: Asked): Answer {
  const usage = usageOf(spec.usage, spec.parts, asked.text)
  const { parts, finish = finishOf(parts), nativeFinish, stopSequence, serviceTier } = spec
  return { parts, finish, ...defined({ nativeFinish, stopSequence, serviceTier, usage }) }
}

const isDone = ({ data }: SseEvent) => data === '[DONE]'

function withDone(sent: readonly SseEvent[], { done }: Framing): readonly SseEvent[] {
  if (done === undefined) return sent
  const bare = sent.filter((event) => !isDone(event))
  return done ? [...bare, { data: '[DONE]' }] : bare
}

/** Splits a whole body into two frames, so that it can be cut or held in the middle. */
function inHalves(
  body: string | Uint8Array,
  status: number,
  headers: Readonly<Record<string, string>>,
): Payload {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const middle = bytes.length >> 1
  const halves = [bytes.subarray(0, middle), bytes.subarray(middle)]
  return {
    status,
    headers: { 'content-length': String(bytes.length), ...headers },
    frames: bytes.length > 0 ? halves : [],
    isStream: false,
  }
}

function arrayFrames(sent: readonly SseEvent[]): readonly string[] {
  const last = sent.length - 1
  return sent.map(
    ({ data }, index) =>
      `${index === 0 ? '[' : ',\r\n'}${JSON.stringify(data)}${index === last ? ']' : ''}`,
  )
}
