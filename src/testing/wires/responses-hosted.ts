/** Items of the Responses wire made by the provider: hosted tools and generated images. */
import { isObject, type JsonObject } from '../../chat/index.js'
import type { Hosted, Media } from '../script.js'
import { inItem, type Place } from './responses-item.js'
import { unrenderable } from './wire.js'

interface HostedKind {
  readonly type: string
  readonly prefix: string
  readonly states: readonly string[]
  readonly fields: (tool: Hosted) => JsonObject
}

const asText = (value: unknown) =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null)

const member = (value: unknown, name: string) => (isObject(value) ? value[name] : undefined)

const query = (tool: Hosted) => member(tool.input, 'query') ?? asText(tool.input ?? '')

const codeInterpreter: HostedKind = {
  type: 'code_interpreter_call',
  prefix: 'ci',
  states: ['in_progress', 'interpreting', 'completed'],
  fields: (tool) => ({
    code: member(tool.input, 'code') ?? asText(tool.input ?? ''),
    container_id: 'cntr_mock',
    outputs: tool.output === undefined ? null : [{ type: 'logs', logs: asText(tool.output) }],
  }),
}

const kinds: Readonly<Record<string, HostedKind>> = {
  web_search: {
    type: 'web_search_call',
    prefix: 'ws',
    states: ['in_progress', 'searching', 'completed'],
    fields: (tool) => ({
      action: {
        type: 'search',
        query: query(tool),
        queries: [query(tool)],
        ...(tool.output !== undefined && { sources: tool.output }),
      },
    }),
  },
  file_search: {
    type: 'file_search_call',
    prefix: 'fs',
    states: ['in_progress', 'searching', 'completed'],
    fields: (tool) => ({ queries: [query(tool)], results: tool.output ?? null }),
  },
  code_interpreter: codeInterpreter,
  code_execution: codeInterpreter,
}

const mcp = (name: string): HostedKind => ({
  type: 'mcp_call',
  prefix: 'mcp',
  states: ['in_progress', 'completed'],
  fields: (tool) => ({
    name,
    server_label: 'mock',
    arguments: asText(tool.input ?? {}),
    approval_request_id: null,
    error: tool.failed ? asText(tool.output) : null,
    output: tool.failed || tool.output === undefined ? null : asText(tool.output),
  }),
})

export function writeHosted(tool: Hosted, place: Place): JsonObject {
  const kind = kinds[tool.name] ?? mcp(tool.name)
  const id = tool.id ?? place.flavour.itemId(kind.prefix, place)
  const item = { id, type: kind.type, ...kind.fields(tool) }
  return inItem(place, { ...item, status: 'in_progress', ...unknownYet(kind) }, () => {
    for (const state of kind.states) {
      const isLast = state === 'completed'
      if (isLast) tellInput(item, kind, place)
      const told = isLast && tool.failed ? 'failed' : state
      place.emit(`response.${kind.type}.${told}`, { item_id: id })
    }
    return { ...item, status: tool.failed ? 'failed' : 'completed' }
  })
}

/** Members still empty when an item is added. */
const unknownYet = ({ type }: HostedKind): JsonObject => {
  if (type === 'web_search_call') return { action: { type: 'search' } }
  if (type === 'code_interpreter_call') return { code: '', outputs: null }
  if (type === 'mcp_call') return { arguments: '', output: null, error: null }
  return {}
}

function tellInput(item: JsonObject, { type }: HostedKind, place: Place): void {
  const item_id = item.id
  if (type === 'code_interpreter_call') {
    place.emit('response.code_interpreter_call_code.delta', { item_id, delta: item.code })
    place.emit('response.code_interpreter_call_code.done', { item_id, code: item.code })
  }
  if (type === 'mcp_call') {
    place.emit('response.mcp_call_arguments.delta', { item_id, delta: item.arguments })
    place.emit('response.mcp_call_arguments.done', { item_id, arguments: item.arguments })
  }
}

export function writeImage(media: Media, place: Place): JsonObject {
  if (!media.media_type.startsWith('image/')) return unrenderable('audio', 'The Responses wire')
  const id = place.flavour.itemId('ig', place)
  const output_format = media.media_type.slice('image/'.length)
  const item = { id, type: 'image_generation_call' }
  return inItem(place, { ...item, status: 'in_progress' }, () => {
    for (const state of ['in_progress', 'generating', 'completed']) {
      place.emit(`response.image_generation_call.${state}`, { item_id: id })
    }
    return { ...item, status: 'completed', result: media.data, output_format }
  })
}
