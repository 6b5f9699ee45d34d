/** Draws one answer while it comes: thoughts folded, tool calls, text. Everything goes in as text, never as HTML. */
import type { StreamChunk } from 'tetrad'

export interface AnswerView {
  readonly element: HTMLElement
  /** The text of the answer so far. */
  readonly text: string
  add(chunk: StreamChunk): void
  /** The answer is over: whole, stopped, or with a sentence that says what went wrong. */
  end(failure?: string): void
}

interface Tool {
  readonly card: HTMLDetailsElement
  readonly state: HTMLElement
  readonly input: Text
  readonly output: Text
}

/** An empty answer. `seconds` tells the time since it was asked for. */
export function answerView(seconds: () => number): AnswerView {
  const element = make('article', 'assistant running')
  const tools = new Map<string, Tool>()
  let turn: string[] = []
  let open: { readonly kind: 'text' | 'thought'; readonly node: Text } | undefined
  let text = ''
  let model = ''
  let tokens = 0
  let cost: number | undefined = 0

  const write = (kind: 'text' | 'thought', piece: string) => {
    if (open?.kind !== kind) open = { kind, node: kind === 'text' ? paragraph() : thought() }
    open.node.appendData(piece)
  }
  const paragraph = () => textIn(element.appendChild(make('p', 'text')))
  const thought = () => {
    const details = element.appendChild(make('details', 'thought'))
    details.append(make('summary', '', 'Thought'))
    return textIn(details.appendChild(make('div')))
  }
  const tool = (index: number) => tools.get(turn[index] ?? '')

  const add = (chunk: StreamChunk): void => {
    switch (chunk.type) {
      case 'start':
        turn = []
        open = undefined
        model = chunk.model
        return
      case 'text-delta':
      case 'refusal-delta':
        text += chunk.text
        write('text', chunk.text)
        return
      case 'reasoning-delta':
        write('thought', chunk.text)
        return
      case 'tool-call-start':
        open = undefined
        turn[chunk.index] = chunk.id
        tools.set(chunk.id, toolCard(element, chunk.name))
        return
      case 'tool-call-delta':
        tool(chunk.index)?.input.appendData(chunk.arguments)
        return
      case 'tool-call-end':
        tell(tool(chunk.index), 'running …')
        return
      case 'tool-result':
        showResult(tools.get(chunk.tool_call_id), chunk.content, chunk.is_error === true)
        return
      case 'finish':
        tokens += chunk.usage.total_tokens
        cost =
          cost === undefined || chunk.usage.cost === undefined ? undefined : cost + chunk.usage.cost
        return
    }
  }

  return {
    element,
    get text() {
      return text
    },
    add,
    end(failure) {
      element.classList.remove('running')
      if (failure !== undefined) element.append(make('p', 'failure', failure))
      if (tokens === 0) return
      const parts = [model, `${tokens.toLocaleString('en')} tokens`, `${seconds().toFixed(1)} s`]
      if (cost !== undefined) parts.splice(2, 0, dollars(cost))
      element.append(make('p', 'usage', parts.join(' · ')))
    },
  }
}

/** The question of the user. */
export function questionView(question: string): HTMLElement {
  const element = make('article', 'user')
  element.append(make('p', '', question))
  return element
}

function toolCard(parent: HTMLElement, name: string): Tool {
  const card = parent.appendChild(make('details', 'tool'))
  const summary = card.appendChild(make('summary'))
  summary.append(make('code', '', name))
  const state = summary.appendChild(make('span', 'state', 'asking …'))
  return {
    card,
    state,
    input: textIn(card.appendChild(make('pre', 'input'))),
    output: textIn(card.appendChild(make('pre', 'output'))),
  }
}

function tell(tool: Tool | undefined, state: string): void {
  if (tool) tool.state.textContent = state
}

function showResult(tool: Tool | undefined, content: string, isError: boolean): void {
  tell(tool, isError ? 'failed' : 'done')
  tool?.output.appendData(content)
  if (isError) tool?.card.classList.add('failed')
}

const textIn = (element: HTMLElement) => element.appendChild(document.createTextNode(''))

const dollars = (usd: number) => (usd < 0.01 ? `$${usd.toPrecision(2)}` : `$${usd.toFixed(2)}`)

function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className = '', text = '') {
  const element = document.createElement(name)
  if (className) element.className = className
  if (text) element.textContent = text
  return element
}
