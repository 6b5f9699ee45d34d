/**
 * The client for pages: calls a route of `tetrad/http` in `chunks` format. No Node, no SDK, no key.
 *
 * @example
 * const ai = createBrowserClient({ url: '/api/chat' })
 * const stream = ai.stream({ messages })
 * for await (const text of stream.textStream) output.textContent += text
 * messages.push(...(await stream.response).messages)
 */
export {
  AbortError,
  APIConnectionError,
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  BudgetExceededError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  InternalServerError,
  isTetradError,
  MisuseError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  TetradError,
  TimeoutError,
  UnexpectedResponseError,
  UnsupportedParamsError,
} from '../core/errors.js'
export * from './client.js'
export type { BrowserRequest, BrowserStream } from './types.js'
