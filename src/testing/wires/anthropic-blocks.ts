/** Content blocks of the Messages wire: their start, their deltas, and the whole. */
import { isObject, type JsonObject, parseJson } from '../../chat/index.js'
import { argumentPieces, joinParts, piecesOf } from '../chunks.js'
import type { Call, Citation, Hosted, Part, Text, Thought } from '../script.js'
import { type RenderContext, unrenderable } from './wire.js'

/** A content block: its start, its deltas, and the whole. */
export interface Block {
  readonly start: JsonObject
  readonly deltas: readonly JsonObject[]
  readonly whole: JsonObject
}

export function blocksOf(part: Part, context: RenderContext): readonly Block[] {
  switch (part.type) {
    case 'text':
      return [textBlock(part)]
    case 'thought':
      return [thoughtBlock(part, context)]
    case 'call':
      return [callBlock(part, context)]
    case 'hosted':
      return hostedBlocks(part, context)
    case 'refusal':
      return []
    case 'media':
      return unrenderable('generated media', 'The Messages wire')
  }
}

function textBlock(text: Text): Block {
  const isCited = text.citations.length > 0
  const citations = text.citations.map((citation) => citationOf(citation, text))
  return {
    start: { type: 'text', text: '', ...(isCited && { citations: [] }) },
    // citations precede the text they belong to
    deltas: [
      ...citations.map((citation) => ({ type: 'citations_delta', citation })),
      ...text.chunks.map((chunk) => ({ type: 'text_delta', text: chunk })),
    ],
    whole: { type: 'text', text: text.text, ...(isCited && { citations }) },
  }
}

function citationOf(citation: Citation, text: Text): JsonObject {
  const { url, title = null, cited_text = text.text } = citation
  if (url !== undefined)
    return {
      type: 'web_search_result_location',
      cited_text,
      url,
      title,
      encrypted_index: 'EpABCioIBhgCIiQ0NGFl',
    }
  const document = {
    cited_text,
    document_index: citation.document_index ?? 0,
    document_title: citation.filename ?? title,
    file_id: citation.file_id ?? null,
  }
  if (citation.page !== undefined)
    return {
      type: 'page_location',
      ...document,
      start_page_number: citation.page,
      // exclusive on this wire
      end_page_number: (citation.end_page ?? citation.page) + 1,
    }
  return {
    type: 'char_location',
    ...document,
    start_char_index: citation.start_index ?? 0,
    end_char_index: citation.end_index ?? cited_text.length,
  }
}

function thoughtBlock(thought: Thought, context: RenderContext): Block {
  const signature = thought.signature ?? context.id('EqoB', 100)
  if (thought.redacted) {
    const block = { type: 'redacted_thinking', data: signature }
    return { start: block, deltas: [], whole: block }
  }
  const chunks = joinParts(thought.summaries)
  return {
    start: { type: 'thinking', thinking: '', signature: '' },
    deltas: [
      ...chunks.map((thinking) => ({ type: 'thinking_delta', thinking })),
      { type: 'signature_delta', signature },
    ],
    whole: { type: 'thinking', thinking: chunks.join(''), signature },
  }
}

function callBlock(call: Call, context: RenderContext): Block {
  const input = inputOf(call)
  const block = {
    type: 'tool_use',
    id: call.id ?? context.id('toolu_01', 22),
    name: call.name,
    input,
  }
  if (call.pieces === 'start') return { start: block, deltas: [], whole: block }
  const deltas = jsonDeltas(call.custom ? [JSON.stringify(input)] : piecesOf(call))
  return { start: { ...block, input: {} }, deltas, whole: block }
}

/** The first fragment is empty, as on the real wire. */
const jsonDeltas = (pieces: readonly string[]): readonly JsonObject[] =>
  ['', ...pieces].map((partial_json) => ({ type: 'input_json_delta', partial_json }))

/** Input must be an object: free text is wrapped, invalid JSON becomes {}. */
function inputOf(call: Call): unknown {
  if (call.custom) return { input: call.arguments }
  return parseJson(call.arguments) ?? {}
}

const resultTypes: Readonly<Record<string, string>> = {
  web_search: 'web_search_tool_result',
  web_fetch: 'web_fetch_tool_result',
  code_execution: 'code_execution_tool_result',
  code_interpreter: 'code_execution_tool_result',
  bash_code_execution: 'bash_code_execution_tool_result',
}

function hostedBlocks(tool: Hosted, context: RenderContext): readonly Block[] {
  const resultType = resultTypes[tool.name]
  const isMcp = resultType === undefined
  const id = tool.id ?? context.id(isMcp ? 'mcptoolu_01' : 'srvtoolu_01', 22)
  const input = isObject(tool.input) ? tool.input : {}
  const use = isMcp
    ? { type: 'mcp_tool_use', id, name: tool.name, input, server_name: 'mock' }
    : {
        type: 'server_tool_use',
        id,
        name: tool.name === 'code_interpreter' ? 'code_execution' : tool.name,
        input,
      }
  const result = isMcp
    ? {
        type: 'mcp_tool_result',
        tool_use_id: id,
        is_error: tool.failed,
        content: [{ type: 'text', text: textOf(tool.output) }],
      }
    : { type: resultType, tool_use_id: id, content: resultOf(tool, resultType) }
  const pieces = argumentPieces(JSON.stringify(input))
  return [
    { start: { ...use, input: {} }, deltas: jsonDeltas(pieces), whole: use },
    { start: result, deltas: [], whole: result },
  ]
}

const textOf = (output: unknown) =>
  typeof output === 'string' ? output : JSON.stringify(output ?? '')

/** An object or list is sent as the provider's own output; text is converted to it. */
function resultOf(tool: Hosted, type: string): unknown {
  if (tool.failed) return { type: `${type}_error`, error_code: 'unavailable' }
  const { output } = tool
  if (typeof output === 'object' && output !== null) return output
  if (type === 'web_search_tool_result') return []
  return {
    type: type.replace('_tool_result', '_result'),
    stdout: textOf(output),
    stderr: '',
    return_code: 0,
    content: [],
  }
}
