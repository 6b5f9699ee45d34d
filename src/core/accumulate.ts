/**
 * Chunks → response. Checks the order of what layers emit; `ChunkCheck` checked that of the adapter
 * before, with its members.
 */
import {
  type Annotation,
  type ApprovalInput,
  type AssistantMessage,
  addUsage,
  type CallMembers,
  type ChatResponse,
  type ChunkOf,
  callMembers,
  defined,
  emptyUsage,
  type FinishChunk,
  type HostedTool,
  type OutputAudio,
  type OutputFile,
  type OutputImage,
  type PartialResponse,
  type StreamChunk,
  type TokenLogprob,
  type ToolCall,
  type ToolMessage,
  toPendingApprovals,
  type Usage,
  type Warning,
} from '../chat/index.js'
import { MisuseError } from './errors.js'

interface CallState {
  readonly id: string
  readonly name: string
  readonly isCustom: boolean
  readonly members: CallMembers
  text: string
  isOpen: boolean
}

/** One model turn while it is accumulated. */
class Turn {
  text = ''
  phase: string | undefined
  /** Length of the text up to the end of the last commentary. */
  commentary = 0
  reasoning = ''
  refusal = ''
  calls: CallState[] = []
  annotations: Annotation[] = []
  files: ChunkOf<'file'>[] = []
  hosted = new Map<string, HostedTool>()
  logprobs: TokenLogprob[] = []
  finish: FinishChunk | undefined

  constructor(readonly start: ChunkOf<'start'>) {}

  clone(): Turn {
    const copy = new Turn(this.start)
    Object.assign(copy, this, {
      calls: this.calls.map((call) => ({ ...call })),
      annotations: [...this.annotations],
      files: [...this.files],
      hosted: new Map(this.hosted),
      logprobs: [...this.logprobs],
    })
    return copy
  }

  message(): AssistantMessage {
    const calls = this.calls.filter((call) => !call.isOpen).map(toToolCall)
    const media = sortFiles(this.files)
    return {
      role: 'assistant',
      content: this.text === '' ? null : this.text,
      ...(this.refusal !== '' && { refusal: this.refusal }),
      ...(calls.length > 0 && { tool_calls: calls }),
      ...(this.reasoning !== '' && { reasoning_content: this.reasoning }),
      ...(this.annotations.length > 0 && { annotations: [...this.annotations] }),
      ...media,
      ...(this.hosted.size > 0 && { hosted_tools: [...this.hosted.values()] }),
      ...(this.phase !== undefined && { phase: this.phase }),
      ...(this.commentary > 0 &&
        this.commentary < this.text.length && { commentary: this.text.slice(0, this.commentary) }),
      ...(this.finish?.native && { native: this.finish.native }),
    }
  }
}

/**
 * Accumulates the chunks of one answer. `add` costs the same for each chunk, however long the
 * answer is.
 */
export class Accumulator {
  private turn: Turn | undefined
  private done: (AssistantMessage | ToolMessage)[] = []
  private usage: Usage | undefined
  private warnings: Warning[] = []
  private approvals: ApprovalInput[] = []
  private isOpen = false
  private answer: ChatResponse | undefined
  /** Complete assistant turns, in order. */
  readonly turns: AssistantMessage[] = []

  add(chunk: StreamChunk): void {
    this.answer = undefined
    const turn = this.turn
    if (this.isOpen && turn) {
      switch (chunk.type) {
        case 'text-delta':
          turn.text += chunk.text
          if (chunk.phase !== undefined) turn.phase = chunk.phase
          if (chunk.phase === 'commentary') turn.commentary = turn.text.length
          return
        case 'reasoning-delta':
          turn.reasoning += chunk.text
          return
        case 'refusal-delta':
          turn.refusal += chunk.text
          return
        case 'tool-call-start':
          startCall(turn, chunk)
          return
        case 'tool-call-delta':
          openCall(turn, chunk).text += chunk.arguments
          return
        case 'tool-call-end':
          openCall(turn, chunk).isOpen = false
          return
        case 'hosted-tool': {
          const { type: _, progress: __, ...tool } = chunk
          turn.hosted.set(chunk.id, { ...turn.hosted.get(chunk.id), ...defined(tool) })
          return
        }
        case 'annotation':
          turn.annotations.push(chunk.annotation)
          return
        case 'file':
          turn.files.push(chunk)
          return
        case 'logprobs':
          turn.logprobs.push(...chunk.content)
          return
        case 'finish':
          this.finish(turn, chunk)
          return
      }
    }
    this.addOutside(chunk)
  }

