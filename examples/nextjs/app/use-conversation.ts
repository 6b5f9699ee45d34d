/** A conversation with the route: its turns as a page shows them. */
import { useEffect, useRef, useState } from 'react'
import { isTetradError, type Message } from 'tetrad'
import { type BrowserStream, createBrowserClient } from 'tetrad/browser'

const ai = createBrowserClient({ url: '/api/chat' })

export interface Turn {
  readonly id: number
  readonly question: string
  /** The answer so far. */
  readonly answer: string
  readonly isRunning: boolean
  readonly error?: string
  /** What the turn adds to the history that the next one sends. */
  readonly messages: readonly Message[]
}

export function useConversation() {
  const [turns, setTurns] = useState<readonly Turn[]>([])
  const running = useRef<BrowserStream>(undefined)
  const stop = () => running.current?.abort()
  // who leaves the page hears no more of the answer
  useEffect(() => () => running.current?.abort(), [])

  async function ask(question: string) {
    const id = turns.length
    const asked: Message = { role: 'user', content: question }
    const update = (change: Partial<Turn>) =>
      setTurns((all) => all.map((turn) => (turn.id === id ? { ...turn, ...change } : turn)))
    setTurns([...turns, { id, question, answer: '', isRunning: true, messages: [] }])

    const stream = ai.stream({ messages: [...turns.flatMap(({ messages }) => messages), asked] })
    running.current = stream
    let answer = ''
    try {
      for await (const text of stream.textStream) {
        answer += text
        update({ answer })
      }
      const { messages } = await stream.response
      update({ isRunning: false, messages: [asked, ...messages] })
    } catch (error) {
      const isStopped = isTetradError(error) && error.name === 'AbortError'
      update({
        isRunning: false,
        // what was said before the end stays said
        messages: answer === '' ? [] : [asked, { role: 'assistant', content: answer }],
        ...(!isStopped && { error: error instanceof Error ? error.message : String(error) }),
      })
    }
  }

  return { turns, isRunning: turns.at(-1)?.isRunning ?? false, ask, stop }
}
