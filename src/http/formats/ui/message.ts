/** UI events → the message a client builds from them, for answers that are not streamed. */
import { isObject, type JsonObject } from '../../../chat/index.js'
import type { UiEvent, UiMessage } from './wire.js'

/** A part under construction. */
type OpenPart = { type: string; [key: string]: unknown }

/** Assembles events as `useChat` does. */
export class MessageBuilder {
  private id = ''
  private metadata: JsonObject | undefined
  private readonly parts: OpenPart[] = []
  private readonly byId = new Map<string, OpenPart>()

  add(event: UiEvent): void {
    switch (event.type) {
      case 'start':
        this.id = event.messageId
        return
      case 'start-step':
        this.push({ type: 'step-start' })
        return
      case 'text-start':
        this.push({ type: 'text', text: '', state: 'done' }, event.id)
        return
      case 'reasoning-start':
        this.push({ type: 'reasoning', id: event.id, text: '', state: 'done' }, event.id)
        return
      case 'text-delta':
      case 'reasoning-delta':
        this.edit(event.id, (part) => ({ text: `${part.text}${event.delta}` }))
        return
      case 'tool-input-start': {
        const { toolCallId, toolName, ...rest } = event
        this.push({ ...rest, type: `tool-${toolName}`, toolCallId }, toolCallId)
        return
      }
      case 'tool-input-available': {
        const { input } = event
        this.edit(event.toolCallId, () => ({ state: 'input-available', input }))
        return
      }
      case 'tool-approval-request': {
        const approval = { id: event.approvalId }
        this.edit(event.toolCallId, () => ({ state: 'approval-requested', approval }))
        return
      }
      case 'tool-output-available': {
        const { output } = event
        this.edit(event.toolCallId, () => ({ state: 'output-available', output }))
        return
      }
      case 'tool-output-error': {
        const { errorText } = event
        this.edit(event.toolCallId, () => ({ state: 'output-error', errorText }))
        return
      }
      case 'tool-output-denied':
        this.edit(event.toolCallId, () => ({ state: 'output-denied' }))
        return
      case 'source-url':
      case 'source-document':
      case 'file':
        this.push({ ...event })
        return
      case 'message-metadata':
      case 'finish':
        this.metadata = merge(this.metadata, event.messageMetadata)
        return
    }
    if ('data' in event && !event.transient) this.push({ ...event })
  }

  message(): UiMessage {
    const { id, parts, metadata } = this
    return { id, role: 'assistant', parts, ...(metadata && { metadata }) }
  }

  private push(part: OpenPart, id?: string): void {
    this.parts.push(part)
    if (id !== undefined) this.byId.set(id, part)
  }

  private edit(id: string, change: (part: OpenPart) => object): void {
    const part = this.byId.get(id)
    if (part) Object.assign(part, change(part))
  }
}

/** Merges objects member by member; other values are replaced. */
function merge(
  base: JsonObject | undefined,
  added: JsonObject | undefined,
): JsonObject | undefined {
  if (!base || !added) return base ?? added
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(added)) {
    const before = merged[key]
    merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value
  }
  return merged
}
