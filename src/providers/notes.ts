/** What a dialect reports of one request: each warning once, and the error for what cannot be sent. */
import {
  asObjects,
  asText,
  type ChatRequest,
  type JsonObject,
  type Warning,
} from '../chat/index.js'
import { BadRequestError } from '../core/index.js'
import type { Warn } from './adapter.js'

/** `param` is `messages` unless told. */
export type Note = (code: Warning['code'], message: string, param?: string) => void

export interface Notes {
  readonly provider: string
  readonly model: string
  readonly note: Note
  /** The error for a request that cannot be sent: before any connection. */
  readonly invalid: (message: string, code: string) => BadRequestError
}

export function notesOf(provider: string, model: string, warn: Warn): Notes {
  const told = new Set<string>()
  return {
    provider,
    model,
    note: (code, message, param = 'messages') => {
      const key = JSON.stringify([code, param, message])
      if (told.has(key)) return
      told.add(key)
      warn({ code, param, provider, message })
    },
    invalid: (message, code) =>
      new BadRequestError(`${provider}/${model}: ${message}`, {
        provider,
        model,
        status: 400,
        code,
        phase: 'request',
      }),
  }
}

/** Members that the API has no place for: each is reported, none is lost in silence. */
export function tellLost(
  members: object,
  taken: readonly string[],
  { what, note, param }: { readonly what: string; readonly note: Note; readonly param?: string },
): void {
  for (const [name, value] of Object.entries(members))
    if (!taken.includes(name) && value !== undefined && value !== null)
      note('dropped', `'${name}' of ${what} was left out: the API has no place for it`, param)
}

/** The members of these names that say something. */
export const pick = (members: object, names: readonly string[]): JsonObject =>
  Object.fromEntries(
    Object.entries(members).filter(
      ([name, value]) => names.includes(name) && value !== undefined && value !== null,
    ),
  )

/**
 * What the API changed in the request before the model read it. OpenAI: `{ id, type, action, reason }`; Anthropic: `{ path, type, reason }`.
 */
export function warnOfTransformations(wire: unknown, provider: string, warn: Warn): void {
  for (const { id, path, type, action, reason } of asObjects(wire)) {
    const what = [action, type, id ?? path].flatMap((word) => asText(word) ?? []).join(' ')
    warn({
      code: /allowed/.test(String(type)) ? 'other' : 'dropped',
      param: 'messages',
      provider,
      message: `The API did not take the request as it was: ${what} (${asText(reason) ?? 'no reason given'})`,
    })
  }
}

/** Members of `thinking` that only another provider knows, as `block_binding`. */
export function warnOfThinking({ thinking }: ChatRequest, provider: string, warn: Warn): void {
  const note: Note = (code, message, param = 'thinking') => warn({ code, param, provider, message })
  const known = ['type', 'budget_tokens', 'display']
  if (thinking) tellLost(thinking, known, { what: 'thinking', note, param: 'thinking' })
}
