/** A dropped connection heals: the server writes on, and the page reads the answer again. */
import type { UseChatHelpers } from '@ai-sdk/react'
import { useEffect, useRef } from 'react'
import type { ChatMessage } from './conversation.js'

type Chat = Pick<UseChatHelpers<ChatMessage>, 'status' | 'error' | 'resumeStream'>

/** True while the connection is lost. Tries again at once, then ever more rarely, and when the network is back. */
export function useHealing({ status, error, resumeStream }: Chat): boolean {
  const failures = useRef(0)
  // `fetch` fails with it where there is no network; what the server answers is another error
  const isLost = error instanceof TypeError
  useEffect(() => {
    if (status === 'streaming') failures.current = 0
    if (!isLost || !error) return
    const resume = () => void resumeStream()
    const timer = setTimeout(resume, 250 * 2 ** Math.min(failures.current++, 5))
    addEventListener('online', resume)
    return () => {
      clearTimeout(timer)
      removeEventListener('online', resume)
    }
    // each failure is an error of its own
  }, [status, error, isLost, resumeStream])
  return isLost
}
