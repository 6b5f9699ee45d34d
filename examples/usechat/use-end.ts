/** The end of a list that grows, whose reader may have scrolled away from it. */
import { useRef, useState } from 'react'

export function useEnd() {
  const list = useRef<HTMLElement>(null)
  const [isAway, setAway] = useState(false)
  return {
    list,
    isAway,
    // the list is turned around: it is at its end at 0, and above it below 0
    onScroll: () => setAway((list.current?.scrollTop ?? 0) < -48),
    go: () => list.current?.scrollTo(0, 0),
  }
}
