/** Placeholders → originals, in all spellings of models. */
import { editJson, escaped } from './json.js'
import { editNested, type TextMap } from './mask.js'
import { type Placeholders, placeholdersOf } from './placeholder.js'
import type { SearchRule } from './rules.js'
import { findHits } from './search.js'
import type { Values } from './values.js'

export class Restorer implements TextMap {
  private readonly placeholders: Placeholders | undefined
  readonly rules: readonly SearchRule[]

  constructor(private readonly values: Values) {
    this.placeholders = placeholdersOf(values.names)
    this.rules = this.placeholders ? [this.placeholders.rule] : []
  }

  /** The original of one form; undefined for an unknown placeholder, which stays. */
  original = (form: string): string | undefined => {
    const found = this.placeholders?.read(form)
    return found && this.values.originalOf(...found)
  }

  /** The same, escaped for a JSON string. */
  escapedOriginal = (form: string): string | undefined => {
    const text = this.original(form)
    return text === undefined ? undefined : escaped(text)
  }

  text(text: string): string {
    return this.edit(text, (original) => original)
  }

  /** Restores streamed JSON text: originals are escaped. */
  escape(text: string): string {
    return this.edit(text, escaped)
  }

  /**
   * A value that was a JSON number becomes one again; a placeholder outside of quotes becomes a
   * JSON value.
   */
  json(text: string): string {
    return editJson(text, {
      string: (text) => this.numberIn(text) ?? editNested(text, this),
      number: () => undefined,
      between: (text) => this.edit(text, this.toJson),
    })
  }

  number(value: number): number {
    return value
  }

  private readonly toJson = (original: string) =>
    this.values.numbers.has(original) ? original : JSON.stringify(original)

  private numberIn(text: string): number | undefined {
    const original = this.values.numbers.size > 0 ? this.original(text) : undefined
    return original !== undefined && this.values.numbers.has(original)
      ? Number(original)
      : undefined
  }

  private edit(text: string, write: (original: string) => string): string {
    let restored = ''
    let at = 0
    for (const { start, end } of findHits(text, this.rules)) {
      const original = this.original(text.slice(start, end))
      if (original === undefined) continue
      restored += text.slice(at, start) + write(original)
      at = end
    }
    return at === 0 ? text : restored + text.slice(at)
  }
}
