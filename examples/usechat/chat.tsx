/** A conversation over `useChat`: it streams, asks before a tool runs, stops, heals, and tries again. */
import { useChat } from '@ai-sdk/react'
import { useEffect, useState } from 'react'
import { Composer } from './composer.js'
import { type ChatMessage, type Conversation, save } from './conversation.js'
import { Message } from './message.js'
import { openChat } from './open-chat.js'
import { useHealing } from './use-healing.js'

const ideas = [
  'What is the weather in Lisbon?',
  'Book a table for two tonight.',
  'Paint me a sunset.',
  'Tell me a long story about a lighthouse.',
]

interface Props {
  readonly conversation: Conversation
  readonly onNew: () => void
}

export function Chat({ conversation, onNew }: Props) {
  const [open] = useState(() => openChat(conversation))
  const chat = useChat({ chat: open, resume: true, experimental_throttle: 40 })
  const { id, messages, status, error, sendMessage, regenerate, addToolApprovalResponse } = chat
  const isLost = useHealing(chat)
  const isBusy = status === 'submitted' || status === 'streaming' || isLost
  useEffect(() => save({ id, messages }), [id, messages])

  const stop = () => {
    // leaving is no stop: the server would write on for the page to come back
    fetch(`/api/chat/${id}/stop`, { method: 'POST' }).catch(() => {})
    void chat.stop()
    // nor does a lost page try to come back
    chat.clearError()
  }
  return (
    <>
      <header>
        <h1>useChat</h1>
        <span role="status">{isLost ? 'Reconnecting…' : 'over tetrad'}</span>
        <button type="button" onClick={onNew}>
          New chat
        </button>
      </header>
      <main>
        <div aria-live="polite" aria-busy={isBusy}>
          {messages.length === 0 && (
            <section className="welcome">
              <h2>What shall we talk about?</h2>
              {ideas.map((text) => (
                <button key={text} type="button" onClick={() => void sendMessage({ text })}>
                  {text}
                </button>
              ))}
            </section>
          )}
          {messages.map((message, index) => (
            <Message
              key={message.id}
              message={message}
              isRunning={isBusy && index === messages.length - 1}
              onAnswer={(approval) => void addToolApprovalResponse(approval)}
            />
          ))}
          {isBusy && messages.at(-1)?.role === 'user' && <p className="waiting">● ● ●</p>}
          {error && !isLost && (
            <p className="failure" role="alert">
              {sentenceOf(error)}
            </p>
          )}
          {!isBusy && messages.length > 0 && !isWaiting(messages) && (
            <button type="button" className="again" onClick={() => void regenerate()}>
              ↻ {error || messages.at(-1)?.role === 'user' ? 'Try again' : 'Another answer'}
            </button>
          )}
        </div>
      </main>
      <Composer isBusy={isBusy} onSend={(message) => void sendMessage(message)} onStop={stop} />
    </>
  )
}

/** A tool waits for a yes. */
const isWaiting = (messages: readonly ChatMessage[]) =>
  messages.at(-1)?.parts.some((part) => 'state' in part && part.state === 'approval-requested')

/** What the server refused comes as the JSON of its answer, what failed in the middle as a sentence. */
function sentenceOf({ message }: Error): string {
  try {
    return JSON.parse(message).error.message
  } catch {
    return message
  }
}
