/** Anthropic's Messages wire. Shapes from recorded messages of claude-sonnet-4 to claude-opus-4-8 (2025-05 to 2026-08). */
import {
  defined,
  type FinishReason,
  isObject,
  type JsonObject,
  parseJson,
} from '../../chat/index.js'
import { argumentPieces } from '../chunks.js'
import type {
  Answer,
  AnswerUsage,
  Call,
  Citation,
  Failure,
  FailureKind,
  Hosted,
  Part,
  Refusal,
  SseEvent,
  Text,
  Thought,
} from '../script.js'
import { type RenderContext, unrenderable, type Wire } from './wire.js'

const stopReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
}

/** A content block: how it opens, what its deltas bring, what it is in the end. */
interface Block {
  readonly start: JsonObject
  readonly deltas: readonly JsonObject[]
  readonly whole: JsonObject
}

export const anthropic: Wire = {
  contentType: { json: 'application/json', stream: 'text/event-stream; charset=utf-8' },
  lineEnd: '\n',
  requestId: (id) => id('req_01', 22),
  headers: ({ requestId, created }) => ({
    'request-id': requestId,
    'anthropic-organization-id': '00000000-0000-4000-8000-000000000000',
    ...rateLimits(created),
  }),

  body(answer, context) {
    return {
      ...envelope(answer, context),
      content: answer.parts.flatMap((part) => blocksOf(part, context)).map(({ whole }) => whole),
      ...ending(answer),
      ...(answer.usage && { usage: usageOf(answer.usage, answer.serviceTier) }),
    }
  },

  events(answer, context) {
    const blocks = answer.parts.flatMap((part) => blocksOf(part, context))
    const { usage } = answer
    const message = {
      ...envelope(answer, context),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      ...(usage && { usage: startUsage(usage, answer.serviceTier) }),
    }
    const events = [event('message_start', { message })]
    blocks.forEach((block, index) => {
      events.push(event('content_block_start', { index, content_block: block.start }))
      if (index === 0) events.push(event('ping', {}))
      for (const delta of block.deltas) events.push(event('content_block_delta', { index, delta }))
      events.push(event('content_block_stop', { index }))
    })
    const delta = ending(answer)
    events.push(event('message_delta', { delta, ...(usage && { usage: deltaUsage(usage) }) }))
    events.push(event('message_stop', {}))
    return events
  },

  failure: (failure, context) => ({
    status: failure.status ?? failures[failure.kind].status,
    headers: {
      'x-should-retry': String(failures[failure.kind].isRetried),
      ...(failure.retryAfter !== undefined && { 'retry-after': String(failure.retryAfter) }),
      ...failure.headers,
    },
    body: errorBody(failure, context),
  }),
  failureEvents: (failure, context) => [{ event: 'error', data: errorBody(failure, context) }],
  count: (tokens) => ({ input_tokens: tokens }),
}

const event = (type: string, fields: JsonObject): SseEvent => ({
  event: type,
  data: { type, ...fields },
})

const envelope = (_answer: Answer, context: RenderContext): JsonObject => ({
  model: context.model,
  id: context.id('msg_01', 22),
  type: 'message',
  role: 'assistant',
})

function ending(answer: Answer): JsonObject {
  const refusal = answer.parts.find((part): part is Refusal => part.type === 'refusal')
  const isRefused = refusal !== undefined || answer.finish === 'content_filter'
  const { stopSequence } = answer
  const stop_reason = stopSequence !== undefined ? 'stop_sequence' : stopReasons[answer.finish]
  return {
    stop_reason: answer.nativeFinish ?? (isRefused ? 'refusal' : stop_reason),
    stop_sequence: stopSequence ?? null,
    stop_details: isRefused
      ? { type: 'refusal', category: null, explanation: refusal?.text ?? null }
      : null,
  }
}

function blocksOf(part: Part, context: RenderContext): readonly Block[] {
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
    // citations come before the text they stand for
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
  const chunks = thought.summaries.flatMap((summary, index) =>
    index === 0 ? summary : ['\n\n', ...summary],
  )
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
  const pieces =
    call.pieces === 'end' ? [call.arguments] : (call.pieces ?? argumentPieces(call.arguments))
  return {
    start: { ...block, input: {} },
    deltas: call.custom ? jsonDeltas([JSON.stringify(input)]) : jsonDeltas(pieces),
    whole: block,
  }
}

/** The first fragment is empty, as on the real wire. */
const jsonDeltas = (pieces: readonly string[]): readonly JsonObject[] =>
  ['', ...pieces].map((partial_json) => ({ type: 'input_json_delta', partial_json }))

/** A block's input is an object: text of a custom tool is put in one, broken JSON has none. */
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

