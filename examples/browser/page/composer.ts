/** The form: Enter sends, Shift+Enter breaks the line, Esc stops. */
import { find } from './dom.js'

interface ComposerOptions {
  readonly ask: (question: string) => void
  readonly stop: () => void
}

export function connectComposer({ ask, stop }: ComposerOptions) {
  const form = find<HTMLFormElement>('form')
  const input = find<HTMLTextAreaElement>('input')
  const send = find<HTMLButtonElement>('send')
  const stopButton = find<HTMLButtonElement>('stop')
  let isRunning = false

  const refresh = () => {
    send.hidden = isRunning
    stopButton.hidden = !isRunning
    send.disabled = input.value.trim() === ''
    // for browsers that do not know `field-sizing`
    input.rows = input.value.split('\n').length
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const question = input.value.trim()
    if (question === '' || isRunning) return
    input.value = ''
    ask(question)
  })
  input.addEventListener('input', refresh)
  input.addEventListener('keydown', (event) => {
    // an input method uses Enter for itself
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    form.requestSubmit()
  })
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isRunning && !event.isComposing) stop()
  })
  stopButton.addEventListener('click', stop)
  refresh()
  return {
    setRunning(running: boolean): void {
      const hadFocus = document.activeElement === stopButton
      isRunning = running
      refresh()
      // the button that was pressed is gone: the focus must not be lost with it
      if (hadFocus) input.focus({ preventScroll: true })
    },
  }
}
