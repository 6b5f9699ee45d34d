/** The chat page: a log of questions and answers, a form, one stream at a time. */
import type { Message } from 'tetrad'
import { type BrowserStream, createBrowserClient } from 'tetrad/browser'
import { type Answer, type End, emptyAnswer, type ToolPart, waitingTools } from './answer.js'
import { type AnswerView, answerView, questionView } from './answer-view.js'
import { connectComposer } from './composer.js'
import { announce, find } from './dom.js'
import { endOf } from './failure.js'
import { fillModels } from './models.js'
import { type Line, watchLine } from './network.js'
import { stickToEnd } from './scroll.js'
import {
  type Entry,
  forget,
  load,
  type Question,
  runningId,
  save,
  saveRunning,
} from './transcript.js'

const log = find('log')
const welcome = find('welcome')
const model = find<HTMLSelectElement>('model')

const url = '/api/chat'
const line = watchLine(showLine)
const ai = createBrowserClient({ url, fetch: line.fetch })
const scroll = stickToEnd(log, find('latest'))
const composer = connectComposer({ ask, stop: () => running?.abort() })
let transcript = load()
const decisions: Message[] = []
let running: BrowserStream | undefined
let lastView: AnswerView | undefined

find('clear').addEventListener('click', clear)
find('ideas').addEventListener('click', ({ target }) => {
  if (target instanceof HTMLButtonElement) ask(target.textContent.trim())
})
void fillModels(model, `${url}/models`)
open()

/** Draws what was kept; an answer that was being written goes on. */
function open(): void {
  const views = transcript.entries.map(show)
  const last = transcript.entries.at(-1)
  const view = views.at(-1)
  if (!last || !('answer' in last) || last.answer.end || !view) return
  const id = runningId()
  if (id) void follow(last.answer, view, ai.resume(id))
  else view.end({ type: 'failed', message: 'The page was loaded again before the answer came.' })
}

/** Draws an entry; gives the view where it is an answer. */
function show(entry: Entry): AnswerView | undefined {
  welcome.remove()
  if ('question' in entry) {
    log.append(questionView(entry.question))
    scroll.toEnd()
    return undefined
  }
  const { answer } = entry
  const view = answerView(answer, {
    retry: () => retry(entry, view),
    decide: (tool, approved) => decide(answer, view, tool, approved),
    onGrow: scroll.follow,
  })
  log.append(view.element)
  lastView = view
  return view
}

/** Sends a question. */
function ask(question: string): void {
  if (question === '' || running) return
  decisions.length = 0
  lastView?.passOver()
  const entry = { id: crypto.randomUUID(), question }
  add(entry)
  reply(entry)
}

/** Asks for the answer to a question that is on the screen. */
function reply({ id, question }: Question): void {
  const answer = emptyAnswer()
  const view = add({ answer })
  const messages = [{ role: 'user', id, content: question } as const]
  if (view) void follow(answer, view, request(messages), performance.now())
}

/** The server knows the conversation: only what is new is sent. */
const request = (messages: readonly Message[]) =>
  ai.stream({ id: transcript.id, messages, ...(model.value && { model: model.value }) })

function add(entry: Entry): AnswerView | undefined {
  transcript.entries.push(entry)
  return show(entry)
}

/** Reads a stream to its end, whatever it is, and draws it as it comes. */
async function follow(
  answer: Answer,
  view: AnswerView,
  stream: BrowserStream,
  started?: number,
): Promise<void> {
  running = stream
  composer.setRunning(true)
  view.begin()
  // what stands there now is what the stream adds to: a reload begins here
  save(transcript)
  scroll.toEnd()
  announce('The assistant is answering')
  // the button that was pressed may be gone: the focus must not be lost with it
  if (document.activeElement === document.body) log.focus({ preventScroll: true })
  let id: string | undefined
  let end: End = { type: 'whole' }
  try {
    for await (const chunk of stream) {
      if (stream.id && stream.id !== id) {
        id = stream.id
        saveRunning(id)
      }
      view.add(chunk)
    }
  } catch (error) {
    end = endOf(error)
  }
  if (running !== stream) return
  running = undefined
  line.rest()
  if (started !== undefined) answer.seconds = (performance.now() - started) / 1000
  view.end(end)
  save(transcript)
  composer.setRunning(false)
  announce(`The assistant: ${view.spoken()}`)
}

/** Asks again what failed: the answer that broke off makes room for a new one. */
function retry(entry: Entry, view: AnswerView | undefined): void {
  if (running) return
  const at = transcript.entries.indexOf(entry)
  const asked = transcript.entries.slice(0, at).findLast((one) => 'question' in one)
  transcript.entries.splice(at, 1)
  view?.element.remove()
  if (asked) reply(asked)
}

/** A yes or a no to a tool call; once all of a turn are decided the answer goes on. */
function decide(answer: Answer, view: AnswerView, tool: ToolPart, approved: boolean): void {
  if (running || tool.approval === undefined) return
  const approval = { id: tool.approval, approved }
  decisions.push({ role: 'tool', tool_call_id: tool.id, approval })
  view.decided(tool)
  if (waitingTools(answer).length === 0) void follow(answer, view, request(decisions.splice(0)))
}

function clear(): void {
  running?.abort()
  running = undefined
  composer.setRunning(false)
  forget()
  transcript = load()
  log.replaceChildren(welcome)
}

function showLine(state: Line): void {
  const element = find('line')
  element.dataset.state = state
  element.textContent = { fine: '', offline: 'Offline', reconnecting: 'Reconnecting' }[state]
}
