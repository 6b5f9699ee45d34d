/** Where an encoder stands: the events that wait to be sent, the part that is open, the calls that are known. */
import type { FileChunk, FinishChunk, ToolApproval, Usage, Warning } from '../../../chat/index.js'
import type { AnswerContext } from '../format.js'
import { TurnSigner } from './turn-signer.js'
import type { UiEvent, UiMetadata } from './wire.js'

/** A call of the turn, by its index. */
export interface CallState {
  /** As the client knows it. */
  readonly id: string
  readonly name: string
  readonly isCustom: boolean
  text: string
}

export interface HostedState {
  input: unknown
  isInputSent: boolean
  isOver: boolean
}

type Draft<T> = { -readonly [Key in keyof T]: T[Key] }

export class UiState {
  private events: Draft<UiEvent>[] = []
  private open: { readonly kind: 'text' | 'reasoning'; readonly id: string } | undefined
  private parts = 0
  private isStarted = false
  private isStepOpen = false
  readonly turnSigner: TurnSigner
  /** Of the turn that is open, by index. */
  calls = new Map<number, CallState>()
  private readonly callIds = new Map<string, string>()
  private readonly callNames = new Map<string, string>()
  readonly hosted = new Map<string, HostedState>()
  readonly sources = new Set<string>()
  /** Pieces of sound: one file in the end. */
  sounds: FileChunk[] = []
  readonly warnings: Warning[] = []
  requestId: string | undefined
  finish: FinishChunk | undefined
  usage: Usage | undefined

  /** Ids of parts are kept in the message: where an answer goes on, they must differ from those before. */
  private readonly prefix: string

  constructor(readonly context: AnswerContext) {
    const { continuesAt = 0 } = context.incoming
    this.prefix = continuesAt > 0 ? `${continuesAt}-` : ''
    this.turnSigner = new TurnSigner(context)
  }

  /** Pieces of one part that come together go as one event. */
  emit(event: UiEvent): void {
    this.begin()
    const last = this.events.at(-1)
    if (event.type === 'tool-input-delta' && last?.type === event.type) {
      if (last.toolCallId === event.toolCallId) {
        last.inputTextDelta += event.inputTextDelta
        return
      }
    } else if (event.type === 'text-delta' || event.type === 'reasoning-delta') {
      // an open part has its own id, and nothing else comes between its pieces
      if (last?.type === event.type && last.id === event.id) {
        last.delta += event.delta
        return
      }
    }
    this.events.push({ ...event })
  }

  say(kind: 'text' | 'reasoning', delta: string): void {
    if (delta === '') return
    if (this.open?.kind !== kind) {
      this.close()
      this.open = { kind, id: `${kind}-${this.prefix}${++this.parts}` }
      this.emit({ type: `${kind}-start`, id: this.open.id })
    }
    this.emit({ type: `${kind}-delta`, id: this.open.id, delta })
    this.turnSigner.addText(kind, delta)
  }

  /** Ends the text or the reasoning that is open. */
  close(): void {
    if (!this.open) return
    const { kind, id } = this.open
    this.open = undefined
    this.emit({ type: `${kind}-end`, id })
  }

  startStep(): void {
    this.finishStep()
    this.emit({ type: 'start-step' })
    this.isStepOpen = true
    this.calls = new Map()
    this.hosted.clear()
    this.turnSigner.startStep()
  }

  /** A step lasts until the next one: results of its calls are still its own. */
  finishStep(): void {
    this.close()
    if (this.isStepOpen) this.emit({ type: 'finish-step' })
    this.isStepOpen = false
  }

  note(metadata: UiMetadata): void {
    this.emit({ type: 'message-metadata', messageMetadata: metadata })
  }

  /** What waits, signatures that are ready among it. */
  take(): readonly UiEvent[] {
    for (const metadata of this.turnSigner.take()) this.note(metadata)
    const { events } = this
    this.events = []
    return events
  }

  /** The id the client gets for a call: servers that number their calls anew each turn give one id twice. */
  nameCall(id: string, name: string): string {
    const count = this.callNames.size
    const own = this.callNames.has(id) ? `${id}-${count}` : id
    this.callIds.set(id, own)
    this.callNames.set(own, name)
    return own
  }

  /** The client's id of the latest call with this id, and the tool's name. */
  callOf(id: string): { readonly id: string; readonly name: string | undefined } {
    const own = this.callIds.get(id) ?? id
    return { id: own, name: this.callNames.get(own) }
  }

  /** True for a call the client has, or may have: where an answer goes on, its first part is not ours to know. */
  isKnown(id: string): boolean {
    return this.callNames.has(id) || this.context.incoming.continues !== undefined
  }

  /** The no that the client itself gave to this call. */
  denialOf(callId: string): ToolApproval | undefined {
    for (const message of this.context.incoming.messages)
      if (
        message.role === 'tool' &&
        message.tool_call_id === callId &&
        message.approval?.approved === false
      )
        return message.approval
    return undefined
  }

  private begin(): void {
    if (this.isStarted) return
    this.isStarted = true
    const { id, incoming } = this.context
    this.emit({ type: 'start', messageId: incoming.continues ?? id })
  }
}
