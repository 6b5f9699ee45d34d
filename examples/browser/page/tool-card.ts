/** A tool call on the page: its name, what goes in, what comes out, and the question whether it may run. */
import type { ToolPart } from './answer.js'
import { button, make, written } from './dom.js'

export type Decide = (approved: boolean) => void

const words: Readonly<Record<ToolPart['status'], string>> = {
  asking: 'preparing',
  running: 'running',
  waiting: 'needs your yes',
  done: 'done',
  failed: 'not done',
}

export function toolCard(name: string, decide: Decide) {
  const element = make('details', 'tool')
  const status = make('span', 'status')
  const gist = make('span', 'gist')
  const input = make('div', 'values')
  const output = make('div', 'values')
  const question = make(
    'div',
    'question',
    make('span', '', 'May this run?'),
    button('yes', 'Allow', () => decide(true)),
    button('no', 'Decline', () => decide(false)),
  )
  const title = make('span', 'name', titleOf(name))
  element.append(make('summary', '', make('span', 'sign'), title, gist, status), input, output)
  return {
    element,
    draw(part: ToolPart): void {
      element.dataset.status = part.status
      status.textContent = words[part.status]
      gist.textContent = gistOf(part.input)
      input.replaceChildren(make('p', '', 'Asked'), values(part.input))
      if (part.output !== undefined)
        output.replaceChildren(make('p', '', 'Answered'), values(part.output))
      const isAsked = question.parentNode !== null
      if (isAsked === (part.status === 'waiting')) return
      // it is read before it is allowed, and folded again behind the decision
      element.open = !isAsked
      if (isAsked) question.remove()
      else element.append(question)
    },
  }
}

const titleOf = (name: string) => {
  const spaced = name.replaceAll('_', ' ')
  return spaced.charAt(0).toUpperCase() + spaced.slice(1)
}

/** The first value: enough to know what is asked. */
const gistOf = (json: string): string => String(rowsOf(json)?.[0]?.[1] ?? '')

/** An object as names and values, anything else as it is. */
function values(text: string): HTMLElement {
  const rows = rowsOf(text)
  if (!rows) return make('pre', '', text)
  const cells = rows.flatMap(([name, value]) => [
    make('dt', '', name),
    written(make('dd', '', value)),
  ])
  return make('dl', '', ...cells)
}

function rowsOf(json: string): readonly (readonly [string, string])[] | undefined {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null) return undefined
    return Object.entries(value).map(([name, one]) => [
      name,
      typeof one === 'string' ? one : JSON.stringify(one),
    ])
  } catch {
    // not whole yet, or no JSON at all
    return undefined
  }
}
