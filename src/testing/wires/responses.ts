/**
 * The Responses wire, shared by OpenAI and xAI: output items with their events, and the response.
 */
import type { JsonObject } from '../../chat/index.js'
import type {
  Answer,
  AnswerUsage,
  Call,
  Part,
  Refusal,
  SseEvent,
  Text,
  Thought,
} from '../script.js'
import { writeHosted, writeImage } from './responses-hosted.js'
import { type Emit, inItem, type Place, type ResponsesFlavour } from './responses-item.js'
import type { RenderContext, Wire } from './wire.js'

export function responsesWire(flavour: ResponsesFlavour): Wire {
  return {
    ...flavour,
    body(answer, context) {
      const id = flavour.responseId(context)
      const output = writeOutput(answer, context, { flavour, id, emit: () => {} })
      return response(answer, context, { flavour, id, output })
    },
    events(answer, context) {
      const id = flavour.responseId(context)
      const events: SseEvent[] = []
      const emit: Emit = (type, fields) =>
        void events.push({
          event: type,
          data: { type, ...fields, sequence_number: events.length },
        })
      const started = begun(context, flavour, id)
      emit('response.created', { response: started })
      emit('response.in_progress', { response: started })
      const output = writeOutput(answer, context, { flavour, id, emit })
      const ended = response(answer, context, { flavour, id, output })
      emit(`response.${ended.status}`, { response: ended })
      return events
    },
  }
}

const begun = (context: RenderContext, flavour: ResponsesFlavour, id: string): JsonObject => ({
  ...echoOf(context.body),
  ...flavour.envelope(context),
  id,
  object: 'response',
  created_at: context.created,
  completed_at: null,
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  model: context.model,
  output: [],
  usage: null,
})

/** The request members that a response repeats. */
const echoOf = (body: JsonObject): JsonObject => ({
  background: false,
  frequency_penalty: 0,
  instructions: body.instructions ?? null,
  max_output_tokens: body.max_output_tokens ?? null,
  max_tool_calls: null,
  parallel_tool_calls: body.parallel_tool_calls ?? true,
  presence_penalty: 0,
  previous_response_id: body.previous_response_id ?? null,
  prompt_cache_key: body.prompt_cache_key ?? null,
  reasoning: { effort: null, summary: null, ...Object(body.reasoning) },
  safety_identifier: null,
  store: body.store ?? true,
  tool_choice: body.tool_choice ?? 'auto',
  tools: body.tools ?? [],
  top_logprobs: body.top_logprobs ?? 0,
  truncation: 'disabled',
  user: body.user ?? null,
})

/** The usage members of every flavor. */
export const usageOf = (usage: AnswerUsage): JsonObject => ({
  input_tokens: usage.prompt_tokens,
  input_tokens_details: { cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0 },
  output_tokens: usage.completion_tokens,
  output_tokens_details: {
    reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  },
  total_tokens: usage.total_tokens,
})

/** The reason of an incomplete response by finish reason. */
const incompleteReasons: Readonly<Record<string, string>> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
}

function response(
  answer: Answer,
  context: RenderContext,
  { flavour, id, output }: { flavour: ResponsesFlavour; id: string; output: readonly JsonObject[] },
): JsonObject {
  const reason = incompleteReason(answer)
  return {
    ...begun(context, flavour, id),
    status: reason === undefined ? 'completed' : 'incomplete',
    completed_at: reason === undefined ? context.created + 1 : null,
    incomplete_details: reason === undefined ? null : { reason },
    output,
    service_tier: answer.serviceTier ?? 'default',
    usage: answer.usage ? flavour.usage(answer.usage) : null,
  }
}

/** A refusal completes a response: only the filter and the limit leave it incomplete. */
function incompleteReason(answer: Answer): string | undefined {
  if (answer.nativeFinish !== undefined) return answer.nativeFinish
  if (answer.parts.some(({ type }) => type === 'refusal')) return undefined
  return incompleteReasons[answer.finish]
}

