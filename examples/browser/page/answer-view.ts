/** Draws one answer while it comes: thoughts folded, tool calls as cards, text, and a line that tells what it took. */
import type { StreamChunk } from 'tetrad'
import { type Answer, adder, type End, type Failure, type Part, type ToolPart } from './answer.js'
import { button, make, mark, written } from './dom.js'
import { markdownView } from './markdown.js'
import { toolCard } from './tool-card.js'

export interface AnswerView {
  readonly element: HTMLElement
  /** It goes on: the first time, and after an approval. */
  begin(): void
  /** Drawn with the next frame: however many chunks come at once, the page is laid out once. */
  add(chunk: StreamChunk): void
  /** What a reader of the screen is told when it has ended: text and questions, without marks. */
  spoken(): string
  end(end: End): void
  /** A person has decided on a tool call. */
  decided(tool: ToolPart): void
  /** The talk went on: what waits for a yes will not get it. */
  passOver(): void
}

export interface AnswerActions {
  readonly retry: () => void
  readonly decide: (tool: ToolPart, approved: boolean) => void
  /** The answer has grown on the screen. */
  readonly onGrow: () => void
}

type Draw = () => void

/** The answer as far as it is there. */
export function answerView(answer: Answer, actions: AnswerActions): AnswerView {
  const body = make('div', 'body')
  const label = make('span', 'label')
  const speaker = make('h2', 'unseen', 'Assistant')
  const element = make('article', 'assistant', speaker, body, make('footer', '', mark(), label))
  const draws = new Map<Part, Draw>()
  /** Changed since the last frame. */
  const changed = new Set<Part>(answer.parts)
  let frame = 0
  let add = adder(answer)
  let failure: HTMLElement | undefined

  const draw = (): void => {
    cancelAnimationFrame(frame)
    frame = 0
    for (const part of changed) {
      const redraw = draws.get(part) ?? partView(part, body, answer, actions)
      draws.set(part, redraw)
      redraw()
    }
    changed.clear()
    const isRunning = answer.end === undefined
    label.textContent = isRunning ? doing(answer.parts.at(-1)) : summary(answer)
    element.classList.toggle('running', isRunning)
    element.ariaBusy = String(isRunning)
    actions.onGrow()
  }
  /** Text is drawn to its last mark when nothing follows any more. */
  const changeLast = () => {
    const part = answer.parts.at(-1)
    if (part) changed.add(part)
  }
  const close = (end: End): void => {
    answer.end = end
    changeLast()
    if (end.type === 'failed') failure = body.appendChild(failureView(end, actions.retry))
    draw()
  }
  const turn = (status: ToolPart['status'], ...from: readonly ToolPart['status'][]): void => {
    for (const part of answer.parts) {
      if (part.type !== 'tool' || !from.includes(part.status)) continue
      part.status = status
      changed.add(part)
    }
  }

  draw()
  if (answer.end) close(answer.end)
  return {
    element,
    begin() {
      delete answer.end
      failure?.remove()
      add = adder(answer)
      draw()
    },
    add(chunk) {
      changeLast()
      const part = add(chunk)
      if (part) changed.add(part)
      frame ||= requestAnimationFrame(draw)
    },
    spoken: () =>
      [...body.querySelectorAll('.text > :not(.code), .code code, .question span')]
        .map(({ textContent }) => textContent?.trim())
        .join('\n'),
    end(end) {
      // a call that nobody answered will not be answered now
      turn('failed', 'asking', 'running')
      draw()
      close(end)
    },
    decided(tool) {
      tool.status = 'running'
      changed.add(tool)
      draw()
    },
    passOver() {
      turn('failed', 'waiting')
      draw()
    },
  }
}

/** What the user said. */
export const questionView = (text: string): HTMLElement =>
  make('article', 'user', make('h2', 'unseen', 'You'), written(make('p', '', text)))

function partView(part: Part, body: HTMLElement, answer: Answer, { decide }: AnswerActions): Draw {
  switch (part.type) {
    case 'text':
      return textView(part, body, answer)
    case 'thought':
      return thoughtView(part, body)
    case 'tool': {
      const card = toolCard(part.name, (approved) => decide(part, approved))
      body.append(card.element)
      return () => card.draw(part)
    }
  }
}

type Words = Extract<Part, { type: 'text' | 'thought' }>

function textView(part: Words, body: HTMLElement, answer: Answer): Draw {
  const view = markdownView(body.appendChild(make('div', 'text')))
  return () => view.draw(part.text, answer.end !== undefined || answer.parts.at(-1) !== part)
}

function thoughtView(part: Words, body: HTMLElement): Draw {
  const peek = make('span', 'peek')
  const text = document.createTextNode('')
  body.append(
    make(
      'details',
      'thought',
      make('summary', '', make('span', 'name', 'Thoughts'), peek),
      written(make('div', '', text)),
    ),
  )
  return () => {
    text.appendData(part.text.slice(text.length))
    peek.textContent = part.text.slice(-90)
  }
}

function failureView({ message, waitMs = 0 }: Failure, retry: () => void): HTMLElement {
  const again = button('again', 'Try again', retry)
  if (waitMs > 0) {
    again.disabled = true
    setTimeout(() => {
      again.disabled = false
    }, waitMs)
  }
  const element = make('div', 'failure', written(make('p', '', message)), again)
  element.role = 'alert'
  return element
}

function doing(part: Part | undefined): string {
  if (part?.type === 'thought') return 'Thinking'
  if (part?.type === 'tool') return 'Working'
  return part ? 'Writing' : 'Waiting for the first word'
}

function summary({ model, tokens, cost, seconds, end }: Answer): string {
  return [
    end?.type === 'stopped' ? 'Stopped' : '',
    model,
    tokens > 0 ? `${tokens.toLocaleString('en')} tokens` : '',
    cost ? dollars(cost) : '',
    seconds === undefined ? '' : `${seconds.toFixed(1)} s`,
  ]
    .filter(Boolean)
    .join(' · ')
}

const dollars = (usd: number) => `$${usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(2)}`
