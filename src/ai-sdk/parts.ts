/** Converts chunks to stream parts of any version: a table of chunk types over a small state. */
import {
  type Annotation,
  type ChatResponse,
  type ChunkOf,
  defined,
  type FileChunk,
  type Native,
  parseJson,
  type StreamChunk,
} from '../chat/index.js'
import { joinApproval, noted, type PartNote, plain } from './note.js'
import type { ModelCallOptions, ModelPart, ModelTool, Specification } from './types.js'

interface Call {
  readonly id: string
  readonly name: string
  readonly isCustom: boolean
  text: string
}

interface Block {
  readonly type: 'text' | 'reasoning'
  readonly id: string
  readonly refusal?: true
}

/** The parts of one response. `end` emits the calls not run here, for the AI SDK to run. */
export class PartEncoder {
  #parts: ModelPart[] = []
  #made = 0
  #block: Block | undefined
  #native: Native | undefined
  #hasBegun = false
  /** Calls of the current or last turn, by their index. */
  #turn: Call[] = []
  /** Calls without an outcome, by id. */
  readonly #open = new Map<string, Call>()
  readonly #hosted = new Map<string, string>()
  readonly #sources = new Set<string>()

  readonly #tools: readonly ModelTool[]

  constructor(
    private readonly version: Specification,
    private readonly options: Pick<ModelCallOptions, 'prompt' | 'tools'>,
  ) {
    this.#tools = options.tools ?? []
  }

