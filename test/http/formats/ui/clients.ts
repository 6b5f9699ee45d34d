/**
 * Real clients of the UI message stream: `Chat` and its transport from three major versions of the
 * AI SDK.
 */
import type { UIMessage } from 'ai6'

/** What the versions have in common, as far as the tests use it. */
interface Library {
  readonly lastAssistantMessageIsCompleteWithApprovalResponses?: unknown
  readonly AbstractChat: new (init: object) => Chat
  readonly DefaultChatTransport: new (options: object) => Transport
}

interface Transport {
  sendMessages(options: object): Promise<ReadableStream<unknown>>
}

export interface Chat {
  readonly status: string
  readonly error: Error | undefined
  readonly messages: UIMessage[]
  sendMessage(message?: object): Promise<void>
  regenerate(): Promise<void>
  resumeStream(): Promise<void>
  stop(): Promise<void>
  addToolApprovalResponse(answer: object): Promise<void> | void
}

export interface ChatInit {
  readonly id?: string
  readonly messages?: readonly unknown[]
  readonly onData?: (part: { readonly type: string; readonly data: unknown }) => void
  readonly sendAutomaticallyWhen?: unknown
  readonly body?: object
  readonly fetch?: typeof fetch
  readonly onMessages?: (messages: readonly UIMessage[]) => void
}

const load = async (name: string): Promise<Library> => (await import(name)) as Library

export const majors = [
  ['5.0.0', 'ai5'],
  ['6', 'ai6'],
  ['7', 'ai7'],
] as const

/** A chat as `useChat` creates it, without React. */
export async function chatOf(major: string, api: string, init: ChatInit = {}): Promise<Chat> {
  const { AbstractChat, DefaultChatTransport } = await load(major)
  const { body, fetch, messages = [], onMessages, ...rest } = init
  let current = [...messages] as UIMessage[]
  const set = (next: UIMessage[]) => {
    current = next
    onMessages?.(current)
  }
  const state = {
    status: 'ready',
    error: undefined,
    get messages() {
      return current
    },
    set messages(next: UIMessage[]) {
      set(next)
    },
    pushMessage: (message: UIMessage) => set([...current, message]),
    popMessage: () => set(current.slice(0, -1)),
    replaceMessage: (index: number, message: UIMessage) =>
      set(current.with(index, structuredClone(message))),
    snapshot: <T>(thing: T) => structuredClone(thing),
  }
  const transport = new DefaultChatTransport({
    api,
    ...(body && { body }),
    ...(fetch && { fetch }),
  })
  class TestChat extends AbstractChat {}
  let made = 0
  return new TestChat({ generateId: () => `made-${++made}`, ...rest, state, transport })
}

/** Sends the user's answers once there is one for each request. */
export const whenAnswered = async (major: string): Promise<unknown> =>
  (await load(major)).lastAssistantMessageIsCompleteWithApprovalResponses

/** The chunks that the transport of a version accepts. Throws where it rejects one. */
export async function eventsOf(major: string, data: readonly string[]): Promise<unknown[]> {
  const { DefaultChatTransport } = await load(major)
  const body = data.map((one) => `data: ${one}\n\n`).join('')
  const transport = new DefaultChatTransport({ api: '/any', fetch: async () => new Response(body) })
  const stream = await transport.sendMessages({
    chatId: 'chat',
    messages: [],
    trigger: 'submit-message',
    messageId: undefined,
    abortSignal: undefined,
  })
  const events: unknown[] = []
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return events
    events.push(value)
  }
}