/** Output given as an object or a list is taken as the provider's own; text is put in its shape. */
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

function inputUsage(usage: AnswerUsage) {
  const read = usage.prompt_tokens_details?.cached_tokens ?? 0
  const written = usage.prompt_tokens_details?.cache_creation_tokens ?? 0
  return {
    input_tokens: usage.prompt_tokens - read - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
  }
}

/** `input_tokens` leaves out what was read from and written to the cache. */
function usageOf(usage: AnswerUsage, serviceTier = 'standard'): JsonObject {
  const written = usage.prompt_tokens_details?.cache_creation
  const total = usage.prompt_tokens_details?.cache_creation_tokens ?? 0
  const hour = written?.['1h'] ?? 0
  return {
    ...inputUsage(usage),
    cache_creation: {
      ephemeral_5m_input_tokens: written?.['5m'] ?? total - hour,
      ephemeral_1h_input_tokens: hour,
    },
    ...outputUsage(usage),
    service_tier: serviceTier,
    inference_geo: 'global',
  }
}

/** What is known before the first word. */
const startUsage = (usage: AnswerUsage, serviceTier?: string): JsonObject => {
  const { output_tokens_details: _, server_tool_use: __, ...known } = usageOf(usage, serviceTier)
  return { ...known, output_tokens: 1 }
}

const deltaUsage = (usage: AnswerUsage): JsonObject => ({
  ...inputUsage(usage),
  ...outputUsage(usage),
})

function outputUsage(usage: AnswerUsage): JsonObject {
  const thinking = usage.completion_tokens_details?.reasoning_tokens
  return defined({
    output_tokens: usage.completion_tokens,
    output_tokens_details: thinking === undefined ? undefined : { thinking_tokens: thinking },
    server_tool_use: usage.server_tool_use,
  })
}

interface AnthropicFailure {
  readonly status: number
  readonly type: string
  readonly isRetried: boolean
  readonly message: (model: string) => string
}

const failures: Readonly<Record<FailureKind, AnthropicFailure>> = {
  bad_request: {
    status: 400,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'messages.0.content: Input should be a valid list',
  },
  context_window: {
    status: 400,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'prompt is too long: 210000 tokens > 200000 maximum',
  },
  content_policy: {
    status: 400,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'Output blocked by content filtering policy',
  },
  auth: {
    status: 401,
    type: 'authentication_error',
    isRetried: false,
    message: () => 'invalid x-api-key',
  },
  permission: {
    status: 403,
    type: 'permission_error',
    isRetried: false,
    message: () => 'Your API key does not have permission to use the specified resource.',
  },
  not_found: {
    status: 404,
    type: 'not_found_error',
    isRetried: false,
    message: (model) => `model: ${model}`,
  },
  conflict: {
    status: 409,
    type: 'invalid_request_error',
    isRetried: true,
    message: () => 'The resource was changed by another request.',
  },
  too_large: {
    status: 413,
    type: 'request_too_large',
    isRetried: false,
    message: () => 'Request exceeds the maximum allowed number of bytes.',
  },
  unprocessable: {
    status: 422,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'The request could not be processed.',
  },
  rate_limit: {
    status: 429,
    type: 'rate_limit_error',
    isRetried: true,
    message: () =>
      "This request would exceed your organization's rate limit of 50 requests per minute.",
  },
  quota: {
    status: 402,
    type: 'billing_error',
    isRetried: false,
    message: () => 'Your credit balance is too low to access the Anthropic API.',
  },
  server_error: {
    status: 500,
    type: 'api_error',
    isRetried: true,
    message: () => 'Internal server error',
  },
  bad_gateway: {
    status: 502,
    type: 'api_error',
    isRetried: true,
    message: () => 'Bad gateway',
  },
  overloaded: {
    status: 529,
    type: 'overloaded_error',
    isRetried: true,
    message: () => 'Overloaded',
  },
  timeout: {
    status: 504,
    type: 'timeout_error',
    isRetried: true,
    message: () => 'The request timed out.',
  },
}

const errorBody = (failure: Failure, context: RenderContext): JsonObject => ({
  type: 'error',
  error: {
    type: failure.code ?? failure.type ?? failures[failure.kind].type,
    message: failure.message ?? failures[failure.kind].message(context.model),
  },
  request_id: context.requestId,
})

function rateLimits(created: number): Readonly<Record<string, string>> {
  const reset = new Date((created + 1) * 1000).toISOString().replace('.000', '')
  return Object.fromEntries(
    ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((what) => [
      [`anthropic-ratelimit-${what}-limit`, '4000'],
      [`anthropic-ratelimit-${what}-remaining`, '3999'],
      [`anthropic-ratelimit-${what}-reset`, reset],
    ]),
  )
}
