/** The `ui` format: what `useChat` of the AI SDK, 5.0.0 and later, sends and reads. */
import type { ChatResponse } from '../../../chat/index.js'
import { toChunks } from '../../../core/index.js'
import { jsonLine } from '../../../sse/index.js'
import type { AnswerContext, Format } from '../format.js'
import { encoder, eventEncoder } from './encoder.js'
import { MessageBuilder } from './message.js'
import { read } from './read.js'
import type { UiMessage } from './wire.js'

/** `UIMessage[]` in, the UI message stream out; a `UIMessage` where no stream is wanted. */
export const ui: Format = {
  name: 'ui',
  isResumable: true,
  headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
  read,
  encoder,
  toJson,
  failure: (error) => [jsonLine({ type: 'error', errorText: error.message }), '[DONE]'],
  errorBody: (error) => ({ error }),
}

async function toJson(response: ChatResponse, context: AnswerContext): Promise<UiMessage> {
  const events = eventEncoder(context)
  const message = new MessageBuilder()
  for (const event of await events.encode(toChunks(response))) message.add(event)
  for (const event of await events.end()) message.add(event)
  return message.message()
}
