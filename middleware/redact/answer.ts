/**
 * Edits an answer independent of chunk boundaries: text as it streams, arguments and the like once
 * complete.
 */
import {
  type Annotation,
  type ChunkOf,
  defined,
  type FinishChunk,
  type StreamChunk,
  type Warning,
} from '../../src/chat/index.js'
import type { Transform } from '../../src/core/index.js'
import { editContent, editValue, TextCollector, type TextMap, wordsOnly } from './mask.js'
import type { OriginalData } from './original.js'
import { editHosted, editResult } from './request.js'
import type { SearchRule } from './rules.js'
import type { Hit } from './search.js'
import { TextEditor } from './text.js'

export interface AnswerEdit {
  readonly rules: readonly SearchRule[]
  /** The replacement of a hit in streamed text; undefined keeps it. */
  readonly replace: (text: string, channel: Channel, hit: Hit) => string | undefined
  /** Edits everything but streamed text. */
  readonly map: TextMap
  /** Edits reasoning too. */
  readonly reasoning: boolean
  /** Edits text when its turn is complete: as JSON, or by a service. */
  readonly whole?: 'json' | 'text' | undefined
  /** Receives texts before they are edited. */
  readonly prepare?: ((texts: readonly string[]) => Promise<void>) | undefined
  /** Edits the end of a turn. `said` is what the model wrote, `isEdited` whether it was changed. */
  readonly finish: (chunk: FinishChunk, original: OriginalData, isEdited: boolean) => FinishChunk
  readonly warn: (warning: Warning) => void
}

type Emit = (chunk: StreamChunk) => void
export type Channel = 'text-delta' | 'reasoning-delta' | 'refusal-delta'
const channels: readonly Channel[] = ['reasoning-delta', 'text-delta', 'refusal-delta']

const byChannel = <T>(make: (channel: Channel) => T): Record<Channel, T> => ({
  'reasoning-delta': make('reasoning-delta'),
  'text-delta': make('text-delta'),
  'refusal-delta': make('refusal-delta'),
})

export function editAnswer(edit: AnswerEdit): Transform {
  let turn = new Turn(edit)
  return (chunk, emit) => {
    // drops what a failed attempt left
    if (chunk.type === 'start') turn = new Turn(edit)
    return turn.handle(chunk, emit)
  }
}

class Turn {
  private readonly raw = byChannel(() => '')
  private readonly editors: Readonly<Record<Channel, TextEditor>>
  private readonly calls = new Map<number, { text: string; readonly isCustom: boolean }>()
  private readonly annotations: ChunkOf<'annotation'>[] = []
  private phase: string | undefined
  private isEdited = false
  private hasWarned = false

  constructor(private readonly edit: AnswerEdit) {
    this.editors = byChannel((channel) => {
      const replace = (hit: Hit, text: string) =>
        this.replaced(edit.replace(text, channel, hit), text)
      return new TextEditor(edit.rules, replace)
    })
  }

  handle(chunk: StreamChunk, emit: Emit): void | Promise<void> {
    switch (chunk.type) {
      case 'text-delta':
      case 'refusal-delta':
        this.flush('reasoning-delta', emit)
        if (chunk.type === 'text-delta') this.turnTo(chunk.phase, emit)
        return this.addText(chunk.type, chunk.text, emit)
      case 'reasoning-delta':
        return this.addText(chunk.type, chunk.text, emit)
      case 'tool-call-start':
        this.flushAll(emit)
        this.calls.set(chunk.index, { text: '', isCustom: chunk.kind === 'custom' })
        return emit(chunk)
      case 'tool-call-delta':
        return this.addArguments(chunk)
      case 'tool-call-end':
        return this.endCall(chunk, emit)
      case 'annotation':
        this.annotations.push(chunk)
        return
      case 'logprobs':
        return this.dropLogprobs()
      case 'finish':
        return this.finish(chunk, emit)
      default:
        if (chunk.type === 'start' || chunk.type === 'data' || chunk.type === 'tool-approval')
          return emit(chunk)
        this.flushAll(emit)
        return this.whenSeen(
          (map) => editOther(chunk, map),
          () => emit(editOther(chunk, this.map)),
        )
    }
  }

  private addText(channel: Channel, text: string, emit: Emit): void {
    this.raw[channel] += text
    if (this.isOpen(channel) && this.edit.whole) return
    const ready = this.isOpen(channel) ? this.editors[channel].add(text) : text
    this.emitText(channel, ready, emit)
  }

  /** Texts of two phases are separate texts. */
  private turnTo(phase: string | undefined, emit: Emit): void {
    if (phase !== this.phase) this.flush('text-delta', emit)
    this.phase = phase
  }

  private emitText(type: Channel, text: string, emit: Emit): void {
    if (text === '') return
    emit(type === 'text-delta' ? { type, text, ...defined({ phase: this.phase }) } : { type, text })
  }

  private isOpen = (channel: Channel) => channel !== 'reasoning-delta' || this.edit.reasoning

  private flush(channel: Channel, emit: Emit): void {
    if (this.edit.whole) return
    const text = this.editors[channel].flush()
    this.emitText(channel, text, emit)
  }

  private flushAll(emit: Emit): void {
    for (const channel of channels) this.flush(channel, emit)
  }

  private addArguments({ index, arguments: text }: ChunkOf<'tool-call-delta'>): void {
    const call = this.calls.get(index)
    if (call) call.text += text
  }

