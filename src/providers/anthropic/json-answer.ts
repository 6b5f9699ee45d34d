/** The answer as the call of a tool of ours: its arguments are the text, and other text is only the way there. */
import { isObject, parseJson } from '../../chat/index.js'
import { wrapper } from './output-format.js'

/** Holds text back until it is clear whether the call comes. */
export class JsonAnswer {
  private held: string[] = []
  /** The call has come. */
  isGiven = false

  constructor(readonly isWrapped: boolean) {}

  hold(text: string): void {
    if (!this.isGiven) this.held.push(text)
  }

  /** Text that no call made superfluous. */
  release(): string {
    const text = this.held.join('')
    this.held = []
    return text
  }

  /** The call begins; true where text before it is given up. */
  begin(): boolean {
    this.isGiven = true
    return this.release().trim() !== ''
  }
}

/** What the wrapper holds; a model that forgot it has answered all the same. */
export function unwrapped(json: string): string {
  const value = parseJson(json)
  return isObject(value) && Object.hasOwn(value, wrapper) ? JSON.stringify(value[wrapper]) : json
}
