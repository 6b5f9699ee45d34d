/** Recorded usages, each on the smallest response that its wire allows. */
import { readFileSync } from 'node:fs'
import type { JsonObject } from '../../src/chat/index.js'

export interface RecordedUsage {
  readonly provider: 'openai' | 'anthropic' | 'gemini' | 'xai'
  readonly api: 'responses' | 'chat' | 'messages' | 'generateContent'
  readonly model: string
  readonly service_tier?: string
  readonly usage: JsonObject
}

export const recordedUsages = (): readonly RecordedUsage[] =>
  JSON.parse(readFileSync(new URL('../fixtures/usage/recorded.json', import.meta.url), 'utf8'))
    .usages

/** The body of a generate response. */
export function bodyOf({ api, model, usage, service_tier }: RecordedUsage): JsonObject {
  const text = 'ok'
  switch (api) {
    case 'responses':
      return {
        id: 'resp_1',
        object: 'response',
        created_at: 1_700_000_000,
        status: 'completed',
        model,
        ...(service_tier && { service_tier }),
        output: [
          {
            type: 'message',
            id: 'msg_1',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text, annotations: [] }],
          },
        ],
        usage,
      }
    case 'chat':
      return {
        id: 'chatcmpl-1',
        object: 'chat.completion',
        created: 1_700_000_000,
        model,
        ...(service_tier && { service_tier }),
        choices: [
          { index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' },
        ],
        usage,
      }
    case 'messages':
      return {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model,
        content: [{ type: 'text', text }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage,
      }
    case 'generateContent':
      return {
        responseId: 'r1',
        modelVersion: model,
        candidates: [
          { index: 0, content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP' },
        ],
        usageMetadata: usage,
      }
    default:
      return api satisfies never
  }
}
