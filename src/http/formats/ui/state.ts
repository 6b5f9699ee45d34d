/** The state of an encoder: queued events, the open part, known calls. */
import type { FileChunk, FinishChunk, ToolApproval, Usage, Warning } from '../../../chat/index.js'
import type { AnswerContext } from '../format.js'
import { TurnSigner } from './turn-signer.js'
import type { UiEvent, UiMetadata } from './wire.js'

/** A call of the open turn. */
export interface CallState {
  /** The id the client has for it. */
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
  /** Calls of the open turn, by index. */
  calls = new Map<number, CallState>()
  private readonly callIds = new Map<string, string>()
  private readonly callNames = new Map<string, string>()
  readonly hosted = new Map<string, HostedState>()
  readonly sources = new Set<string>()
  /** Audio chunks, joined into one file at the end of the turn. */
  audioChunks: FileChunk[] = []
  readonly warnings: Warning[] = []
  requestId: string | undefined
  finish: FinishChunk | undefined
  usage: Usage | undefined

  /** Part ids are kept in the message: a continued answer must not reuse earlier ones. */
  private readonly prefix: string

  constructor(readonly context: AnswerContext) {
    const { continuesAt = 0 } = context.incoming
    this.prefix = continuesAt > 0 ? `${continuesAt}-` : ''
    this.turnSigner = new TurnSigner(context)
  }

  /** Queues an event; consecutive deltas of one part are merged. */
  emit(event: UiEvent): void {
    this.begin()
    const last = this.events.at(-1)
    if (event.type === 'tool-input-delta' && last?.type === event.type) {
      if (last.toolCallId === event.toolCallId) {
        last.inputTextDelta += event.inputTextDelta
        return
      }
    } else if (event.type === 'text-delta' || event.type === 'reasoning-delta') {
      // part ids are unique, and no other event is queued in between
      if (last?.type === event.type && last.id === event.id) {
        last.delta += event.delta
        return
      }
    }
    this.events.push({ ...event })
  }

  addText(kind: 'text' | 'reasoning', delta: string): void {
    if (delta === '') return
    if (this.open?.kind !== kind) {
      this.close()
      this.open = { kind, id: `${kind}-${this.prefix}${++this.parts}` }
      this.emit({ type: `${kind}-start`, id: this.open.id })
    }
    this.emit({ type: `${kind}-delta`, id: this.open.id, delta })
    this.turnSigner.addText(kind, delta)
  }

  /** Ends the open text or reasoning. */
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

  /** Ends the step when the next one starts: results of its calls still belong to it. */
  finishStep(): void {
    this.close()
    if (this.isStepOpen) this.emit({ type: 'finish-step' })
    this.isStepOpen = false
  }

  note(metadata: UiMetadata): void {
    this.emit({ type: 'message-metadata', messageMetadata: metadata })
  }

  /** Removes and returns the queued events, with all signatures that are ready. */
  take(): readonly UiEvent[] {
    for (const metadata of this.turnSigner.take()) this.note(metadata)
    const { events } = this
    this.events = []
    return events
  }

  /** Assigns the client's id of a call: servers that number calls anew each turn repeat ids. */
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

  /** True for a call the client has or may have: a continued answer's earlier steps are unknown. */
  isKnown(id: string): boolean {
    return this.callNames.has(id) || this.context.incoming.continues !== undefined
  }

  /** The client's denial of this call. */
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
