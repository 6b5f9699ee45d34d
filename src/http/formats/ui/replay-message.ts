/** A message as events, for a client that reads an answer again which continued this message. */
import { asText, defined } from '../../../chat/index.js'
import { toolNameOf } from './tools.js'
import type { UiEvent, UiMessage, UiPart } from './wire.js'

/** The events a client needs before it can resume. A part without an event is skipped. Pure. */
export function replayMessage({ id, parts, metadata }: UiMessage): readonly UiEvent[] {
  const start = { type: 'start', messageId: id, ...defined({ messageMetadata: metadata }) } as const
  return [start, ...parts.flatMap((part, index) => toEvents(part, index))]
}

function toEvents(part: UiPart, index: number): readonly UiEvent[] {
  if (part.type === 'dynamic-tool' || part.type.startsWith('tool-')) return toolEvents(part)
  if (part.type.startsWith('data-')) return dataEvents(part)
  return rows.get(part.type)?.(part, index) ?? []
}

type Row = (part: UiPart, index: number) => readonly UiEvent[]

const rows: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['step-start', () => [{ type: 'start-step' }]],
  ['text', ({ text }, index) => textEvents('text', text, index)],
  ['reasoning', ({ text }, index) => textEvents('reasoning', text, index)],
  [
    'source-url',
    ({ sourceId, url, title }) =>
      isText(sourceId) && isText(url)
        ? [{ type: 'source-url', sourceId, url, ...(isText(title) && { title }) }]
        : [],
  ],
  [
    'source-document',
    ({ sourceId, mediaType, title, filename }) =>
      isText(sourceId) && isText(mediaType) && isText(title)
        ? [
            {
              type: 'source-document',
              sourceId,
              mediaType,
              title,
              ...(isText(filename) && { filename }),
            },
          ]
        : [],
  ],
  [
    'file',
    ({ url, mediaType }) =>
      isText(url) && isText(mediaType) ? [{ type: 'file', url, mediaType }] : [],
  ],
])

function textEvents(kind: 'text' | 'reasoning', text: unknown, index: number): readonly UiEvent[] {
  // ids of new parts never contain `before`
  const id = `${kind}-before-${index}`
  const delta = isText(text) ? text : ''
  return [
    { type: `${kind}-start`, id },
    { type: `${kind}-delta`, id, delta },
    { type: `${kind}-end`, id },
  ]
}

const dataEvents = ({ type, data, id }: UiPart): readonly UiEvent[] => [
  // the caller has checked the prefix
  { type: type as `data-${string}`, data: data ?? null, ...(isText(id) && { id }) },
]

/** Skips a call with incomplete input; one without a result is running, its approval given. */
function toolEvents(part: UiPart): readonly UiEvent[] {
  const { toolCallId, state } = part
  const toolName = toolNameOf(part)
  if (!isText(toolCallId) || toolName === '' || state === 'input-streaming') return []
  const call = {
    toolCallId,
    toolName,
    ...(part.providerExecuted === true && ({ providerExecuted: true } as const)),
    ...(part.type === 'dynamic-tool' && ({ dynamic: true } as const)),
  }
  const input = part.input ?? part.rawInput ?? {}
  const outcome = outcomeOf(part, toolCallId)
  if (!outcome) return [{ type: 'tool-input-available', ...call, input }]
  // not `tool-input-available`: clients run their own tools on it, and this one has run
  return [
    { type: 'tool-input-start', ...call },
    { type: 'tool-input-delta', toolCallId, inputTextDelta: JSON.stringify(input) },
    outcome,
  ]
}

function outcomeOf(part: UiPart, toolCallId: string): UiEvent | undefined {
  const hosted = part.providerExecuted === true && ({ providerExecuted: true } as const)
  const { state, output = null, errorText } = part
  if (state === 'output-available')
    return { type: 'tool-output-available', toolCallId, output, ...hosted }
  if (state === 'output-error')
    return { type: 'tool-output-error', toolCallId, errorText: asText(errorText) ?? '', ...hosted }
  return state === 'output-denied' ? { type: 'tool-output-denied', toolCallId } : undefined
}

const isText = (value: unknown): value is string => typeof value === 'string'
