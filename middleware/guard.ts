/** Checks what is sent to the model and what it returns; refused content is never emitted. */
import {
  type ChunkOf,
  isObject,
  type Message,
  type StreamChunk,
  textOfContent,
} from '../src/chat/index.js'
import {
  ContentPolicyViolationError,
  type Context,
  layer,
  type Middleware,
  MisuseError,
  type Transform,
} from '../src/core/index.js'
import { unlessAborted } from './clock.js'

/**
 * `text` is all new text of the question, or all text of the answer so far: reasoning, text,
 * refusals, tool arguments and results, each in one piece. True accepts it; a string is the reason
 * of a refusal.
 */
export type GuardCheck<State = {}> = (
  text: string,
  ctx: Context<State>,
) => true | string | Promise<true | string>

export interface GuardOptions<State = {}> {
  /** Checks the messages after the last answer, before the provider is called. */
  readonly input?: GuardCheck<State> | undefined
  /** Checks the answer before it is emitted. */
  readonly output?: GuardCheck<State> | undefined
  /**
   * How much of the answer is held for a check: each sentence, or each turn of the model.
   * @default 'sentence'
   */
  readonly hold?: 'sentence' | 'all' | undefined
}

/**
 * Calls your function with each new question and after each sentence of an answer. A refusal is a
 * `ContentPolicyViolationError` (code `guard`) with the reason in its message; refused content is
 * in no chunk, answer, `partial` or tool. A check that throws, or returns neither true nor a
 * reason, refuses.
 *
 * Place: outside `history`, `tools` and `retry`, inside layers that store conversations.
 *
 * Throws `MisuseError` at construction without a check.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [guard({ output: (text) => !/bomb/i.test(text) || 'weapons' })] }) })
 */
export function guard<State = {}>(options: GuardOptions<State>): Middleware<State> {
  const { input, output, hold = 'sentence' } = options ?? {}
  const isCheck = [input, output].every((one) => one === undefined || typeof one === 'function')
  if (!(isCheck && (input || output)) || !(hold === 'sentence' || hold === 'all'))
    throw new MisuseError(
      "guard() needs at least one check: { input, output, hold: 'sentence' | 'all' }",
    )

  return layer<State>(
    'guard',
    async (ctx, next) => {
      const question = input && newText(ctx.request.messages)
      if (question) judge(await unlessAborted(input(question, ctx), ctx.signal), 'question')
      if (output)
        ctx.transform(new HeldAnswer((text) => output(text, ctx), hold === 'sentence').take)
      return next()
    },
    { place: 'outside history' },
  )
}

/** Throws for any verdict but true. */
function judge(verdict: unknown, what: string): void {
  if (verdict === true) return
  const reason = typeof verdict === 'string' ? verdict : 'no reason was given'
  throw new ContentPolicyViolationError(`The ${what} was refused by guard(): ${reason}`, {
    status: 400,
    code: 'guard',
  })
}

// ---- The question -------------------------------------------------------------------------------

/**
 * Text of users and tools after the last answer. A trailing answer that the model is to continue is
 * part of the question.
 */
function newText(messages: readonly Message[]): string {
  const isAnswer = (message: Message) => message?.role === 'assistant'
  const end = messages.findLastIndex((message) => !isAnswer(message))
  const begin = messages.slice(0, end + 1).findLastIndex(isAnswer) + 1
  const own = ['system', 'developer']
  return messages
    .slice(begin)
    .filter((message) => isObject(message) && !own.includes(message.role))
    .flatMap(({ content }) => textsOf(content))
    .join('\n\n')
}

const textsOf = (content: unknown): readonly string[] => {
  if (typeof content === 'string') return [content]
  if (!Array.isArray(content)) return []
  return content.flatMap((part) =>
    isObject(part) && typeof part.text === 'string' ? part.text : [],
  )
}

// ---- The answer ---------------------------------------------------------------------------------

/** A part of the answer, and whether everything up to its end is to be checked then. */
interface Piece {
  readonly chunk?: StreamChunk
  readonly isEnd: boolean
}

type Done = void | Promise<void>

/** The chunks not yet checked, in order. */
class HeldAnswer {
  private held: StreamChunk[] = []
  /** Text by its place: text interrupted by other chunks is still one text. */
  private readonly texts = new Map<string, string>()
  /** There is new text since the last passed check. */
  private isNew = false
  private turn = 0
  private isInTurn = false
  private openCalls = 0
  /** The kind of the current text, and its last units: a sentence may end in the next chunk. */
  private kind = ''
  private tail = ''

