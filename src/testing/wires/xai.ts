/** xAI's Responses wire: OpenAI's, with its own ids, errors and usage. Shapes from recorded responses of grok-4.3 (2026-08). */

import { uuidOf } from '../random.js'
import { refusalOf, retryHeaders } from './failures.js'
import { responsesWire, usageOf } from './responses.js'

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
  // always sent, requested or not
  encrypted: (thought, { id }) => thought.signature ?? id('', 120),
  thought: (encrypted) => ({
    open: { status: 'in_progress' },
    done: { status: 'completed', ...encrypted },
  }),
  pieces: (text) => [text],
  usage: (usage) => ({
    ...usageOf(usage),
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
    service_tier: body.service_tier ?? 'default',
    temperature: body.temperature ?? 0.7,
    text: { format: { type: 'text' }, ...Object(body.text) },
    top_p: body.top_p ?? 0.95,
    metadata: { system_fingerprint: 'fp_mock' },
  }),
  failure: (failure, { model }) => {
    const { status, code, message } = refusalOf('xai', failure, model)
    return { status, headers: retryHeaders(failure), body: { code, error: message } }
  },
  // flat, but nested by OpenAI
  failureEvents: (failure, { model }, before) => {
    const { code, message, param } = refusalOf('xai', failure, model)
    const data = { type: 'error', code, message, param, sequence_number: before.length }
    return [{ event: 'error', data }]
  },
  // xAI counts by `/v1/tokenize-text`, which returns the tokens themselves
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
