/** Originals → placeholders: matches of the rules and of the app's `detect` in texts. */
import { MisuseError } from '../../src/core/index.js'
import { editJsonText, isJson, looksLikeJson } from './json.js'
import { type SearchRule, toPlaceholder } from './rules.js'
import { findHits, type Hit } from './search.js'
import type { Value, Values } from './values.js'

/** A match of a service in a text. Positions are UTF-16 indices, `end` is exclusive. */
export interface Detected {
  readonly name: string
  readonly start: number
  readonly end: number
}

export type Detect = (text: string) => readonly Detected[] | Promise<readonly Detected[]>

/** Edits a text of a request or an answer. Implementations are pure once prepared. */
export interface TextMap {
  text(text: string): string
  /** JSON text: arguments. */
  json(text: string): string
  number(value: number): number | string
}

/** Calls the service once a text. One instance for each call, with its results. */
export class Detections {
  private readonly found = new Map<string, readonly Hit[]>()

  constructor(private readonly detect: Detect) {}

  of(text: string): readonly Hit[] {
    const hits = this.found.get(text)
    // fail closed: an unchecked text is not sent
    if (!hits && text !== '')
      throw new MisuseError('redact() found a text that was not passed to detect()')
    return hits ?? []
  }

  async prepare(texts: readonly string[]): Promise<void> {
    const fresh = [...new Set(texts)].filter((text) => text !== '' && !this.found.has(text))
    await Promise.all(
      fresh.map(async (text) => {
        const found = await this.detect(text)
        this.found.set(text, checked(found, text.length))
      }),
    )
  }
}

function checked(found: readonly Detected[], length: number): readonly Hit[] {
  if (!Array.isArray(found))
    throw new MisuseError('detect() of redact() must return a list of { name, start, end }')
  return found.map(({ name, start, end }) => {
    const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0
    if (!isInside || end <= start || end > length)
      throw new MisuseError(
        `detect() of redact() returned ${start} to ${end} for a text of length ${length}`,
      )
    return { name: toPlaceholder(name), start, end }
  })
}

export class Masker implements TextMap {
  constructor(
    private readonly rules: readonly SearchRule[],
    private readonly values: Values,
    private readonly detections?: Detections | undefined,
  ) {}

  hits(text: string): readonly Hit[] {
    // an untyped program may pass anything in place of text
    if (typeof text !== 'string') return []
    const found = [...findHits(text, this.rules)]
    const detected = this.detections?.of(text) ?? []
    return detected.length === 0 ? found : leftmost([...found, ...detected])
  }

  valuesIn(text: string): readonly Value[] {
    return this.hits(text).map(({ name, start, end }) => ({ name, text: text.slice(start, end) }))
  }

  text(text: string): string {
    let masked = ''
    let at = 0
    for (const { name, start, end } of this.hits(text)) {
      const placeholder = this.values.placeholderOf({ name, text: text.slice(start, end) })
      masked += text.slice(at, start) + placeholder
      at = end
    }
    return at === 0 ? text : masked + text.slice(at)
  }

  json(text: string): string {
    return editJsonText(text, {
      string: (text) => editNested(text, this),
      number: (text) => different(this.text(text), text),
    })
  }

  number(value: number): number | string {
    return different(this.text(String(value)), String(value)) ?? value
  }
}

/** Other text after `data:` may contain personal data. */
const isBase64Url = (text: string) => /^data:[\w.+/-]{1,100};base64,[\w+/=-]*$/.test(text)

const different = (edited: string, text: string) => (edited === text ? undefined : edited)

/** Merges overlapping hits into the left one, so that no part of the other remains. */
function leftmost(hits: readonly Hit[]): readonly Hit[] {
  const kept: Hit[] = []
  for (const hit of hits.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = kept.at(-1)
    if (!last || hit.start >= last.end) kept.push(hit)
    else if (hit.end > last.end) kept[kept.length - 1] = { ...last, end: hit.end }
  }
  return kept
}

/** Edits nothing, and collects all texts. */
export class TextCollector implements TextMap {
  readonly texts: string[] = []
  readonly numbers: string[] = []

  get all(): readonly string[] {
    return [...this.texts, ...this.numbers]
  }

  text = (text: string) => {
    if (typeof text === 'string') this.texts.push(text)
    return text
  }

  number = (value: number) => {
    this.numbers.push(String(value))
    return value
  }

  json = (text: string): string =>
    editJsonText(text, {
      string: (text) => editNested(text, this),
      number: (text) => {
        this.numbers.push(text)
        return undefined
      },
    })
}

/** Keeps numbers: they are settings, sizes, limits, positions. */
export const wordsOnly = (map: TextMap): TextMap => ({
  text: (text) => map.text(text),
  json: (text) => map.json(text),
  number: (value) => value,
})

/** Edits JSON text by its strings, other text as a whole. */
export const editContent = (text: string, map: TextMap): string =>
  looksLikeJson(text) ? map.json(text) : map.text(text)

/** Edits JSON nested in a JSON string. */
export const editNested = (text: string, map: TextMap): string =>
  isJson(text) ? map.json(text) : map.text(text)

/** Edits all strings, keys and numbers of a value; base64 data URLs stay. */
export function editValue(value: unknown, map: TextMap): unknown {
  if (typeof value === 'string') return isBase64Url(value) ? value : map.text(value)
  if (typeof value === 'number') return map.number(value)
  if (Array.isArray(value)) return value.map((item) => editValue(item, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [map.text(key), editValue(member, map)]),
  )
}
