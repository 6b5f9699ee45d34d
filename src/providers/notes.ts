/** Reports of a dialect for a request: each warning once, and the error for an unsendable one. */
import type { ChatRequest, ParamRule, Warning } from '../chat/index.js'
import { asObjects, asText, isGiven } from '../chat/json.js'
import { BadRequestError } from '../core/index.js'
import type { Warn, WireOptions } from './adapter.js'

/** Reports a change of the request, by its kind. `param` defaults to `messages`. */
export type Note = Readonly<Record<Change, (message: string, param?: string) => void>>

export type Change = Exclude<Warning['code'], 'fallback'>

/** What a request writer needs to know of its call. */
export type WriteOptions = Omit<WireOptions, 'signal'>

export interface Notes {
  readonly provider: string
  readonly model: string
  readonly warn: Warn
  readonly note: Note
  /** The error for a request that cannot be sent, thrown before any connection. */
  readonly invalid: (message: string, code: string) => BadRequestError
}

/** Without `report`: for `convertMessages`, which has no receiver for warnings. */
export function notesOf(provider: string, model: string, report: Warn = () => {}): Notes {
  const reported = new Set<string>()
  const warn: Warn = (warning) => {
    const key = JSON.stringify([warning.code, warning.param, warning.message])
    if (!reported.has(key)) report(warning)
    reported.add(key)
  }
  const noteOf =
    (code: Change) =>
    (message: string, param = 'messages') =>
      warn({ code, param, provider, message })
  return {
    provider,
    model,
    warn,
    note: {
      dropped: noteOf('dropped'),
      changed: noteOf('changed'),
      repaired: noteOf('repaired'),
      ignored: noteOf('ignored'),
      other: noteOf('other'),
    },
    invalid: (message, code) => {
      const details = { provider, model, status: 400, code, phase: 'request' } as const
      return new BadRequestError(`${provider}/${model}: ${message}`, details)
    },
  }
}

/** Reports each member that the API has no field for. */
export function reportLost(
  members: object,
  taken: readonly string[],
  { what, note, param }: { readonly what: string; readonly note: Note; readonly param?: string },
): void {
  for (const [name, value] of Object.entries(members))
    if (!taken.includes(name) && isGiven(value))
      note.dropped(`'${name}' of ${what} was left out: the API has no field for it`, param)
}

/** Reports the parameters of a request that have no field on the wire. */
export function reportUnmapped(
  request: ChatRequest,
  rules: readonly ParamRule[],
  { note }: Pick<Notes, 'note'>,
): void {
  for (const { param, reason, when, unmapped } of rules)
    if (unmapped && isGiven(request[param]) && when?.(request) !== false)
      note.dropped(`${param} was left out: ${reason}`, param)
}

/**
 * Warns of changes that the API made to the request before the model read it. OpenAI:
 * `{ id, type, action, reason }`; Anthropic: `{ path, type, reason }`.
 */
export function warnOfTransformations(wire: unknown, provider: string, warn: Warn): void {
  for (const { id, path, type, action, reason } of asObjects(wire)) {
    const what = [action, type, id ?? path].flatMap((word) => asText(word) ?? []).join(' ')
    warn({
      code: /allowed/.test(String(type)) ? 'other' : 'dropped',
      param: 'messages',
      provider,
      message: `The API rejected the original request: ${what} (${asText(reason) ?? 'no reason given'})`,
    })
  }
}

/** Reports members of `thinking` that only another provider knows, such as `block_binding`. */
export function reportThinking(thinking: object = {}, { note }: Notes): void {
  const known = ['type', 'budget_tokens', 'display']
  reportLost(thinking, known, { what: 'thinking', note, param: 'thinking' })
}
