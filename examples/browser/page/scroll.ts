/** Keeps the end of a growing log in sight, unless the reader has scrolled away from it. */

export function stickToEnd(log: HTMLElement, button: HTMLElement) {
  let isAtEnd = true
  const toEnd = () => {
    isAtEnd = true
    log.scrollTop = log.scrollHeight
    button.hidden = true
  }
  log.addEventListener('scroll', () => {
    isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48
    button.hidden = isAtEnd
  })
  button.addEventListener('click', () => {
    toEnd()
    // the button is gone: the focus must not be lost with it
    log.focus({ preventScroll: true })
  })
  return {
    toEnd,
    /** Call it after the log has grown. */
    follow(): void {
      if (isAtEnd) toEnd()
    },
  }
}
