/** Reads error bodies of providers and gateways: message, codes and status, wherever they are. */
import { asObjects, isObject, type JsonObject } from '../chat/index.js'

export interface FailureFacts {
  /** The body as an object, without an array around it (Gemini, some gateways). */
  readonly body: JsonObject | undefined
  readonly message: string | undefined
  /** The provider's codes and types, the most specific first. */
  readonly codes: readonly string[]
  readonly param: string | undefined
  /** The status in the body, as a number or by a known name. */
  readonly status: number | undefined
  readonly requestId: string | undefined
}

/**
 * Shapes: `{ error: { message, type, code, param, status } }`,
 * `{ type: 'error', error: {…}, request_id }`, `{ code, error: 'text' }`, `{ error: 'text' }`,
 * `{ code, message }`, `{ response: { error } }`, `{ errors: [{…}] }`, `{ detail }`, and each in an
 * array.
 */
export function readFailure(wire: unknown): FailureFacts {
  const body = unwrap(wire)
  const error = body && errorObject(body)
  const codes = error ? codesOf(error, body) : []
  return {
    body,
    codes,
    message: error && messageIn(error, body),
    param: text(error?.param),
    status: body && (statusIn(error, body) ?? firstKnown(codes)),
    requestId: text(body?.request_id),
  }
}

/** True for JSON that is an error and no answer. The stream reader handles one that has both. */
export function isErrorBody(wire: unknown): boolean {
  const body = unwrap(wire)
  if (!body || isAnswer(body)) return false
  return body.type === 'error' || isObject(body.error) || text(body.error) !== undefined
}

/** A failed OpenAI response has an `output`, maybe empty; an empty list of choices is no answer. */
const isAnswer = (body: JsonObject) =>
  Object.hasOwn(body, 'output') ||
  ['choices', 'candidates', 'content'].some((key) => holdsSome(body, key))

const holdsSome = (body: JsonObject, key: string) => {
  const value = Object.hasOwn(body, key) ? body[key] : undefined
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}

const unwrap = (wire: unknown): JsonObject | undefined => {
  const body = Array.isArray(wire) ? wire.find(isObject) : wire
  return isObject(body) ? body : undefined
}

const errorObject = (body: JsonObject): JsonObject => {
  if (isObject(body.error)) return body.error
  if (isObject(body.response) && isObject(body.response.error)) return body.response.error
  const [first] = asObjects(body.errors)
  return first ?? body
}

const messageIn = (error: JsonObject, body: JsonObject) =>
  text(error.message) ??
  text(body.error) ??
  text(body.message) ??
  text(body.detail) ??
  firstDetail(body.detail)

/** `{ detail: [{ loc, msg }] }`: validation errors of FastAPI servers. */
const firstDetail = (detail: unknown) => {
  const [first] = Array.isArray(detail) ? detail : []
  return isObject(first) ? text(first.msg) : undefined
}

const codesOf = (error: JsonObject, body: JsonObject | undefined): readonly string[] => {
  const details = isObject(error.details) ? error.details.error_code : undefined
  const found = [error.code, details, error.status, error.type, body?.code, body?.type]
  const isTelling = (code: unknown): code is string => text(code) !== undefined && code !== 'error'
  return [...new Set(found.filter(isTelling))]
}

const statusIn = (error: JsonObject | undefined, body: JsonObject) =>
  [error?.code, error?.status, error?.status_code, body.status, body.status_code, body.code]
    .map(asStatus)
    .find((status) => status !== undefined)

const asStatus = (value: unknown) => {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  const isStatus = typeof status === 'number' && Number.isInteger(status)
  return isStatus && status >= 400 && status < 600 ? status : undefined
}

const firstKnown = (codes: readonly string[]) =>
  codes.map((code) => namedStatuses.get(code)).find((status) => status !== undefined)

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** Statuses of names in a stream or in the body of a 200, where there is no other status. */
const namedStatuses: ReadonlyMap<string, number> = new Map([
  // OpenAI, xAI
  ['invalid_request_error', 400],
  ['invalid_prompt', 400],
  ['invalid_api_key', 401],
  ['model_not_found', 404],
  ['insufficient_quota', 429],
  ['rate_limit_exceeded', 429],
  ['server_error', 500],
  ['server_is_overloaded', 503],
  ['service_unavailable_error', 503],
  ['slow_down', 503],
  ['vector_store_timeout', 504],
  ['The service is currently unavailable', 503],
  // Anthropic
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
  // Google: https://cloud.google.com/apis/design/errors#error_codes
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['OUT_OF_RANGE', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['ABORTED', 409],
  ['ALREADY_EXISTS', 409],
  ['RESOURCE_EXHAUSTED', 429],
  ['CANCELLED', 499],
  ['INTERNAL', 500],
  ['UNKNOWN', 500],
  ['DATA_LOSS', 500],
  ['UNIMPLEMENTED', 501],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
])
