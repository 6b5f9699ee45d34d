/** The chat page: a list of messages, a form, one stream at a time. */
import { createBrowserClient } from 'tetrad/browser'
import { answerView, questionView } from './answer-view.js'
import { conversation } from './conversation.js'

const find = <Type extends HTMLElement>(id: string) => document.getElementById(id) as Type
const log = find('log')
const welcome = find('welcome')
const form = find<HTMLFormElement>('form')
const input = find<HTMLTextAreaElement>('input')
const send = find<HTMLButtonElement>('send')
const stop = find<HTMLButtonElement>('stop')
const status = find('status')
const model = find<HTMLSelectElement>('model')

const ai = createBrowserClient({ url: '/chat' })
const history = conversation(sessionStorage)
let stopAnswer: (() => void) | undefined

for (const message of history.messages) show(message)
refresh()

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const question = input.value.trim()
  if (question !== '' && !stopAnswer) void ask(question)
})
input.addEventListener('input', refresh)
input.addEventListener('keydown', (event) => {
  // a line is broken with Shift; an input method uses Enter for itself
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  form.requestSubmit()
})
stop.addEventListener('click', () => stopAnswer?.())
find('clear').addEventListener('click', () => {
  stopAnswer?.()
  history.clear()
  log.replaceChildren(welcome)
  refresh()
})
find('ideas').addEventListener('click', ({ target }) => {
  if (target instanceof HTMLButtonElement && !stopAnswer) void ask(target.textContent ?? '')
})
addEventListener('online', refresh)
addEventListener('offline', refresh)

/** Sends the question, draws the answer while it comes, and keeps both. */
async function ask(question: string): Promise<void> {
  input.value = ''
  show(history.add({ role: 'user', content: question }))
  const started = performance.now()
  const view = answerView(() => (performance.now() - started) / 1000)
  log.append(view.element)
  const abort = new AbortController()
  stopAnswer = () => abort.abort()
  refresh()
  toEnd()
  const failure = await read(view.add, abort.signal)
  view.end(failure)
  if (view.text !== '' && view.element.isConnected) {
    history.add({ role: 'assistant', content: view.text })
  }
  stopAnswer = undefined
  refresh()
  input.focus({ preventScroll: true })
}

type Add = ReturnType<typeof answerView>['add']

/** Reads one answer; gives a sentence where it failed. Stopping it is no failure. */
async function read(add: Add, signal: AbortSignal): Promise<string | undefined> {
  try {
    const request = { model: model.value, messages: history.messages }
    for await (const chunk of ai.stream(request, { signal })) {
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60
      add(chunk)
      if (isAtEnd) toEnd()
    }
  } catch (error) {
    if (!signal.aborted) return error instanceof Error ? error.message : String(error)
  }
  return undefined
}

function show({ role, content }: (typeof history.messages)[number]): void {
  welcome.remove()
  if (role === 'user') return void log.append(questionView(content))
  const view = answerView(() => 0)
  view.add({ type: 'text-delta', text: content })
  view.end()
  log.append(view.element)
  toEnd()
}

function refresh(): void {
  const isRunning = stopAnswer !== undefined
  log.setAttribute('aria-busy', String(isRunning))
  send.hidden = isRunning
  stop.hidden = !isRunning
  send.disabled = input.value.trim() === ''
  if (navigator.onLine) status.textContent = ''
  else status.textContent = isRunning ? 'Offline: the answer goes on when you are back' : 'Offline'
}

function toEnd(): void {
  log.scrollTop = log.scrollHeight
}
