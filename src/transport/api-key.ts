/** Finds the API key of a call; an invalid one is rejected before any connection, and not shown. */
import { asObject } from '../chat/index.js'
import { AuthenticationError, type ErrorDetails, MisuseError } from '../core/index.js'

export interface KeySource {
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Environment variables, in this order. Empty, and without a key: the server requires none. */
  readonly apiKeyVariables: readonly string[]
  readonly dangerouslyAllowBrowser?: boolean | undefined
}

/**
 * The key of the call, else the option, else the environment. An empty key does not fall through to
 * the next: a tenant without a key must not use the operator's.
 * Throws `AuthenticationError`: `missing_api_key` names the variable, `bad_api_key` cannot be sent
 * in a header; and `MisuseError` in a page, which would expose the key.
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
      `A page would show the API key for ${details.provider} to everybody: call a route of your server with tetrad/browser instead. For a key that belongs to the user, set dangerouslyAllowBrowser`,
      details,
    )
  if (!sendable.test(key))
    throw refusal(
      `The API key for ${details.provider} contains a space, a line break or a character outside Latin-1`,
      { ...details, code: 'bad_api_key' },
    )
  return key
}

const sendable = /^[\x21-\x7e\xa1-\xff]+$/

const refusal = (message: string, details: ErrorDetails) =>
  new AuthenticationError(message, { ...details, status: 401, phase: 'request' })

const remedy = (variables: readonly string[]) => {
  if (variables.length === 0) return 'pass the option apiKey'
  const names = variables.join(' or ')
  return globalThis.process?.env
    ? `set ${names}, or pass the option apiKey`
    : `there is no process.env here to read ${names} from, pass the option apiKey`
}

/** True in a window with a document, or in its worker. Servers and edges have parts of both. */
const isPage = () => {
  const { document, WorkerNavigator, navigator, Deno } = asObject(globalThis)
  if (Deno !== undefined) return false
  const isWorker = typeof WorkerNavigator === 'function' && navigator instanceof WorkerNavigator
  return isWorker || (typeof document === 'object' && document !== null)
}

/** `process` does not exist in a browser or on some edges. */
const fromEnvironment = (variables: readonly string[]) => {
  const environment = globalThis.process?.env ?? {}
  return variables.map((name) => environment[name]).find((value) => value)
}
