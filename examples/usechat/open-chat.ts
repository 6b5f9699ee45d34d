/** A conversation with the server: where the page posts, and where it reads on after a reload or a lost connection. */
import { Chat } from '@ai-sdk/react'
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai'
import type { ChatMessage, Conversation } from './conversation.js'

/**
 * A `Chat` of its own: where `useChat` makes one (@ai-sdk/react 3), it hides that the transport replays an answer from its
 * start, and what was there before the connection broke would stand in the message twice.
 */
export function openChat({ id, messages }: Conversation): Chat<ChatMessage> {
  const key = `answer of ${id}`
  const transport = new DefaultChatTransport<ChatMessage>({
    async fetch(input, init) {
      const response = await fetch(input, init)
      const answer = response.headers.get('x-stream-id')
      if (answer) sessionStorage.setItem(key, answer)
      return response
    },
    // by the id of its chat an answer is found while it runs, by its own also when it has ended in the meantime
    prepareReconnectToStreamRequest: ({ api }) => ({
      api: `${api}/${sessionStorage.getItem(key) ?? id}/stream`,
    }),
  })
  return new Chat<ChatMessage>({
    id,
    messages: [...messages],
    transport,
    // once all that waited for a yes has been answered
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
    onFinish: ({ isDisconnect }) => isDisconnect || sessionStorage.removeItem(key),
  })
}
