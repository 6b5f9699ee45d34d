'use client'
/** The page: what was said, and a line to write in. */
import { type KeyboardEvent, useState } from 'react'
import { type Turn, useConversation } from './use-conversation'

export default function Page() {
  const { turns, isRunning, ask, stop } = useConversation()

  return (
    <main>
      <div className="scroll">
        <div className="log" aria-live="polite">
          {turns.length === 0 && <h1>What is on your mind?</h1>}
          {turns.map((turn) => (
            <Exchange key={turn.id} {...turn} />
          ))}
        </div>
      </div>
      <Composer isRunning={isRunning} ask={ask} stop={stop} />
    </main>
  )
}

function Exchange({ question, answer, isRunning, error }: Turn) {
  return (
    <article>
      <p className="question">{question}</p>
      <p className={isRunning ? 'answer running' : 'answer'}>{answer}</p>
      {error && <p role="alert">{error}</p>}
    </article>
  )
}

interface ComposerProps {
  readonly isRunning: boolean
  readonly ask: (question: string) => void
  readonly stop: () => void
}

function Composer({ isRunning, ask, stop }: ComposerProps) {
  const [draft, setDraft] = useState('')

  function send() {
    const question = draft.trim()
    if (question === '' || isRunning) return
    setDraft('')
    ask(question)
  }

  function onKeyDown(event: KeyboardEvent) {
    // while an input method composes, Enter chooses a word
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    send()
  }

  return (
    <form action={send}>
      <textarea
        aria-label="Message"
        placeholder="Ask anything"
        rows={1}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {isRunning ? (
        <button type="button" onClick={stop}>
          Stop
        </button>
      ) : (
        <button type="submit" disabled={draft.trim() === ''}>
          Send
        </button>
      )}
    </form>
  )
}
