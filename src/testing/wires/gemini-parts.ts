/** Parts of the generateContent wire, grouped by event. */
import { defined, isObject, type JsonObject, parseJson } from '../../chat/index.js'
import { joinParts } from '../chunks.js'
import type { MakeId } from '../random.js'
import type { Answer, Call, Hosted, Part, Text } from '../script.js'
import type { RenderContext } from './wire.js'

export type GeminiPart = JsonObject

/** Arguments are an object on this wire; others are never sent. */
export const isMalformed = (call: Call) => !call.custom && !isObject(parseJson(call.arguments))

/** One group of parts for each event, or all of a whole body. */
export function partsOf(
  answer: Answer,
  context: RenderContext,
  mode: 'chunks' | 'whole',
): readonly (readonly GeminiPart[])[] {
  const signatures = signaturesOf(answer.parts, context)
  return answer.parts.flatMap((part) => {
    const signed = defined({ thoughtSignature: signatures.get(part) })
    if (part.type !== 'thought') return groupsOf(part, context, mode, signed)
    const groups = part.redacted ? [] : thoughtGroups(part.summaries, mode)
    // nothing follows the thought: an empty text carries its signature
    return signatures.has(part) ? [...groups, [{ text: '', ...signed }]] : groups
  })
}

/**
 * Puts the signature of a thought on the first call after it, else on the next part, else on a part
 * of its own.
 */
function signaturesOf(parts: readonly Part[], context: RenderContext): ReadonlyMap<Part, string> {
  const signatures = new Map<Part, string>()
  parts.forEach((thought, index) => {
    if (thought.type !== 'thought') return
    const after = parts.slice(index + 1)
    const next = after.findIndex(({ type }) => type === 'thought')
    const turn = (next < 0 ? after : after.slice(0, next)).filter(carriesSignature)
    const bearer = turn.find(({ type }) => type === 'call') ?? turn[0] ?? thought
    signatures.set(bearer, thought.signature ?? context.id('Eq', 120))
  })
  return signatures
}

const carriesSignature = (part: Part) =>
  part.type !== 'refusal' && !(part.type === 'call' && isMalformed(part))

function thoughtGroups(
  summaries: readonly (readonly string[])[],
  mode: 'chunks' | 'whole',
): GeminiPart[][] {
  const chunks = joinParts(summaries)
  const texts = mode === 'chunks' ? chunks : [chunks.join('')]
  return texts.filter((text) => text !== '').map((text) => [{ text, thought: true }])
}

function groupsOf(
  part: Exclude<Part, { type: 'thought' }>,
  context: RenderContext,
  mode: 'chunks' | 'whole',
  signed: JsonObject,
): GeminiPart[][] {
  switch (part.type) {
    case 'text':
      return textGroups(part, mode, signed)
    case 'call':
      return isMalformed(part) ? [] : [[callPart(part, context, signed)]]
    case 'media':
      return [[{ inlineData: { mimeType: part.media_type, data: part.data }, ...signed }]]
    case 'hosted':
      return hostedGroups(part, context.id, signed)
    case 'refusal':
      return []
  }
}

function textGroups(text: Text, mode: 'chunks' | 'whole', signed: JsonObject): GeminiPart[][] {
  if (mode === 'whole') return [[{ text: text.text, ...signed }]]
  const groups: GeminiPart[][] = text.chunks.map((chunk) => [{ text: chunk }])
  return 'thoughtSignature' in signed ? [...groups, [{ text: '', ...signed }]] : groups
}

function callPart(call: Call, context: RenderContext, signed: JsonObject): GeminiPart {
  const args = call.custom ? { input: call.arguments } : parseJson(call.arguments)
  const id = call.id ?? (tellsCallIds(context.model) ? context.id('', 8) : undefined)
  const functionCall = defined({ id, name: call.name, args })
  return { functionCall, ...signed, ...defined({ thoughtSignature: call.signature }) }
}

/** Models before Gemini 3 send no call ids. */
const tellsCallIds = (model: string) => /gemini-[3-9]/.test(model)

function hostedGroups(tool: Hosted, makeId: MakeId, signed: JsonObject): GeminiPart[][] {
  const id = tool.id ?? makeId('', 8)
  if (tool.name === 'code_execution' || tool.name === 'code_interpreter') {
    const code = isObject(tool.input) ? tool.input.code : tool.input
    const outcome = tool.failed ? 'OUTCOME_FAILED' : 'OUTCOME_OK'
    return [
      [{ executableCode: { id, language: 'PYTHON', code: code ?? '' }, ...signed }],
      [{ codeExecutionResult: { id, outcome, output: tool.output ?? '' } }],
    ]
  }
  const toolType = tool.name === 'web_search' ? 'GOOGLE_SEARCH_WEB' : tool.name.toUpperCase()
  const args = isObject(tool.input) ? tool.input : {}
  const response = isObject(tool.output) ? tool.output : { output: tool.output ?? null }
  return [
    [{ toolCall: { id, toolType, args }, ...signed }],
    [{ toolResponse: { id, toolType, response } }],
  ]
}