function writeOutput(
  answer: Answer,
  context: RenderContext,
  { flavour, id, emit }: { flavour: ResponsesFlavour; id: string; emit: Emit },
): readonly JsonObject[] {
  const groups = inItems(answer.parts)
  const isIncomplete = incompleteReason(answer) !== undefined
  return groups.map((parts, index) =>
    writeItem(parts, {
      context,
      flavour,
      responseId: id,
      nth: groups.slice(0, index).filter((before) => kindOf(before) === kindOf(parts)).length,
      isCutShort: isIncomplete && index === groups.length - 1,
      emit: (type, fields) => emit(type, { ...fields, output_index: index }),
    }),
  )
}

const isContent = (part: Part | undefined): part is Text | Refusal =>
  part?.type === 'text' || part?.type === 'refusal'

/** Groups consecutive texts and refusals as one message; any other part is an item of its own. */
function inItems(parts: readonly Part[]): readonly (readonly Part[])[] {
  const items: Part[][] = []
  for (const part of parts) {
    const last = items.at(-1)
    const isSameMessage =
      isContent(part) && isContent(last?.[0]) && phaseOf(part) === phaseOf(last[0])
    if (last && isSameMessage) last.push(part)
    else items.push([part])
  }
  return items
}

const kindOf = ([first]: readonly Part[]) => (isContent(first) ? 'message' : first?.type)

const phaseOf = (part: Part) => (part.type === 'text' ? part.phase : undefined)

function writeItem(parts: readonly Part[], place: Place): JsonObject {
  const contents = parts.filter(isContent)
  if (contents.length > 0) return writeMessage(contents, place)
  const part = parts[0]
  switch (part?.type) {
    case 'thought':
      return writeThought(part, place)
    case 'call':
      return writeCall(part, place)
    case 'media':
      return writeImage(part, place)
    case 'hosted':
      return writeHosted(part, place)
    default:
      throw new TypeError('An output item needs a part')
  }
}

function writeMessage(contents: readonly (Text | Refusal)[], place: Place): JsonObject {
  const id = place.flavour.itemId('msg', place)
  const [first] = contents
  const phase = first && phaseOf(first)
  const item = { id, type: 'message', role: 'assistant', ...(phase !== undefined && { phase }) }
  return inItem(place, { ...item, status: 'in_progress', content: [] }, () => ({
    ...item,
    status: place.isCutShort ? 'incomplete' : 'completed',
    content: contents.map((content, content_index) => {
      const emit: Emit = (type, fields) =>
        place.emit(type, { ...fields, item_id: id, content_index })
      return content.type === 'text' ? writeText(content, emit) : writeRefusal(content, emit)
    }),
  }))
}

function writeText(text: Text, emit: Emit): JsonObject {
  const empty = { type: 'output_text', annotations: [], logprobs: [], text: '' }
  emit('response.content_part.added', { part: empty })
  const annotations = text.citations.map((citation) => citationOf(citation, text))
  let length = 0
  let count = 0
  const annotate = () => {
    const annotation = annotations[count]
    emit('response.output_text.annotation.added', { annotation, annotation_index: count++ })
  }
  text.chunks.forEach((delta, index) => {
    const token = text.logprobs?.[index]
    emit('response.output_text.delta', { delta, logprobs: token ? [token] : [] })
    length += delta.length
    // a source follows as soon as its text was sent
    while (count < annotations.length && endOf(text, count) <= length) annotate()
  })
  while (count < annotations.length) annotate()
  const logprobs = text.logprobs ?? []
  emit('response.output_text.done', { text: text.text, logprobs })
  const part = { ...empty, annotations, logprobs, text: text.text }
  emit('response.content_part.done', { part })
  return part
}

const endOf = ({ citations, text }: Text, index: number) =>
  citations[index]?.end_index ?? text.length

