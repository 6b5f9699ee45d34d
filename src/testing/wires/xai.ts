/** xAI's Responses wire: OpenAI's, with its own ids, errors and usage. Shapes from recorded responses of grok-4.3 (2026-08). */

import { uuidOf } from '../random.js'
import { refusalOf, retryHeaders } from './failures.js'
import { responsesWire } from './responses.js'

export const xai = responsesWire({
  contentType: { json: 'application/json', stream: 'text/event-stream' },
  lineEnd: '\n',
  requestId: uuidOf,
  headers: ({ requestId }) => ({ 'x-request-id': requestId }),
  responseId: ({ id }) => uuidOf(id),
  itemId: (prefix, { responseId, nth }) => {
    const isNumbered = nth > 0 || (prefix !== 'msg' && prefix !== 'rs')
    return `${prefix}_${responseId}${isNumbered ? `_${nth}` : ''}`
  },
  callId: ({ context, nth }) => `call-${uuidOf(context.id)}-${nth}`,
  // told always, asked or not
  encrypted: (thought, { id }) => thought.signature ?? id('', 120),
  thought: (encrypted) => ({
    open: { status: 'in_progress' },
    done: { status: 'completed', ...encrypted },
  }),
  pieces: (text) => [text],
  usage: (usage) => ({
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0 },
    output_tokens: usage.completion_tokens,
    output_tokens_details: {
      reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    total_tokens: usage.total_tokens,
    num_sources_used: 0,
    num_server_side_tools_used: sumOf(usage.server_tool_use),
    ...(usage.server_tool_use && { server_side_tool_usage_details: usage.server_tool_use }),
    ...(usage.cost !== undefined && { cost_in_usd_ticks: Math.round(usage.cost * 1e10) }),
    context_details: {
      input_tokens: usage.prompt_tokens,
      output_tokens: usage.completion_tokens,
    },
  }),
  envelope: ({ body }) => ({
    background: false,
    frequency_penalty: 0,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    presence_penalty: 0,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...Object(body.reasoning) },
    safety_identifier: null,
    service_tier: body.service_tier ?? 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? 0.7,
    text: { format: { type: 'text' }, ...Object(body.text) },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 0.95,
    truncation: 'disabled',
    user: body.user ?? null,
    metadata: { system_fingerprint: 'fp_mock' },
  }),
  failure: (failure, { model }) => {
    const { status, code, message } = refusalOf('xai', failure, model)
    return { status, headers: retryHeaders(failure), body: { code, error: message } }
  },
  // flat, where OpenAI nests it
  failureEvents: (failure, { model }, before) => {
    const { code, message, param } = refusalOf('xai', failure, model)
    const data = { type: 'error', code, message, param, sequence_number: before.length }
    return [{ event: 'error', data }]
  },
  // it counts by `/v1/tokenize-text`, which gives the tokens themselves
  count: (tokens) => ({
    token_ids: Array.from({ length: tokens }, (_, index) => ({
      token_id: index,
      string_token: '',
      token_bytes: [],
    })),
  }),
})

const sumOf = (counts: Readonly<Record<string, number>> = {}) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)