  addAll(chunks: readonly StreamChunk[]): void {
    for (const chunk of chunks) this.add(chunk)
  }

  /** Adds the chunks of a whole answer, and keeps the answer itself if nothing precedes it. */
  adopt(answer: ChatResponse, chunks: readonly StreamChunk[]): void {
    const isFirst = this.turn === undefined && this.done.length === 0 && this.warnings.length === 0
    this.addAll(chunks)
    if (isFirst) this.answer = answer
  }

  /** True with at least one turn, none of them open. */
  get isComplete(): boolean {
    return this.turn !== undefined && !this.isOpen
  }

  /** The message of the open or last turn. */
  get lastMessage(): AssistantMessage | undefined {
    return this.turn?.message()
  }

  /** The whole answer, once a turn is complete and none is open. */
  response(): ChatResponse | undefined {
    const finish = this.turn?.finish
    if (!this.isComplete || !finish) return undefined
    this.answer ??= {
      ...this.base(),
      finish_reason: finish.finish_reason,
      ...defined({
        native_finish_reason: finish.native_finish_reason,
        stop_sequence: finish.stop_sequence,
        service_tier: finish.service_tier,
        parsed: finish.parsed,
        provider_specific_fields: finish.provider_specific_fields,
      }),
    }
    return this.answer
  }

  /**
   * The answer so far; undefined before any content. It may begin with results of an earlier turn's
   * calls.
   */
  partial(): PartialResponse | undefined {
    if (!this.turn && this.done.length === 0) return undefined
    const unfinished = (this.turn?.calls ?? []).filter((call) => call.isOpen).map(toToolCall)
    return {
      ...this.base(),
      finish_reason: null,
      ...(unfinished.length > 0 && { unfinished_tool_calls: unfinished }),
    }
  }

  clone(): Accumulator {
    const copy = new Accumulator()
    copy.turn = this.turn?.clone()
    copy.done = [...this.done]
    copy.usage = this.usage
    copy.warnings = [...this.warnings]
    copy.approvals = [...this.approvals]
    copy.isOpen = this.isOpen
    copy.answer = this.answer
    copy.turns.push(...this.turns)
    return copy
  }

  private base(): Omit<ChatResponse, 'finish_reason'> {
    const { turn } = this
    const { id, created, model, provider, request_id } = turn?.start ?? unknownStart
    const latest = this.isOpen ? turn?.message() : (this.turns.at(-1) ?? turn?.message())
    const message: AssistantMessage = latest ?? { role: 'assistant', content: null }
    const messages = this.isOpen ? [...this.done, message] : [...this.done]
    return {
      id,
      created,
      model,
      provider,
      text: message.content ?? '',
      message,
      messages,
      usage: this.usage ?? emptyUsage,
      attempts: [],
      warnings: [...this.warnings],
      ...(this.approvals.length > 0 && {
        approvals: toPendingApprovals(this.approvals, messages),
      }),
      ...(turn && turn.logprobs.length > 0 && { logprobs: { content: [...turn.logprobs] } }),
      ...(request_id !== undefined && { request_id }),
    }
  }

  private addOutside(chunk: StreamChunk): void {
    switch (chunk.type) {
      case 'warning':
        this.warnings.push(chunk.warning)
        return
      case 'data':
        return
      case 'tool-result':
        this.done.push(toToolMessage(chunk))
        return
      case 'tool-approval':
        this.approvals.push({ id: chunk.id, tool_call_id: chunk.tool_call_id })
        return
      case 'start':
        if (this.isOpen) throw misuse(`a 'start' came before the 'finish' of the open turn`)
        this.turn = new Turn(chunk)
        this.isOpen = true
        return
      default:
        throw misuse(`a '${chunk.type}' came outside 'start' … 'finish'`)
    }
  }