  encode(chunks: readonly StreamChunk[]): ModelPart[] {
    // the compiler cannot see that row and chunk are of one type
    for (const chunk of chunks)
      (this.#on[chunk.type] as ((chunk: StreamChunk) => void) | undefined)?.(chunk)
    return this.#take()
  }

  end({ message: { audio } }: Pick<ChatResponse, 'message'>): ModelPart[] {
    // a stream carries audio in pieces
    if (audio) this.#emitFile({ media_type: `audio/${audio.format ?? 'wav'}`, data: audio.data })
    for (const call of this.#open.values()) this.#emitCall(call)
    return this.#take()
  }

  readonly #on: { readonly [Type in StreamChunk['type']]?: (chunk: ChunkOf<Type>) => void } = {
    start: ({ id, created, model: modelId }) => {
      this.#turn = []
      if (this.#hasBegun) return
      this.#hasBegun = true
      this.#emit({ type: 'response-metadata', id, timestamp: new Date(created * 1000), modelId })
    },
    'text-delta': ({ text }) => this.#emitText({ type: 'text' }, text),
    'reasoning-delta': ({ text }) => this.#emitText({ type: 'reasoning' }, text),
    // the AI SDK has no part for refusals
    'refusal-delta': ({ text }) => this.#emitText({ type: 'text', refusal: true }, text),
    'tool-call-start': ({ id, name, kind }) => {
      this.#close()
      const call = { id, name, isCustom: kind === 'custom', text: '' }
      this.#turn.push(call)
      this.#open.set(id, call)
      if (this.#isShown(name))
        this.#emit({ type: 'tool-input-start', id, toolName: name, ...this.#flags(name) })
    },
    'tool-call-delta': ({ index, arguments: delta }) => {
      const call = this.#turn[index]
      if (!call) return
      call.text += delta
      if (this.#isShown(call.name)) this.#emit({ type: 'tool-input-delta', id: call.id, delta })
    },
    'tool-call-end': ({ index }) => {
      const call = this.#turn[index]
      if (call && this.#isShown(call.name)) this.#emit({ type: 'tool-input-end', id: call.id })
    },
    'tool-result': (chunk) => this.#emitResult(chunk),
    'tool-approval': ({ id, tool_call_id }) => {
      const call = this.#open.get(tool_call_id)
      if (!call || this.version === 'v2') return
      this.#emitCall(call, { ran: true })
      const approvalId = joinApproval(id, tool_call_id)
      this.#emit({ type: 'tool-approval-request', approvalId, toolCallId: tool_call_id })
    },
    'hosted-tool': (chunk) => this.#emitHosted(chunk),
    annotation: ({ annotation }) => this.#emitSource(annotation),
    file: (chunk) => {
      if (!isAudio(chunk)) this.#emitFile(chunk)
    },
    finish: ({ native }) => {
      this.#native = native
      // the first call carries the native blocks
      if (this.#turn.length > 0) return this.#close()
      // ai 5 drops the metadata at the end of a text
      const canHold = this.#block && (this.version !== 'v2' || this.#block.type === 'reasoning')
      if (native?.content && !canHold) {
        this.#close()
        this.#emitText({ type: 'reasoning' }, '')
      }
      this.#close(this.#takeNative())
    },
  }

  #emit(part: ModelPart): void {
    this.#parts.push(part)
  }

  #take(): ModelPart[] {
    const parts = this.#parts
    this.#parts = []
    return parts
  }

  #emitText({ type, refusal }: Omit<Block, 'id'>, delta: string): void {
    if (this.#block?.type !== type || this.#block.refusal !== refusal) {
      this.#close()
      this.#block = { type, id: String(this.#made++), ...(refusal && { refusal }) }
      this.#emit({ type: `${type}-start`, id: this.#block.id })
    }
    if (delta !== '') this.#emit({ type: `${type}-delta`, id: this.#block.id, delta })
  }

  #close(note: PartNote = {}): void {
    const block = this.#block
    if (!block) return
    this.#block = undefined
    const { type, id, refusal } = block
    this.#emit({ type: `${type}-end`, id, ...noted({ ...note, ...(refusal && { refusal }) }) })
  }

  #takeNative(): PartNote {
    const native = this.#native
    this.#native = undefined
    return native ? { native } : {}
  }

  // -- tools -----------------------------------------------------------------------------------------------------------

  #isOffered = (name: string) => this.#tools.some((tool) => tool.name === name)

  /** Version 2 accepts only calls of the tools that it offered, and throws on any other. */
  #isShown = (name: string) => this.version !== 'v2' || this.#isOffered(name)

  /** A tool that was not offered is the stack's or the provider's. */
  #flags = (name: string) =>
    this.#isOffered(name) ? {} : { providerExecuted: true, dynamic: true }

  #emitCall(call: Call, note: PartNote = {}): void {
    const { id: toolCallId, name: toolName, isCustom, text } = call
    this.#open.delete(toolCallId)
    const input = isCustom ? JSON.stringify(text) : text || '{}'
    const isExact = isCustom || text === JSON.stringify(parseJson(text))
    const flags = note.ran && { ...this.#flags(toolName), providerExecuted: true }
    this.#emit({
      type: 'tool-call',
      toolCallId,
      toolName,
      input,
      ...flags,
      ...noted({ ...note, ...this.#takeNative(), ...(!isExact && { arguments: text }) }),
    })
  }

  #emitResult({ tool_call_id: toolCallId, name, content, is_error }: ChunkOf<'tool-result'>): void {
    const call = this.#open.get(toolCallId)
    const toolName = call?.name ?? name
    this.#open.delete(toolCallId)
    if (!this.#isShown(toolName)) return
    if (call) this.#emitCall(call, { ran: true })
    else this.#repeatCall(toolCallId)
    this.#emit({
      type: 'tool-result',
      toolCallId,
      toolName,
      result: plain(content) ?? '',
      ...this.#flags(toolName),
      ...(is_error && { isError: true }),
      ...noted({ ran: true }),
    })
  }

  /** Repeats a call of an earlier turn that awaited approval: a result needs its call. */
  #repeatCall(id: string): void {
    const parts = this.options.prompt.flatMap(({ content }) =>
      typeof content === 'string' ? [] : content,
    )
    const call = parts.find((part) => part.type === 'tool-call' && part.toolCallId === id)
    if (!call) return
    const { toolName: name = '', input } = call
    const text = JSON.stringify(input ?? {})
    this.#emitCall({ id, name, isCustom: false, text }, { ran: true, again: true })
  }

  /** Input and output may arrive in any chunk of a hosted tool, or never. */
  #emitHosted({ id: toolCallId, name, status, input, output }: ChunkOf<'hosted-tool'>): void {
    const toolName = this.#nameOfHosted(name)
    if (!this.#isShown(toolName)) return
    const flags = { ...this.#flags(toolName), providerExecuted: true }
    const state = this.#hosted.get(toolCallId)
    const isOver = status !== 'running'
    if (!state && (input !== undefined || isOver)) {
      this.#close()
      this.#hosted.set(toolCallId, 'called')
      const text = JSON.stringify(input ?? {})
      this.#emit({ type: 'tool-call', toolCallId, toolName, input: text, ...flags })
    }
    if (!isOver || state === 'over') return
    this.#hosted.set(toolCallId, 'over')
    const isError = status === 'failed'
    const result = plain(output) ?? {}
    this.#emit({ type: 'tool-result', toolCallId, toolName, result, ...flags, isError })
  }

  /** The app's name for the tool, found by its id: `web_search_20250305` is `web_search`. */
  #nameOfHosted(name: string): string {
    const isIt = ({ id }: ModelTool) => id?.slice(id.indexOf('.') + 1).startsWith(name)
    return this.#tools.find(isIt)?.name ?? name
  }

  // -- sources and files -----------------------------------------------------------------------------------------------

  #emitSource(annotation: Annotation): void {
    const source =
      annotation.type === 'url_citation'
        ? toSourceUrl(annotation.url_citation)
        : toSourceDocument(annotation.file_citation)
    const key = JSON.stringify(source)
    if (this.#sources.has(key)) return
    this.#sources.add(key)
    this.#emit({ type: 'source', id: `source-${this.#sources.size}`, ...source })
  }

  /** A file without data or URL is stored at its provider only, in `native`. */
  #emitFile({ media_type, data, url }: Pick<FileChunk, 'media_type' | 'data' | 'url'>): void {
    this.#close()
    if (data === undefined && url) this.#emitSource({ type: 'url_citation', url_citation: { url } })
    if (data === undefined) return
    const mediaType = media_type
    this.#emit({
      type: 'file',
      mediaType,
      data: this.version === 'v4' ? { type: 'data', data } : data,
    })
  }
}

const isAudio = ({ media_type }: FileChunk) => media_type.startsWith('audio/')

const toSourceUrl = ({ url, title }: { readonly url: string; readonly title?: string }) =>
  ({ sourceType: 'url', url, ...defined({ title }) }) as const

function toSourceDocument({
  filename,
  file_id,
  page,
}: Extract<Annotation, { readonly type: 'file_citation' }>['file_citation']) {
  const title = filename ?? file_id ?? 'Document'
  const isPdf = page !== undefined || /\.pdf$/i.test(title)
  const mediaType = isPdf ? 'application/pdf' : 'text/plain'
  return { sourceType: 'document', mediaType, title, ...defined({ filename }) } as const
}
