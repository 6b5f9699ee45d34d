/** Scripted adapters and a caller over the bare core, for tests of the onion. */
import type { ChatRequest, ChatResponse, StreamChunk } from '../../src/chat/index.js'
import {
  type BaseCallOptions,
  type Call,
  type Caller,
  type CallOptions,
  createCaller,
  type Middleware,
  type ProviderAdapter,
} from '../../src/core/index.js'

export const usage = (prompt = 10, completion = 5) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
})

export const start = (id = 'r1'): StreamChunk => ({
  type: 'start',
  id,
  model: 'm-1',
  provider: 'fake',
  created: 1,
})
export const text = (value: string): StreamChunk => ({ type: 'text-delta', text: value })
export const finish = (reason: ChatResponse['finish_reason'] = 'stop'): StreamChunk => ({
  type: 'finish',
  finish_reason: reason,
  usage: usage(),
})
export const say = (...pieces: string[]): StreamChunk[] => [start(), ...pieces.map(text), finish()]
export const callTool = (name: string, args: object): StreamChunk[] => [
  start(),
  { type: 'tool-call-start', index: 0, id: 'c1', name },
  { type: 'tool-call-delta', index: 0, arguments: JSON.stringify(args) },
  { type: 'tool-call-end', index: 0 },
  finish('tool_calls'),
]

/** A reply: chunks one by one, batches, an error to throw, or a function of the call. */
export type Step = StreamChunk | readonly StreamChunk[] | Error | ((call: Call) => unknown)
export type Script = readonly Step[]

export interface FakeAdapter extends ProviderAdapter {
  readonly requests: ChatRequest[]
  readonly calls: Call[]
  /** Number of generators that have ended. */
  readonly log: { opened: number; closed: number; produced: number }
}

/** Plays one script per call; the last one repeats. */
export function fakeAdapter(...scripts: Script[]): FakeAdapter {
  const requests: ChatRequest[] = []
  const calls: Call[] = []
  const log = { opened: 0, closed: 0, produced: 0 }
  return {
    name: 'fake',
    models: /^m-/,
    capabilities: () => ({ known: false, rules: [] }),
    convertMessages: (messages) => messages,
    requests,
    calls,
    log,
    async *generateStream(request, call) {
      const script = scripts[Math.min(requests.length, scripts.length - 1)] ?? []
      requests.push(request)
      calls.push(call)
      log.opened++
      try {
        for (const step of script) {
          if (step instanceof Error) throw step
          if (typeof step === 'function') {
            await step(call)
            continue
          }
          log.produced += Array.isArray(step) ? step.length : 1
          yield step as StreamChunk
        }
      } finally {
        log.closed++
      }
    },
  }
}

export const request: ChatRequest = {
  model: 'm-1',
  messages: [{ role: 'user', content: 'Hello' }],
}

/** A caller over the given layers and adapter. */
export function caller(adapter: ProviderAdapter, ...use: Middleware[]): Caller {
  return createCaller(
    {
      resolve: (model) => ({ adapter, model }),
      validateRequest: (input) => ({ request: input as ChatRequest }),
      partialReader: async () => () => undefined,
    },
    () => use as unknown as readonly Middleware<never>[],
  )
}

export type Mode = 'generate' | 'stream'
export const modes: readonly Mode[] = ['generate', 'stream']

/** Runs a call in one mode; `chunks` is what the consumer received. */
export async function run(ai: Caller, mode: Mode, options?: BaseCallOptions, input = request) {
  const chunks: StreamChunk[] = []
  if (mode === 'generate') return { response: await ai.generate(input, options), chunks }
  const stream = ai.stream(input, options)
  for await (const chunk of stream) chunks.push(chunk)
  return { response: await stream.response, chunks }
}

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('it did not fail')
}

export type { CallOptions }
