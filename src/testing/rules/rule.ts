/** Validation rules of a request, with the provider's error messages. */
import { isObject, type JsonObject } from '../../chat/index.js'
import type { ProviderName } from '../script.js'

/** The validated request. */
export interface Checked {
  readonly provider: ProviderName
  readonly model: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

/** The error message; undefined if valid. */
export type Rule = (request: Checked) => string | undefined

/** The first objection. */
export const firstOf =
  (...rules: readonly Rule[]): Rule =>
  (request) => {
    for (const rule of rules) {
      const objection = rule(request)
      if (objection !== undefined) return objection
    }
    return undefined
  }

/** The first objection to an item of a list. */
export function firstIn<Item>(
  items: readonly Item[],
  look: (item: Item, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const objection = look(item, index)
    if (objection !== undefined) return objection
  }
  return undefined
}

/** The objects of a list; empty for anything else. */
export const objectsOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : []

export const isEmptyList = (value: unknown) => !Array.isArray(value) || value.length === 0

/** OpenAI's range. */
export const temperature: Rule = ({ body }) => {
  const value = body.temperature
  if (typeof value !== 'number' || (value >= 0 && value <= 2)) return undefined
  return `Invalid 'temperature': decimal out of range. Expected a value between 0 and 2, but got ${value} instead.`
}

/** Consecutive parts of one role. */
export interface Turn {
  readonly role: unknown
  readonly parts: readonly JsonObject[]
}

/** Merges consecutive messages of one role. */
export function turnsOf(messages: readonly Turn[]): readonly Turn[] {
  const turns: { role: unknown; parts: JsonObject[] }[] = []
  for (const { role, parts } of messages) {
    const last = turns.at(-1)
    if (last && last.role === role) last.parts.push(...parts)
    else turns.push({ role, parts: [...parts] })
  }
  return turns
}
