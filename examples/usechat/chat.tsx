/** A conversation over `useChat`: it streams, asks before a tool runs, stops, heals, and tries again. */
import { useChat } from '@ai-sdk/react'
import { useEffect, useRef, useState } from 'react'
import { Composer } from './composer.js'
import { type ChatMessage, type Conversation, save } from './conversation.js'
import { Message } from './message.js'
import { openChat } from './open-chat.js'
import { useEnd } from './use-end.js'
import { useHealing } from './use-healing.js'

const ideas = [
  'What is the weather in Lisbon?',
  'Book a table for two tonight.',
  'Paint me a sunset.',
  'Compare three rivers.',
  'كيف أطبخ الأرز؟',
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
  const box = useRef<HTMLTextAreaElement>(null)
  const end = useEnd()
  useEffect(() => save({ id, messages }), [id, messages])

  /** The button that was pressed goes: the focus must not be lost with it. */
  const rest = () => end.list.current?.focus({ preventScroll: true })
  const send = (message: Parameters<typeof sendMessage>[0]) => {
    end.go()
    void sendMessage(message)
  }
  const stop = () => {
    // leaving is no stop: the server would write on for the page to come back
    fetch(`/api/chat/${id}/stop`, { method: 'POST' }).catch(() => {})
    void chat.stop()
    // nor does a lost page try to come back
    chat.clearError()
    box.current?.focus({ preventScroll: true })
  }
  useEffect(() => {
    const stopOnEscape = ({ key, isComposing }: KeyboardEvent) => {
      if (key === 'Escape' && isBusy && !isComposing) stop()
    }
    addEventListener('keydown', stopOnEscape)
    return () => removeEventListener('keydown', stopOnEscape)
  })
  return (
    <>
      <header>
        <h1>useChat</h1>
        <span role="status">{isLost ? 'Reconnecting…' : 'over tetrad'}</span>
        <button type="button" onClick={onNew}>
          New chat
        </button>
      </header>
      <main ref={end.list} tabIndex={-1} onScroll={end.onScroll}>
        <div>
          {messages.length === 0 && (
            <section className="welcome">
              <h2>What shall we talk about?</h2>
              {ideas.map((text) => (
                <button
                  key={text}
                  type="button"
                  dir="auto"
                  onClick={() => {
                    send({ text })
                    rest()
                  }}
                >
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
              onAnswer={(approval) => {
                void addToolApprovalResponse(approval)
                rest()
              }}
            />
          ))}
          {isBusy && messages.at(-1)?.role === 'user' && <p className="waiting">● ● ●</p>}
          {error && !isLost && (
            <p className="failure" role="alert">
              {sentenceOf(error)}
            </p>
          )}
          {!isBusy && messages.length > 0 && !isWaiting(messages) && (
            <button
              type="button"
              className="again"
              onClick={() => {
                void regenerate()
                rest()
              }}
            >
              ↻ {error || messages.at(-1)?.role === 'user' ? 'Try again' : 'Another answer'}
            </button>
          )}
        </div>
      </main>
      <p className="unseen" role="status">
        {newsOf(messages, isBusy)}
      </p>
      <div className="dock">
        {end.isAway && (
          <button
            type="button"
            className="latest"
            onClick={() => {
              end.go()
              rest()
            }}
          >
            ↓ Jump to latest
          </button>
        )}
        <Composer isBusy={isBusy} box={box} onSend={send} onStop={stop} />
      </div>
    </>
  )
}

/** For a reader of the screen: that an answer comes, and once it is there, what it says. */
function newsOf(messages: readonly ChatMessage[], isBusy: boolean): string {
  if (isBusy) return 'The assistant is answering'
  const last = messages.at(-1)
  if (last?.role !== 'assistant') return ''
  const texts = last.parts.map((part) => (part.type === 'text' ? part.text : ''))
  return isWaiting(messages)
    ? 'The assistant asks whether a tool may run'
    : `The assistant: ${texts.join(' ')}`
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
