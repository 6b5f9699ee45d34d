/** The `ui` format: the protocol of the AI SDK's `useChat`, 5.0.0 and later. */
import { type ChatResponse, defined } from '../../../chat/index.js'
import { toChunks } from '../../../core/index.js'
import { jsonLine } from '../../../sse/index.js'
import type { AnswerContext, Format } from '../format.js'
import { encoder, eventEncoder } from './encoder.js'
import { MessageBuilder } from './message.js'
import { read } from './read.js'
import type { UiMessage } from './wire.js'

/** Reads `UIMessage[]`; sends the UI message stream, or a `UIMessage` without streaming. */
export const ui: Format = {
  name: 'ui',
  isResumable: true,
  headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
  read,
  encoder,
  toJson,
  failure: (error) => [jsonLine({ type: 'error', errorText: error.message }), '[DONE]'],
  errorBody: (error, partial) => ({ error, ...defined({ partial }) }),
}

async function toJson(response: ChatResponse, context: AnswerContext): Promise<UiMessage> {
  const events = eventEncoder(context)
  const message = new MessageBuilder()
  for (const event of await events.encode(toChunks(response))) message.add(event)
  for (const event of await events.end()) message.add(event)
  return message.message()
}