function citationOf(citation: Text['citations'][number], text: Text): JsonObject {
  const { url, title, start_index = 0, end_index = text.text.length } = citation
  if (url !== undefined) return { type: 'url_citation', url, title, start_index, end_index }
  const { file_id = 'file-mock', filename = title ?? 'document.pdf' } = citation
  return { type: 'file_citation', file_id, filename, index: end_index }
}

function writeRefusal(refusal: Refusal, emit: Emit): JsonObject {
  emit('response.content_part.added', { part: { type: 'refusal', refusal: '' } })
  for (const delta of refusal.chunks) emit('response.refusal.delta', { delta })
  emit('response.refusal.done', { refusal: refusal.text })
  const part = { type: 'refusal', refusal: refusal.text }
  emit('response.content_part.done', { part })
  return part
}

function writeThought(thought: Thought, place: Place): JsonObject {
  const id = place.flavour.itemId('rs', place)
  const encrypted = place.flavour.encrypted(thought, place.context)
  const { open, done } = place.flavour.thought(
    encrypted === undefined ? {} : { encrypted_content: encrypted },
  )
  const item = { id, type: 'reasoning', summary: [] }
  const emit: Emit = (type, fields) => place.emit(type, { ...fields, item_id: id })
  return inItem(place, { ...item, ...open }, () => {
    if (thought.redacted) return { ...item, ...done }
    const write = thoughtWriter(emit, thought.full)
    const member = thought.full ? 'content' : 'summary'
    return { ...item, ...done, [member]: thought.summaries.map(write) }
  })
}

/** Writes a part of a summary, or of the full reasoning. */
const thoughtWriter =
  (emit: Emit, isFull: boolean) =>
  (chunks: readonly string[], index: number): JsonObject => {
    const text = chunks.join('')
    const type = isFull ? 'reasoning_text' : 'summary_text'
    const around = isFull ? 'response.content_part' : 'response.reasoning_summary_part'
    const inside = isFull ? 'response.reasoning_text' : 'response.reasoning_summary_text'
    const at = { [isFull ? 'content_index' : 'summary_index']: index }
    emit(`${around}.added`, { ...at, part: { type, text: '' } })
    for (const delta of chunks) emit(`${inside}.delta`, { ...at, delta })
    emit(`${inside}.done`, { ...at, text })
    emit(`${around}.done`, { ...at, part: { type, text } })
    return { type, text }
  }

const functionCall = {
  type: 'function_call',
  prefix: 'fc',
  member: 'arguments',
  event: 'response.function_call_arguments',
}

const customCall = {
  type: 'custom_tool_call',
  prefix: 'ctc',
  member: 'input',
  event: 'response.custom_tool_call_input',
}

function writeCall(call: Call, place: Place): JsonObject {
  const { type, prefix, member, event } = call.custom ? customCall : functionCall
  const item_id = place.flavour.itemId(prefix, place)
  const call_id = call.id ?? place.flavour.callId(place)
  const item = { id: item_id, type, call_id, name: call.name }
  const { whole, deltas } = arrival(call, place.flavour)
  return inItem(place, { ...item, status: 'in_progress', [member]: whole }, () => {
    for (const delta of deltas) place.emit(`${event}.delta`, { item_id, delta })
    const isCut = place.isCutShort && !call.custom
    if (!isCut) place.emit(`${event}.done`, { item_id, [member]: call.arguments })
    return { ...item, status: isCut ? 'incomplete' : 'completed', [member]: call.arguments }
  })
}

/** The arguments sent with the name, and those after it. */
function arrival(call: Call, flavour: ResponsesFlavour) {
  if (call.pieces === 'start') return { whole: call.arguments, deltas: [] }
  if (call.pieces === 'end') return { whole: '', deltas: [] }
  return { whole: '', deltas: call.pieces ?? flavour.pieces(call.arguments) }
}