  private finish(turn: Turn, chunk: FinishChunk): void {
    const open = turn.calls.find((call) => call.isOpen)
    if (open) throw misuse(`the turn finished while the call of '${open.name}' was open`)
    turn.finish = chunk
    this.isOpen = false
    this.usage = addUsage(this.usage, chunk.usage)
    const message = turn.message()
    this.turns.push(message)
    this.done.push(message)
  }
}

/** For an answer that ended before its first turn. */
const unknownStart: Omit<ChunkOf<'start'>, 'type'> = { id: '', created: 0, model: '', provider: '' }

const misuse = (what: string) =>
  new MisuseError(`Chunks out of order: ${what}`, { code: 'grammar' })

function startCall(turn: Turn, chunk: ChunkOf<'tool-call-start'>): void {
  const { index, id, name, kind } = chunk
  if (index !== turn.calls.length)
    throw misuse(`tool call ${index} started, expected ${turn.calls.length}`)
  const members = callMembers(chunk)
  turn.calls.push({ id, name, isCustom: kind === 'custom', members, text: '', isOpen: true })
}

function openCall(turn: Turn, chunk: { readonly type: string; readonly index: number }): CallState {
  const call = turn.calls[chunk.index]
  if (!call?.isOpen) throw misuse(`a '${chunk.type}' names call ${chunk.index}, which is not open`)
  return call
}

function toToolCall({ id, name, isCustom, members, text }: CallState): ToolCall {
  return isCustom
    ? { id, type: 'custom', custom: { name, input: text }, ...members }
    : { id, type: 'function', function: { name, arguments: text === '' ? '{}' : text }, ...members }
}

const toToolMessage = (chunk: ChunkOf<'tool-result'>): ToolMessage => ({
  role: 'tool',
  tool_call_id: chunk.tool_call_id,
  content: chunk.content,
  ...(chunk.name !== '' && { name: chunk.name }),
  ...(chunk.is_error && { is_error: true as const }),
})

function sortFiles(chunks: readonly ChunkOf<'file'>[]) {
  const images: OutputImage[] = []
  const files: OutputFile[] = []
  const sound: ChunkOf<'file'>[] = []
  for (const chunk of chunks) {
    const { media_type, data, url, file_id, name } = chunk
    const isImage = media_type.startsWith('image/') && (data !== undefined || url !== undefined)
    const isSound =
      media_type.startsWith('audio/') && (sound[0]?.media_type ?? media_type) === media_type
    if (isImage)
      images.push({
        type: 'image_url',
        image_url: { url: url ?? `data:${media_type};base64,${data}` },
      })
    else if (isSound) sound.push(chunk)
    else files.push({ media_type, ...defined({ data, file_id, name }) })
  }
  const audio = toAudio(sound)
  return {
    ...(images.length > 0 && { images }),
    ...(audio && { audio }),
    ...(files.length > 0 && { files }),
  }
}

function toAudio(chunks: readonly ChunkOf<'file'>[]): OutputAudio | undefined {
  const [first] = chunks
  if (!first) return undefined
  const pick = <K extends 'file_id' | 'expires_at'>(name: K) =>
    chunks.find((chunk) => chunk[name] !== undefined)?.[name]
  const transcript = chunks.map((chunk) => chunk.transcript ?? '').join('')
  return {
    data: joinBase64(chunks.map((chunk) => chunk.data ?? '')),
    format: first.media_type.slice('audio/'.length),
    ...defined({ id: pick('file_id'), expires_at: pick('expires_at') }),
    ...(transcript !== '' && { transcript }),
  }
}

/** Joins pieces that end at a group border as text; others by their bytes. */
function joinBase64(pieces: readonly string[]): string {
  if (pieces.slice(0, -1).every((piece) => piece.length % 4 === 0 && !piece.endsWith('=')))
    return pieces.join('')
  return btoa(pieces.map((piece) => atob(piece)).join(''))
}

/**
 * The whole answer of these chunks; undefined if they contain none, or an incomplete one. Throws
 * `MisuseError` for an impossible order.
 */
export function accumulate(chunks: Iterable<StreamChunk>): ChatResponse | undefined {
  const state = new Accumulator()
  for (const chunk of chunks) state.add(chunk)
  return state.response()
}
