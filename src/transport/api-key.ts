/** Finds the API key of a call, and refuses one that cannot be sent, before any connection and without showing it. */
import { asObject } from '../chat/index.js'
import { AuthenticationError, type ErrorDetails, MisuseError } from '../core/index.js'

export interface KeySource {
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Environment variables, in this order. None, and no key given: the server needs none. */
  readonly apiKeyVariables: readonly string[]
  readonly dangerouslyAllowBrowser?: boolean | undefined
}

/**
 * The key of the call, else the option, else the environment. One that was given but is empty is not replaced by the
 * next: a tenant without a key must not use the house's.
 * Throws `AuthenticationError`: `missing_api_key` names the variable, `bad_api_key` is one that no header can carry;
 * and `MisuseError` in a page, which would show the key to its reader.
 */
export function apiKeyOf(
  callKey: string | undefined,
  { apiKey, apiKeyVariables, dangerouslyAllowBrowser = false }: KeySource,
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
  if (isPage() && !dangerouslyAllowBrowser)
    throw new MisuseError(
      `A page would show the API key for ${details.provider} to everybody: call a route of your server with tetrad/browser. For a key that is its user's own there is dangerouslyAllowBrowser`,
      details,
    )
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

const remedy = (variables: readonly string[]) => {
  if (variables.length === 0) return 'give the option apiKey'
  const names = variables.join(' or ')
  return globalThis.process?.env
    ? `set ${names}, or give the option apiKey`
    : `there is no process.env here to read ${names} from, give the option apiKey`
}

/** A window with a document, or a worker of one. Servers and edges have parts of both. */
const isPage = () => {
  const { document, WorkerNavigator, navigator, Deno } = asObject(globalThis)
  if (Deno !== undefined) return false
  const isWorker = typeof WorkerNavigator === 'function' && navigator instanceof WorkerNavigator
  return isWorker || (typeof document === 'object' && document !== null)
}

/** There is no `process` in a browser or on some edges. */
const fromEnvironment = (variables: readonly string[]) => {
  const environment = globalThis.process?.env ?? {}
  return variables.map((name) => environment[name]).find((value) => value)
}
