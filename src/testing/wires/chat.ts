/**
 * Chat Completions of OpenAI, xAI and compatible servers. Shapes from recorded completions (2025-10
 * to 2026-08).
 */
import { defined, isObject, type JsonObject } from '../../chat/index.js'
import { joinParts, piecesOf } from '../chunks.js'
import type { Answer, AnswerUsage, Call, Citation, Media, Part, SseEvent, Text } from '../script.js'
import { openaiError, openaiFailure, openaiHeaders } from './openai.js'
import { type RenderContext, unrenderable, type Wire } from './wire.js'

export const chat: Wire = {
  contentType: { json: 'application/json', stream: 'text/event-stream; charset=utf-8' },
  lineEnd: '\n',
  requestId: (id) => id('req_', 32, 'hex'),
  headers: (context) =>
    context.provider === 'openai' ? openaiHeaders(context) : { 'x-request-id': context.requestId },

  body(answer, context) {
    const { usage } = answer
    return {
      ...envelope(answer, context, 'chat.completion'),
      choices: [
        {
          index: 0,
          message: messageOf(answer, context),
          logprobs: logprobsOf(answer.parts),
          finish_reason: finishOf(answer),
        },
      ],
      ...(usage && { usage: usageOf(usage, context) }),
    }
  },

  events(answer, context) {
    const isUsageAsked = asksUsage(context.body)
    const base = envelope(answer, context, 'chat.completion.chunk')
    const chunk = (choices: readonly JsonObject[], usage: JsonObject | null = null): SseEvent => ({
      data: { ...base, choices, ...(isUsageAsked && { usage }) },
    })
    const choice = (
      delta: JsonObject,
      finish_reason: string | null = null,
      logprobs?: unknown,
    ) => ({
      index: 0,
      delta,
      logprobs: logprobs ?? null,
      finish_reason,
    })
    const events = deltasOf(answer.parts, context).map(({ delta, logprobs }) =>
      chunk([choice(delta, null, logprobs)]),
    )
    events.push(chunk([choice({}, finishOf(answer))]))
    if (isUsageAsked && answer.usage) events.push(chunk([], usageOf(answer.usage, context)))
    events.push({ data: '[DONE]' })
    return events
  },

  failure: openaiFailure,
  failureEvents: (failure, context) => [{ data: { error: openaiError(failure, context.model) } }],
  count: (tokens) => ({ input_tokens: tokens }),
}

/** The first delta declares the kind of the answer. */
const openingOf = (parts: readonly Part[]): JsonObject => {
  const isEmpty = parts.length === 0
  return {
    role: 'assistant',
    content: isEmpty || parts.some(({ type }) => type === 'text') ? '' : null,
    refusal: parts.some(({ type }) => type === 'refusal') ? '' : null,
  }
}

/** A stream sends its usage only on request. */
const asksUsage = (body: JsonObject) =>
  isObject(body.stream_options) && body.stream_options.include_usage === true

const envelope = (answer: Answer, context: RenderContext, object: string): JsonObject => ({
  id: context.id('chatcmpl-', 29),
  object,
  created: context.created,
  model: context.model,
  service_tier: answer.serviceTier ?? 'default',
  system_fingerprint: 'fp_mock',
})

/** A refusal ends a completion like any text. */
const finishOf = (answer: Answer) => {
  const isRefused = answer.parts.some(({ type }) => type === 'refusal')
  return answer.nativeFinish ?? (isRefused ? 'stop' : answer.finish)
}

const join = (texts: readonly string[]) => (texts.length > 0 ? texts.join('') : null)

function messageOf({ parts }: Answer, context: RenderContext): JsonObject {
  const ofType = <Type extends Part['type']>(type: Type) =>
    parts.filter((part): part is Extract<Part, { type: Type }> => part.type === type)
  const texts = ofType('text')
  if (ofType('hosted').length > 0) return unrenderable('hosted tools', 'Chat Completions')
  const media = ofType('media')
  const images = media.filter(isImage)
  const sound = media.find((part) => !isImage(part))
  const calls = ofType('call').map((call) => callOf(call, context))
  return defined({
    role: 'assistant',
    content: join(texts.map(({ text }) => text)),
    reasoning_content: join(ofType('thought').map(thoughtText)) ?? undefined,
    refusal: join(ofType('refusal').map(({ text }) => text)),
    annotations: annotationsOf(texts),
    tool_calls: calls.length > 0 ? calls : undefined,
    images: images.length > 0 ? images.map(imageOf) : undefined,
    audio: sound && audioOf(sound, context),
  })
}

const thoughtText = (thought: Extract<Part, { type: 'thought' }>) =>
  thought.redacted ? '' : joinParts(thought.summaries).join('')

const isImage = (media: Media) => media.media_type.startsWith('image/')

