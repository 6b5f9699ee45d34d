/** A client of one provider against the loopback server, for tests that hold for every wire. */
import { getEventListeners } from 'node:events'
import type { ChatRequest, StreamChunk } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import type { Middleware, ProviderAdapter, TetradError } from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import {
  callTool,
  type MockServer,
  type ProviderName,
  type Reply,
  say,
  think,
} from '../../src/testing/index.js'

export const models = {
  openai: 'openai/gpt-5.1',
  anthropic: 'anthropic/claude-sonnet-4-5',
  gemini: 'gemini/gemini-2.5-flash',
  xai: 'xai/grok-4',
  compatible: 'compatible/some-model',
} as const satisfies Record<ProviderName, string>

export type Name = keyof typeof models
export const names = Object.keys(models) as Name[]
export const four = names.filter((name) => name !== 'compatible')

export function adapters(
  server: MockServer,
  more: { readonly fetch?: typeof fetch } = {},
): ProviderAdapter[] {
  return [
    openai({ ...server.options('openai'), ...more }),
    anthropic({ ...server.options('anthropic'), ...more }),
    gemini({ ...server.options('gemini'), ...more }),
    xai({ ...server.options('xai'), ...more }),
    compatible({ name: 'compatible', ...server.options('compatible'), ...more }),
  ]
}

/** All providers at one base URL, for a server whose responses the test writes. */
export const adaptersAt = (options: {
  readonly apiKey: string
  readonly baseURL: string
  readonly fetch?: typeof fetch
  readonly maxEventBytes?: number
  readonly headers?: Readonly<Record<string, string>>
}) => [
  openai(options),
  anthropic(options),
  gemini(options),
  xai(options),
  compatible({ name: 'compatible', ...options }),
]

export const clientOf = (server: MockServer, ...use: Middleware[]): Client =>
  createClient({ providers: adapters(server), use })

export const requestFor = (name: Name, more: Partial<ChatRequest> = {}): ChatRequest => ({
  model: models[name],
  messages: [{ role: 'user', content: 'Tell me something.' }],
  ...more,
})

/**
 * A reply with everything a stream can have: a thought, text, two tool calls, usage. Events are
 * written one by one.
 */
export const rich = (): Reply =>
  think('Let me see.')
    .say('The answer comes in a few words.')
    .callTool('lookup', { city: 'Rome', deep: { list: [1, 2, 3] } })
    .callTool('lookup', { city: 'Oslo' })
    .usage({
      prompt_tokens: 120,
      completion_tokens: 45,
      cached_tokens: 20,
      reasoning_tokens: 5,
    } as never)

export interface Outcome {
  readonly chunks: readonly StreamChunk[]
  readonly error?: TetradError
}

/** Reads a stream to its end, whatever that is. */
export async function drain(
  stream: AsyncIterable<StreamChunk>,
  onChunk?: (chunk: StreamChunk, seen: number) => void,
): Promise<Outcome> {
  const chunks: StreamChunk[] = []
  try {
    for await (const chunk of stream) {
      chunks.push(chunk)
      onChunk?.(chunk, chunks.length)
    }
    return { chunks }
  } catch (error) {
    return { chunks, error: error as TetradError }
  }
}

export const textOf = (chunks: readonly StreamChunk[]) =>
  chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.text : '')).join('')

export const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

export { callTool, say, think }