  constructor(
    private readonly check: (text: string) => unknown,
    private readonly bySentence: boolean,
  ) {}

  readonly take: Transform = (chunk, emit) => {
    const pieces = this.piecesOf(chunk)
    const from = (index: number): Done => {
      for (let i = index; ; i++) {
        const piece = pieces[i]
        if (!piece) return undefined
        const pending = this.put(piece, emit)
        if (pending) return pending.then(() => from(i + 1))
      }
    }
    return from(0)
  }

  private put({ chunk, isEnd }: Piece, emit: (chunk: StreamChunk) => void): Done {
    if (chunk) this.hold(chunk)
    if (!isEnd) return
    const leave = (verdict: unknown) => {
      judge(verdict, 'answer')
      this.isNew = false
      for (const one of this.held.splice(0)) emit(one)
    }
    if (!this.isNew) return leave(true)
    const verdict = this.check(unescaped([...this.texts.values()].join('\n\n')))
    return isObject(verdict) ? Promise.resolve(verdict).then(leave) : leave(verdict)
  }

  private hold(chunk: StreamChunk): void {
    this.held.push(chunk)
    const [place, text] = wordsOf(chunk)
    if (text === '') return
    const known = `${this.turn} ${place}`
    this.texts.set(known, (this.texts.get(known) ?? '') + text)
    this.isNew = true
  }

  /** Text may be emitted before its turn is over. */
  private get isFlowing() {
    return this.bySentence && this.openCalls === 0
  }

  private piecesOf(chunk: StreamChunk): readonly Piece[] {
    switch (chunk.type) {
      case 'start':
        this.turn++
        this.isInTurn = true
        return [{ chunk, isEnd: true }]
      case 'finish':
        this.isInTurn = false
        this.openCalls = 0
        this.kind = ''
        return [{ chunk, isEnd: true }]
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
        return this.isFlowing ? this.sentencesOf(chunk) : [{ chunk, isEnd: false }]
      case 'tool-call-start': {
        const before = { isEnd: this.isFlowing }
        this.openCalls++
        this.kind = ''
        return [before, { chunk, isEnd: false }]
      }
      case 'tool-call-delta':
        return [{ chunk, isEnd: false }]
      case 'tool-call-end':
        this.openCalls--
        return [{ chunk, isEnd: this.isFlowing }]
      default:
        return [{ chunk, isEnd: !this.isInTurn || (this.isFlowing && this.held.length === 0) }]
    }
  }

  private sentencesOf(chunk: TextChunk): readonly Piece[] {
    const isOther = chunk.type !== this.kind
    if (isOther) this.tail = ''
    this.kind = chunk.type
    const { tail } = this
    const seen = tail + chunk.text
    this.tail = seen.slice(-longestEnd)
    const ends = [...seen.matchAll(sentenceEnd)]
      .map((found) => found.index + found[0].length - tail.length)
      .filter((end) => end > 0)
    const pieces = [...ends, chunk.text.length].map((end, i) => ({
      chunk: { ...chunk, text: chunk.text.slice(ends[i - 1] ?? 0, end) },
      isEnd: i < ends.length,
    }))
    return [{ isEnd: isOther }, ...pieces.filter((piece) => piece.chunk.text !== '')]
  }
}

type TextChunk = ChunkOf<'text-delta' | 'reasoning-delta' | 'refusal-delta'>

/** A full stop ends a sentence only before whitespace: "3." may become "3.14". */
const sentenceEnd = /[.!?…][)\]"'”’»*_]{0,8}\s|[。！？\n]/g
const longestEnd = 10

/** The text of a chunk and its place: the text, the reasoning, the arguments of a call … */
function wordsOf(chunk: StreamChunk): readonly [place: string, words: string] {
  switch (chunk.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return [chunk.type, chunk.text]
    case 'tool-call-delta':
      return [`call ${chunk.index}`, chunk.arguments]
    case 'tool-result':
      return [`result ${chunk.tool_call_id}`, textOfContent(chunk.content)]
    case 'hosted-tool':
      return [`hosted ${chunk.id}`, JSON.stringify([chunk.input, chunk.output, chunk.progress])]
    case 'annotation':
      return ['annotation', JSON.stringify(chunk.annotation)]
    case 'logprobs':
      return ['logprobs', chunk.content.map(({ token }) => token).join('')]
    case 'file':
      return ['file', chunk.transcript ?? '']
    default:
      return ['', '']
  }
}

/** JSON may escape any letter as \uXXXX. */
const unescaped = (text: string) =>
  text.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
