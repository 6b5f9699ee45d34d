// The four wires as each provider documents them: what is asked, what is answered, and what a loop by hand reads of it.
const count = (deltas) => ({ input: 12, output: deltas, total: 12 + deltas })
const wordOf = (i) => ` word${i % 97}`
const words = (deltas) => Array.from({ length: deltas }, (_, i) => wordOf(i))
const message = { role: 'user', content: 'Say some words.' }
export const messages = [message]

const part = (text) => ({ type: 'output_text', text, annotations: [], logprobs: [] })
const item = (text) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: text === undefined ? 'in_progress' : 'completed',
  content: text === undefined ? [] : [part(text)],
})
const response = (model, deltas, text) => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1700000000,
  status: text === undefined ? 'in_progress' : 'completed',
  model,
  output: text === undefined ? [] : [item(text)],
  usage: text === undefined ? null : responsesUsage(count(deltas)),
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  parallel_tool_calls: true,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
})
const responsesUsage = ({ input, output, total }) => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: total,
})
const at = { item_id: 'msg_1', output_index: 0, content_index: 0 }

const responsesEvents = (model) => (deltas) => {
  const text = words(deltas).join('')
  const events = [
    { type: 'response.created', response: response(model, deltas) },
    { type: 'response.output_item.added', output_index: 0, item: item() },
    { type: 'response.content_part.added', ...at, part: part('') },
    ...words(deltas).map((delta) => ({
      type: 'response.output_text.delta',
      ...at,
      delta,
      logprobs: [],
      obfuscation: 'abcdefgh',
    })),
    { type: 'response.output_text.done', ...at, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: part(text) },
    { type: 'response.output_item.done', output_index: 0, item: item(text) },
    { type: 'response.completed', response: response(model, deltas, text) },
  ]
  return events.map((event, sequence_number) => named({ ...event, sequence_number }))
}
const named = (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
const unnamed = (event) => `data: ${JSON.stringify(event)}\n\n`

const short = 'A short answer of a few words.'

const responses = (model) => ({
  model,
  path: () => '/v1/responses',
  headers: { authorization: 'Bearer bench' },
  body: (stream) => ({ model, input: messages, stream, store: false }),
  plain: response(model, 8, short),
  events: responsesEvents(model),
  textOf: (event) => (event.type === 'response.output_text.delta' ? event.delta : ''),
  answerOf: (body) => body.output[0].content[0].text,
})

const claude = 'claude-haiku-4-5'
const claudeMessage = (content, stop_reason, output_tokens) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: claude,
  content,
  stop_reason,
  stop_sequence: null,
  usage: { input_tokens: 12, output_tokens },
})
const anthropic = {
  model: claude,
  path: () => '/v1/messages',
  headers: { 'x-api-key': 'bench', 'anthropic-version': '2023-06-01' },
  body: (stream) => ({ model: claude, messages, max_tokens: 4096, stream }),
  plain: claudeMessage([{ type: 'text', text: short }], 'end_turn', 8),
  events: (deltas) =>
    [
      { type: 'message_start', message: claudeMessage([], null, 1) },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ...words(deltas).map((text) => ({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text },
      })),
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: { output_tokens: deltas },
      },
      { type: 'message_stop' },
    ].map(named),
  textOf: (event) => (event.type === 'content_block_delta' ? event.delta.text : ''),
  answerOf: (body) => body.content[0].text,
}

const flash = 'gemini-2.5-flash'
const candidate = (text, deltas, finishReason) => ({
  candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0, ...finishReason }],
  usageMetadata: {
    promptTokenCount: 12,
    candidatesTokenCount: deltas,
    totalTokenCount: 12 + deltas,
  },
  modelVersion: flash,
  responseId: 'response_1',
})
const gemini = {
  model: flash,
  path: (stream) =>
    `/v1beta/models/${flash}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  headers: { 'x-goog-api-key': 'bench' },
  body: () => ({ contents: [{ role: 'user', parts: [{ text: message.content }] }] }),
  plain: candidate(short, 8, { finishReason: 'STOP' }),
  events: (deltas) =>
    words(deltas).map((text, i) =>
      unnamed(candidate(text, i + 1, i + 1 === deltas ? { finishReason: 'STOP' } : {})),
    ),
  textOf: (event) => event.candidates[0].content.parts[0].text,
  answerOf: (body) => body.candidates[0].content.parts[0].text,
}

export const wires = {
  openai: responses('gpt-4.1-mini'),
  anthropic,
  gemini,
  xai: responses('grok-4-fast-non-reasoning'),
}
