/** Reads the parts of an answer, with one small reader for each kind. */
import {
  asId,
  asText,
  defined,
  isGiven,
  isObject,
  type JsonObject,
  nonEmpty,
  omit,
  pick,
  toArguments,
} from '../../chat/index.js'
import { closeCall, isPiece, readFunctionCall, readPiece } from './calls.js'
import { type GrowingPart, madeId, type State } from './state.js'
import type { Part } from './wire.js'

type PartReader = (part: Part, state: State) => void

/** The first of these members that a part has is read, after its text. */
const partReaders: readonly (readonly [keyof Part, PartReader])[] = [
  ['functionCall', readFunctionCall],
  ['executableCode', readCode],
  ['codeExecutionResult', readCodeResult],
  ['toolCall', readToolCall],
  ['toolResponse', readToolResponse],
  ['inlineData', readInlineData],
  ['fileData', readFileData],
  ['audioTranscription', readTranscript],
]

/** Members of a part that are objects. */
const objects = [...partReaders.map(([member]) => member), 'functionResponse'] as const

/** Their text members; a number instead of one is an id. */
const texts = 'id name mimeType data fileUri language code outcome output toolType'.split(' ')

/** Makes a part valid: removes members of the wrong type, parses arguments that are no object. */
function checkedPart(part: Part): Part {
  if (isPlainText(part)) return part
  const whole: Record<string, unknown> = { ...part }
  for (const name of ['text', 'thoughtSignature'])
    if (typeof whole[name] !== 'string') delete whole[name]
  for (const name of objects) {
    const value = whole[name]
    if (isObject(value)) whole[name] = checkedMember(value)
    else delete whole[name]
  }
  return whole
}

function checkedMember(value: JsonObject): JsonObject {
  const { args } = value
  const wrong = texts.filter((name) => name in value && typeof value[name] !== 'string')
  if (wrong.length === 0 && (args === undefined || isObject(args))) return value
  const given = wrong.map((name) => [name, name === 'id' ? asId(value[name]) : undefined])
  const input = isGiven(args) ? toArguments(args).input : undefined
  return defined({ ...value, ...Object.fromEntries(given), args: input })
}

export function readPart(wire: Part, mayContinue: boolean, state: State): void {
  const part = checkedPart(wire)
  const read = readerOf(part)
  if (part.text && read) {
    // some gateways send both: Gemini accepts text only in a part of its own
    readPart(pick(part, ['text', 'thought']), mayContinue, state)
    readPart(omit(part, ['text']), false, state)
    return
  }
  if (part.functionCall && isPiece(part.functionCall, state)) {
    readPiece(part, state)
    return
  }
  closeCall(state)
  keep(part, mayContinue, state)
  if (!part.thought && part.text !== '') state.thought++
  if (part.text) readText(part, state)
  else (read ?? skip)(part, state)
}

const readerOf = (part: Part): PartReader | undefined =>
  isPlainText(part) ? undefined : partReaders.find(([member]) => isGiven(part[member]))?.[1]

function skip(part: Part, { writer }: State): void {
  for (const [member, value] of Object.entries(part))
    if (isGiven(value) && !withoutContent.has(member)) writer.skip('Parts', member)
}

/** Members without content; a content without parts has a role. */
const withoutContent: ReadonlySet<string> = new Set([
  ...objects,
  ...'role text thought thoughtSignature mediaResolution videoMetadata partMetadata'.split(' '),
])

/** Text continues that of the last chunk. A signature ends its part; a chunk's parts stay apart. */
function keep(part: Part, mayContinue: boolean, state: State): void {
  const { parts, growing } = state
  if (!isPlainText(part)) {
    state.growing = undefined
    if (nonEmpty(part)) parts.push(part)
    return
  }
  if (part.text === '') return
  if (mayContinue && growing && Boolean(growing.thought) === Boolean(part.thought)) {
    growing.text += part.text
    return
  }
  state.growing = { ...part }
  parts.push(state.growing)
}

/** True for text or a thought without further members. */
export function isPlainText(part: Part): part is GrowingPart {
  if (typeof part.text !== 'string') return false
  for (const member in part) if (member !== 'text' && member !== 'thought') return false
  return true
}

const readText = ({ text = '', thought }: Part, state: State): void =>
  thought ? state.writer.reasoning(text, state.thought) : state.writer.text(text)

function readInlineData({ inlineData, audioTranscription, thought }: Part, state: State): void {
  // an image made while thinking is not part of the answer
  if (!inlineData?.data || thought) return
  const media_type = inlineData.mimeType ?? 'application/octet-stream'
  const isAudio = media_type.startsWith('audio/')
  if (isAudio) state.audioType ??= media_type
  const transcript = isAudio ? asText(audioTranscription?.text) : undefined
  state.writer.push({ type: 'file', media_type, data: inlineData.data, ...defined({ transcript }) })
}

function readTranscript({ audioTranscription }: Part, { writer, audioType }: State): void {
  const transcript = asText(audioTranscription?.text)
  if (transcript) writer.push({ type: 'file', media_type: audioType ?? 'audio/pcm', transcript })
}

function readFileData({ fileData, thought }: Part, { writer }: State): void {
  if (!fileData?.fileUri || thought) return
  const media_type = fileData.mimeType ?? 'application/octet-stream'
  const address = media_type.startsWith('image/') ? 'url' : 'file_id'
  writer.push({ type: 'file', media_type, [address]: fileData.fileUri })
}

function readCode({ executableCode }: Part, state: State): void {
  const { id, language, code } = executableCode ?? {}
  state.codeId = id || madeId('hosted')
  const input = defined({ language, code })
  state.writer.hosted({ id: state.codeId, name: 'code_execution', status: 'running', input })
}

function readCodeResult({ codeExecutionResult }: Part, { writer, codeId }: State): void {
  const { id, outcome = 'OUTCOME_OK', output = '' } = codeExecutionResult ?? {}
  const isDone = outcome === 'OUTCOME_OK' || outcome === 'OUTCOME_UNSPECIFIED'
  writer.hosted({
    id: id || (codeId ?? madeId('hosted')),
    name: 'code_execution',
    status: isDone ? 'done' : 'failed',
    output,
  })
}

function readToolCall({ toolCall }: Part, { writer }: State): void {
  const { id, toolType, args: input } = toolCall ?? {}
  const name = hostedName(toolType)
  writer.hosted({ id: id || madeId('hosted'), name, status: 'running', input })
}

function readToolResponse({ toolResponse }: Part, { writer }: State): void {
  const { id, toolType, response: output } = toolResponse ?? {}
  const status = output?.error === undefined ? 'done' : 'failed'
  writer.hosted({ id: id || madeId('hosted'), name: hostedName(toolType), status, output })
}

const hostedName = (toolType: string | undefined) => (toolType ?? 'hosted_tool').toLowerCase()