  private endCall(chunk: ChunkOf<'tool-call-end'>, emit: Emit): void | Promise<void> {
    const { index } = chunk
    const call = this.calls.get(index)
    const edit = (map: TextMap) => {
      if (!call) return ''
      return call.isCustom ? map.text(call.text) : map.json(call.text)
    }
    return this.whenSeen(edit, () => {
      const edited = edit(this.map)
      if (edited !== '') emit({ type: 'tool-call-delta', index, arguments: edited })
      emit(chunk)
    })
  }

  private dropLogprobs(): void {
    if (this.hasWarned) return
    this.hasWarned = true
    this.edit.warn({
      code: 'dropped',
      param: 'logprobs',
      message: 'redact() dropped the log-probabilities: their tokens show what is masked',
    })
  }

  private finish(chunk: FinishChunk, emit: Emit): void | Promise<void> {
    this.flushAll(emit)
    const collect = (map: TextMap) => {
      if (this.edit.whole) for (const channel of channels) this.wholeText(channel, map)
      for (const { annotation } of this.annotations) editValue(annotation, map)
      editEnd(chunk, map)
    }
    return this.whenSeen(collect, () => {
      if (this.edit.whole) this.emitWhole(emit)
      for (const { annotation } of this.annotations)
        emit({ type: 'annotation', annotation: this.annotation(annotation) })
      emit(this.edit.finish(editEnd(chunk, this.map), this.original(), this.isEdited))
    })
  }

  private emitWhole(emit: Emit): void {
    for (const channel of channels) {
      const text = this.wholeText(channel, this.map)
      if (this.isOpen(channel)) this.emitText(channel, text, emit)
    }
  }

  private wholeText(channel: Channel, map: TextMap): string {
    const text = this.raw[channel]
    const isJson = channel === 'text-delta' && this.edit.whole === 'json'
    return isJson ? editContent(text, map) : map.text(text)
  }

  private original(): OriginalData {
    return {
      content: this.raw['text-delta'],
      reasoning: this.raw['reasoning-delta'],
      refusal: this.raw['refusal-delta'],
      arguments: [...this.calls.values()].map(({ text, isCustom }) =>
        text === '' && !isCustom ? '{}' : text,
      ),
    }
  }

  /**
   * Edits its strings and shifts its positions with the text; drops positions if the text was
   * edited as a whole.
   */
  private annotation(annotation: Annotation): Annotation {
    // the same members, strings as strings
    const edited = editValue(annotation, wordsOnly(this.map)) as Annotation
    const editor = this.editors['text-delta']
    const moved = <Place extends { start_index?: number; end_index?: number }>(place: Place) => {
      const { start_index: start, end_index: end, ...rest } = place
      if (this.edit.whole) {
        if (start !== undefined || end !== undefined) this.warnOfPlaces()
        return rest
      }
      return {
        ...rest,
        ...(start !== undefined && { start_index: editor.moved(start, false) }),
        ...(end !== undefined && { end_index: editor.moved(end, true) }),
      }
    }
    return edited.type === 'url_citation'
      ? { ...edited, url_citation: { ...moved(edited.url_citation) } }
      : { ...edited, file_citation: moved(edited.file_citation) }
  }

  private warnOfPlaces(): void {
    this.edit.warn({
      code: 'dropped',
      param: 'annotations',
      message: 'redact() dropped the positions of citations: the text was edited as a whole',
    })
  }

  private replaced(value: string | undefined, text: string): string | undefined {
    this.isEdited ||= value !== undefined && value !== text
    return value
  }

  private get map(): TextMap {
    const { map } = this.edit
    const seen = <T>(edited: T, text: unknown): T => {
      this.isEdited ||= edited !== text
      return edited
    }
    return {
      text: (text) => seen(map.text(text), text),
      json: (text) => seen(map.json(text), text),
      number: (value) => seen(map.number(value), value),
    }
  }

  private whenSeen(edit: (map: TextMap) => unknown, run: () => void): void | Promise<void> {
    const { prepare } = this.edit
    if (!prepare) return run()
    const collector = new TextCollector()
    edit(collector)
    return prepare(collector.all).then(run)
  }
}

/** Chunks that arrive complete. */
function editOther(chunk: StreamChunk, map: TextMap): StreamChunk {
  switch (chunk.type) {
    case 'hosted-tool': {
      // progress is partial text, which rules cannot match
      const { progress: _, ...rest } = chunk
      return editHosted(rest, map)
    }
    case 'tool-result':
      return { ...chunk, content: editResult(chunk.content, map) }
    case 'warning':
      return { ...chunk, warning: { ...chunk.warning, message: map.text(chunk.warning.message) } }
    case 'file':
      return {
        ...chunk,
        ...(chunk.name !== undefined && { name: map.text(chunk.name) }),
        ...(chunk.transcript !== undefined && { transcript: map.text(chunk.transcript) }),
      }
    default:
      return chunk
  }
}

/** Edits the texts of a finish: the stop sequence, and the provider's extra fields. */
function editEnd(chunk: FinishChunk, map: TextMap): FinishChunk {
  const { stop_sequence, provider_specific_fields: fields } = chunk
  return {
    ...chunk,
    ...(stop_sequence !== undefined && { stop_sequence: map.text(stop_sequence) }),
    // a record stays a record
    ...(fields && { provider_specific_fields: editValue(fields, map) as typeof fields }),
  }
}