const imageOf = ({ media_type, data }: Media) => ({
  type: 'image_url',
  image_url: { url: `data:${media_type};base64,${data}` },
})

const audioOf = (media: Media, { id, created }: RenderContext) => ({
  id: id('audio_', 24, 'hex'),
  data: media.data,
  expires_at: created + 3600,
  transcript: media.transcript ?? '',
})

function callOf(call: Call, context: RenderContext): JsonObject {
  const id = call.id ?? callId(context)
  const { name, arguments: text } = call
  return call.custom
    ? { id, type: 'custom', custom: { name, input: text } }
    : { id, type: 'function', function: { name, arguments: text } }
}

const callId = ({ id }: RenderContext) => id('call_', 24)

const annotationsOf = (texts: readonly Text[]) =>
  texts.flatMap((text) => text.citations.map((citation) => annotationOf(citation, text)))

function annotationOf(citation: Citation, { text }: Text): JsonObject {
  const { url = '', title = '', start_index = 0, end_index = text.length } = citation
  return { type: 'url_citation', url_citation: { url, title, start_index, end_index } }
}

function logprobsOf(parts: readonly Part[]): JsonObject | null {
  const content = parts.flatMap((part) => (part.type === 'text' ? (part.logprobs ?? []) : []))
  return content.length > 0 ? { content, refusal: null } : null
}

interface Delta {
  readonly delta: JsonObject
  readonly logprobs?: JsonObject
}

/** A single call is sent with the opening, all else after it. */
function deltasOf(parts: readonly Part[], context: RenderContext): readonly Delta[] {
  const opening = openingOf(parts)
  let calls = 0
  const deltas = parts.flatMap((part) =>
    partDeltas(part, context, part.type === 'call' ? calls++ : 0),
  )
  const [first, ...rest] = deltas
  const isLoneCall = first && parts.length === 1 && calls === 1
  if (!isLoneCall) return [{ delta: opening }, ...deltas]
  return [{ delta: { ...opening, ...first.delta } }, ...rest]
}

function partDeltas(part: Part, context: RenderContext, index: number): readonly Delta[] {
  switch (part.type) {
    case 'text':
      return textDeltas(part)
    case 'thought':
      return (part.redacted ? [] : joinParts(part.summaries)).map((reasoning_content) => ({
        delta: { reasoning_content },
      }))
    case 'refusal':
      return part.chunks.map((refusal) => ({ delta: { refusal } }))
    case 'call':
      return callDeltas(part, context, index).map((call) => ({ delta: { tool_calls: [call] } }))
    case 'media':
      return mediaDeltas(part, context).map((delta) => ({ delta }))
    case 'hosted':
      return unrenderable('hosted tools', 'Chat Completions')
  }
}

function textDeltas(text: Text): readonly Delta[] {
  const said = text.chunks.map((content, index) => {
    const token = text.logprobs?.[index]
    return { delta: { content }, ...(token && { logprobs: { content: [token], refusal: null } }) }
  })
  const annotations = annotationsOf([text])
  return annotations.length > 0 ? [...said, { delta: { annotations } }] : said
}

/** Sends the name first, then the arguments; xAI sends a call whole. */
function callDeltas(call: Call, context: RenderContext, index: number): readonly JsonObject[] {
  const isWhole = call.pieces === 'start' || (!call.pieces && context.provider === 'xai')
  if (isWhole) return [{ index, ...callOf(call, context) }]
  const body = call.custom ? 'custom' : 'function'
  const member = call.custom ? 'input' : 'arguments'
  return [
    { index, ...callOf({ ...call, arguments: '' }, context) },
    ...piecesOf(call).map((piece) => ({ index, [body]: { [member]: piece } })),
  ]
}

function mediaDeltas(media: Media, context: RenderContext): readonly JsonObject[] {
  if (isImage(media)) return [{ images: [imageOf(media)] }]
  const { id, data, transcript, expires_at } = audioOf(media, context)
  return [{ audio: { id, transcript } }, { audio: { id, data } }, { audio: { id, expires_at } }]
}

/** xAI excludes reasoning from `completion_tokens` on this wire, and includes it in the total. */
function usageOf(usage: AnswerUsage, { provider }: RenderContext): JsonObject {
  const reasoning = usage.completion_tokens_details?.reasoning_tokens ?? 0
  return defined({
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens - (provider === 'xai' ? reasoning : 0),
    total_tokens: usage.total_tokens,
    prompt_tokens_details: defined({
      cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      cache_write_tokens: usage.prompt_tokens_details?.cache_creation_tokens,
      audio_tokens: usage.prompt_tokens_details?.audio_tokens ?? 0,
      image_tokens: usage.prompt_tokens_details?.image_tokens,
    }),
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: usage.completion_tokens_details?.audio_tokens ?? 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
    cost: provider === 'compatible' ? usage.cost : undefined,
  })
}
