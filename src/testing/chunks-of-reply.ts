/** Converts a scripted reply to chunks of the package, without a wire. */
import {
  type Annotation,
  defined,
  type FinishChunk,
  type StreamChunk,
  unknownUsage,
} from '../chat/index.js'
import { joinParts, piecesOf } from './chunks.js'
import type { MakeId } from './random.js'
import type { Call, Citation, Hosted, Media, Part, ReplySpec, Text } from './script.js'
import { finishOf, usageOf } from './usage.js'

export interface ChunkContext {
  readonly provider: string
  readonly model: string
  /** Unix seconds. */
  readonly created: number
  readonly id: MakeId
  /** The request, to estimate its tokens. */
  readonly text: string
}

export function chunksOfReply(spec: ReplySpec, context: ChunkContext): readonly StreamChunk[] {
  const { id, provider, model, created } = context
  let calls = 0
  return [
    { type: 'start', id: id('reply_', 24), model, provider, created },
    ...spec.parts.flatMap((part, index) =>
      chunksOfPart(part, { id, index: part.type === 'call' ? calls++ : index }),
    ),
    finishChunk(spec, context),
  ]
}

function finishChunk(spec: ReplySpec, { text }: ChunkContext): FinishChunk {
  const usage = usageOf(spec.usage, spec.parts, text)
  return {
    type: 'finish',
    finish_reason: spec.finish ?? finishOf(spec.parts),
    usage: usage ? withoutExtras(usage) : unknownUsage,
    ...defined({
      native_finish_reason: spec.nativeFinish,
      stop_sequence: spec.stopSequence,
      service_tier: spec.serviceTier,
    }),
  }
}

const withoutExtras = ({
  tool_prompt_tokens: _,
  ...usage
}: NonNullable<ReturnType<typeof usageOf>>) => usage

interface PartContext {
  readonly id: MakeId
  /** For a call its index among the calls; else the index of the part. */
  readonly index: number
}

function chunksOfPart(part: Part, { id, index }: PartContext): readonly StreamChunk[] {
  switch (part.type) {
    case 'text':
      return textChunks(part)
    case 'thought':
      return joinParts(part.redacted ? [] : part.summaries).map((text) => ({
        type: 'reasoning-delta',
        text,
      }))
    case 'call':
      return callChunks(part, id, index)
    case 'refusal':
      return part.chunks.map((text) => ({ type: 'refusal-delta', text }))
    case 'media':
      return [fileChunk(part)]
    case 'hosted':
      return hostedChunks(part, id)
  }
}

function textChunks(text: Text): readonly StreamChunk[] {
  return [
    ...text.chunks.flatMap((chunk, index): StreamChunk[] => {
      const token = text.logprobs?.[index]
      const said: StreamChunk = { type: 'text-delta', text: chunk }
      return token ? [said, { type: 'logprobs', content: [token] }] : [said]
    }),
    ...text.citations.map((citation) => ({
      type: 'annotation' as const,
      annotation: annotationOf(citation, text),
    })),
  ]
}

function annotationOf(citation: Citation, { text }: Text): Annotation {
  const { url, title, cited_text, start_index = 0, end_index = text.length } = citation
  const place = { start_index, end_index, ...defined({ cited_text }) }
  if (url !== undefined)
    return { type: 'url_citation', url_citation: { url, ...defined({ title }), ...place } }
  const { file_id, filename = title, document_index, page, end_page } = citation
  const file = defined({ file_id, filename, document_index, page, end_page })
  return { type: 'file_citation', file_citation: { ...file, ...place } }
}

function callChunks(call: Call, id: MakeId, index: number): readonly StreamChunk[] {
  return [
    {
      type: 'tool-call-start',
      index,
      id: call.id ?? id('call_', 24),
      name: call.name,
      ...(call.custom && { kind: 'custom' as const }),
    },
    ...piecesOf(call).map((piece) => ({
      type: 'tool-call-delta' as const,
      index,
      arguments: piece,
    })),
    { type: 'tool-call-end', index },
  ]
}

const fileChunk = ({ media_type, data, transcript }: Media): StreamChunk => ({
  type: 'file',
  media_type,
  data,
  ...defined({ transcript }),
})

function hostedChunks(tool: Hosted, makeId: MakeId): readonly StreamChunk[] {
  const { name, input, output } = tool
  const started = { id: tool.id ?? makeId('tool_', 24), name, ...defined({ input }) }
  const status = tool.failed ? 'failed' : 'done'
  return [
    { type: 'hosted-tool', ...started, status: 'running' },
    { type: 'hosted-tool', ...started, status, ...defined({ output }) },
  ]
}
