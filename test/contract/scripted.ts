/** A provider in the process that says what a test wrote down: one reply a call. */
import type { Capabilities, ChatRequest, FinishChunk, StreamChunk } from '../../src/chat/index.js'
import type { Call, ProviderAdapter } from '../../src/core/index.js'

/** A chunk is said, an error thrown, a function awaited. */
export type Step = StreamChunk | Error | ((call: Call) => unknown)

export interface Scripted extends ProviderAdapter {
  /** What was asked, call by call. */
  readonly calls: { readonly request: ChatRequest; readonly call: Call }[]
  /** How many calls have not been unwound. */
  readonly open: () => number
}

export interface ScriptedOptions {
  readonly name?: string
  readonly capabilities?: Partial<Capabilities>
}

type Replies = readonly (readonly Step[])[] | ((request: ChatRequest) => readonly Step[])

/** With a list, the last reply is given again and again. */
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

/** A whole answer, a chunk a word. */
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

/** Resolves when the call is aborted, and not before. */
export const untilAborted = ({ signal }: Call): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** All the way down. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
