/** Finds the API key of a call, and refuses one that cannot be sent, before any connection and without showing it. */
import { AuthenticationError, type ErrorDetails } from '../core/index.js'

export interface KeySource {
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Environment variables, in this order. None, and no key given: the server needs none. */
  readonly apiKeyVariables: readonly string[]
}

/**
 * The key of the call, else the option, else the environment. One that was given but is empty is not replaced by the
 * next: a tenant without a key must not use the house's.
 * Throws `AuthenticationError`: `missing_api_key` names the variable, `bad_api_key` is one that no header can carry.
 */
export function apiKeyOf(
  callKey: string | undefined,
  { apiKey, apiKeyVariables }: KeySource,
  details: ErrorDetails,
): string | undefined {
  const given = callKey ?? (typeof apiKey === 'function' ? apiKey() : apiKey)
  const key = given ?? fromEnvironment(apiKeyVariables)
  if (!key) {
    if (key === undefined && apiKeyVariables.length === 0) return undefined
    throw refusal(`No API key for ${details.provider}: ${remedy(apiKeyVariables)}`, {
      ...details,
      code: 'missing_api_key',
    })
  }
  if (!sendable.test(key))
    throw refusal(
      `The API key for ${details.provider} holds a space, a line break or a character outside Latin-1`,
      { ...details, code: 'bad_api_key' },
    )
  return key
}

const sendable = /^[\x21-\x7e\xa1-\xff]+$/

const refusal = (message: string, details: ErrorDetails) =>
  new AuthenticationError(message, { ...details, status: 401, phase: 'request' })

const remedy = (variables: readonly string[]) =>
  variables.length > 0 ? `set ${variables.join(' or ')}, or give apiKey` : 'give apiKey'

/** There is no `process` in a browser or on some edges. */
const fromEnvironment = (variables: readonly string[]) => {
  const environment = globalThis.process?.env ?? {}
  return variables.map((name) => environment[name]).find((value) => value)
}
