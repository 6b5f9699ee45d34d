// A loopback server that speaks the Responses API: 2,000 text deltas a stream, or one plain answer. Run as a child.
import { createServer } from 'node:http'

const deltas = Number(process.env.DELTAS ?? 2000)
const perWrite = Number(process.env.PER_WRITE ?? 20)
const usage = {
  input_tokens: 12,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: deltas,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 12 + deltas,
}
const text = Array.from({ length: deltas }, (_, i) => ` word${i % 97}`).join('')
const item = (content, status) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status,
  content,
})
const part = (value) => ({ type: 'output_text', text: value, annotations: [], logprobs: [] })
const body = (status, output, used) => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1700000000,
  status,
  model: 'gpt-4.1-mini',
  output,
  usage: used,
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

let sequence = 0
const event = (type, data) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`

const at = { item_id: 'msg_1', output_index: 0, content_index: 0 }
const head =
  event('response.created', { response: body('in_progress', [], null) }) +
  event('response.output_item.added', { output_index: 0, item: item([], 'in_progress') }) +
  event('response.content_part.added', { ...at, part: part('') })
const middle = Array.from({ length: deltas }, (_, i) =>
  event('response.output_text.delta', {
    ...at,
    delta: ` word${i % 97}`,
    logprobs: [],
    obfuscation: 'abcdefgh',
  }),
)
const tail =
  event('response.output_text.done', { ...at, text, logprobs: [] }) +
  event('response.content_part.done', { ...at, part: part(text) }) +
  event('response.output_item.done', { output_index: 0, item: item([part(text)], 'completed') }) +
  event('response.completed', {
    response: body('completed', [item([part(text)], 'completed')], usage),
  })
const writes = [Buffer.from(head)]
for (let i = 0; i < deltas; i += perWrite)
  writes.push(Buffer.from(middle.slice(i, i + perWrite).join('')))
writes.push(Buffer.from(tail))
const short = 'A short answer of a few words.'
const plain = Buffer.from(
  JSON.stringify(
    body('completed', [item([part(short)], 'completed')], {
      ...usage,
      output_tokens: 8,
      total_tokens: 20,
    }),
  ),
)

const server = createServer(async (request, response) => {
  let asked = ''
  for await (const piece of request) asked += piece
  if (!JSON.parse(asked).stream) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(plain)
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.socket.setNoDelay(true)
  for (const piece of writes) {
    if (!response.write(piece)) await new Promise((done) => response.once('drain', done))
    await new Promise(setImmediate)
  }
  response.end()
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
