/** An in-process provider that replies with what a test scripted, one reply per call. */
import type { Capabilities, ChatRequest, FinishChunk, StreamChunk } from '../../src/chat/index.js'
import type { Call, ProviderAdapter } from '../../src/core/index.js'

/** A chunk is emitted, an error is thrown, a function is awaited. */
export type Step = StreamChunk | Error | ((call: Call) => unknown)

export interface Scripted extends ProviderAdapter {
  /** The requests received, in order of the calls. */
  readonly calls: { readonly request: ChatRequest; readonly call: Call }[]
  /** Number of calls that have not unwound yet. */
  readonly open: () => number
}

export interface ScriptedOptions {
  readonly name?: string
  readonly capabilities?: Partial<Capabilities>
}

type Replies = readonly (readonly Step[])[] | ((request: ChatRequest) => readonly Step[])

/** Given a list, the last reply repeats. */
export function scripted(replies: Replies, options: ScriptedOptions = {}): Scripted {
  const calls: Scripted['calls'] = []
  let open = 0
  return {
    name: options.name ?? 'scripted',
    calls,
    open: () => open,
    capabilities: () => ({ known: true, rules: [], ...options.capabilities }),
    convertMessages: (messages) => messages,
    async *generateStream(request, call) {
      const index = Math.min(calls.length, replies.length - 1)
      calls.push({ request, call })
      open++
      try {
        const steps = typeof replies === 'function' ? replies(request) : (replies[index] ?? [])
        for (const step of steps) {
          if (step instanceof Error) throw step
          if (typeof step === 'function') await step(call)
          else yield [step]
        }
      } finally {
        open--
      }
    },
  }
}

/** A whole answer, one word per chunk. */
export const say = (text: string, finish: Partial<FinishChunk> = {}): readonly StreamChunk[] => [
  start(),
  ...text.split(/(?<= )/).map((word) => ({ type: 'text-delta' as const, text: word })),
  {
    type: 'finish',
    finish_reason: 'stop',
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    ...finish,
  },
]

export const start = (): StreamChunk => ({
  type: 'start',
  id: 'reply-1',
  model: 'model-1',
  provider: 'scripted',
  created: 1_700_000_000,
})

/** Resolves only when the call is aborted. */
export const untilAborted = ({ signal }: Call): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Deeply frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
