/** Records what a message's parts omit, and signs turns and results as they will be sent back. */
import { isObject, type Message, type Native } from '../../../chat/index.js'
import type { AnswerContext } from '../format.js'
import { toResults, toTurn } from './history.js'
import type { CallNote, TurnNote, UiMetadata, UiPart } from './wire.js'

export class TurnSigner {
  private step: number
  private parts: UiPart[] = []
  private calls: Record<string, CallNote> = {}
  private readonly stepOfCall = new Map<string, number>()
  private ready: UiMetadata[] = []
  private pending: Promise<void>[] = []

  constructor(private readonly context: AnswerContext) {
    this.step = context.incoming.continuesAt ?? 0
  }

  startStep(): void {
    this.step++
    this.parts = []
    this.calls = {}
  }

  /** Adds a piece of the turn's text. */
  addText(type: 'text' | 'reasoning', text: string): void {
    if (!this.context.sign) return
    const last = this.parts.at(-1)
    if (last?.type === type)
      this.parts[this.parts.length - 1] = { type, text: `${last.text}${text}` }
    else this.parts.push({ type, text })
  }

  /** Adds a part of the turn; `note` is what the input of a complete call omits. */
  add(part: UiPart, note?: CallNote): void {
    const id = String(part.toolCallId)
    this.stepOfCall.set(id, this.step)
    if (note) this.calls[id] = note
    if (this.context.sign) this.parts.push(part)
  }

  /** Signs the complete turn; without native blocks if reasoning is hidden, as they contain it. */
  endTurn(native: Native | undefined): void {
    const { sign, expose } = this.context
    const note: TurnNote = {
      ...(native?.content && sign && expose.reasoning && { native }),
      ...(Object.keys(this.calls).length > 0 && { calls: this.calls }),
    }
    if (Object.keys(note).length > 0) this.note(this.step, note)
    if (!sign) return
    const { step } = this
    const turn = toTurn(this.parts, { ...note, mac: '' })
    if (turn) this.sign(turn, (mac) => this.note(step, { mac }))
  }

  /** Signs the result of a call. */
  addResult(part: UiPart): void {
    const id = String(part.toolCallId)
    const step = this.stepOfCall.get(id) ?? this.step
    const reason = isObject(part.approval) ? part.approval.reason : undefined
    if (typeof reason === 'string') this.note(step, { reasons: { [id]: reason } })
    for (const result of toResults([part]))
      this.sign(result, (mac) => this.note(step, { results: { [id]: mac } }))
  }

  /** Removes and returns the metadata to send. */
  take(): readonly UiMetadata[] {
    const { ready } = this
    this.ready = []
    return ready
  }

  get isSigning(): boolean {
    return this.pending.length > 0
  }

  /** Resolves when all signatures are made. */
  async settled(): Promise<void> {
    const { pending } = this
    this.pending = []
    await Promise.all(pending)
  }

  private note(step: number, note: TurnNote): void {
    this.ready.push({ turns: { [step]: note } })
  }

  private sign(message: Message, onSigned: (mac: string) => void): void {
    const { sign } = this.context
    if (!sign || (message.role !== 'assistant' && message.role !== 'tool')) return
    const signed = sign(message).then(onSigned)
    // `settled` rejects with the same error
    signed.catch(() => {})
    this.pending.push(signed)
  }
}
