/** Shared by the `errors.ts` of all providers: maps a failure by status and code to a class. */
import type { JsonObject } from '../chat/index.js'
import {
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  classOfStatus,
  type ErrorClass,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  type ResponseHeaders,
  ServiceUnavailableError,
  statusOfClass,
  type TetradError,
  UnprocessableEntityError,
} from '../core/index.js'
import { readFailure } from './error-body.js'
import { retryAfterMs } from './retry-after.js'
import { scrub, shownName } from './scrub.js'
import type { Failure } from './transport.js'

/** A rule for the provider's message, used last, where the status is only "bad request". */
export interface TextRule {
  readonly pattern: RegExp
  readonly error: ErrorClass
  /** Statuses it applies to. @default [400, 413, 422] */
  readonly statuses?: readonly number[]
}

/** Facts in the bodies of this provider only. */
export interface FailureHints {
  /** Checked before the common ones. */
  readonly codes?: readonly string[]
  /** Retry delay in the body. Milliseconds. */
  readonly retryAfterMs?: number | undefined
  readonly message?: string | undefined
  /** Used if no header and no usual member has it. */
  readonly requestId?: string | undefined
}

export interface ErrorTable {
  readonly provider: string
  /** Codes and types of this provider that are more specific than the status; checked first. */
  readonly codes?: Readonly<Record<string, ErrorClass>>
  /** Reads the body, without an array around it. */
  readonly hints?: (body: JsonObject) => FailureHints
  /** Checked before the common ones. */
  readonly texts?: readonly TextRule[]
}

/**
 * The typed error for a failure. Below 400 its status is derived from the code (an error in a 200).
 * The class depends on the code, then the status, then the text.
 *
 * @example
 * export const toError: ToError = (failure) =>
 *   errorOf(failure, { provider: 'openai', codes: { bio_policy: ContentPolicyViolationError } })
 */
export function errorOf(failure: Failure, table: ErrorTable): TetradError {
  const facts = readFailure(failure.body)
  const hints = facts.body ? (table.hints?.(facts.body) ?? {}) : {}
  const codes = [...(hints.codes ?? []), ...facts.codes]
  const text = hints.message ?? facts.message
  const byCode = classOfCode(codes, table)
  const status =
    failure.status >= 400
      ? failure.status
      : (facts.status ?? (byCode && statusOfClass(byCode)) ?? 500)
  const Class = byCode ?? classOfText(text, status, table) ?? classOfStatus(status)
  const words = messageOf(text, facts.param)
  const who = `${table.provider}/${failure.model}`
  return new Class(words === undefined ? `${who} answered ${status}` : `${who}: ${words}`, {
    status,
    provider: table.provider,
    model: failure.model,
    code: shown(codes[0]),
    retryable: isRetryable(Class, status, failure.headers),
    retryAfterMs: retryAfterMs(failure.headers, { bodyMs: hints.retryAfterMs, status }),
    maybeBilled: status >= 500 && status !== 503 && status !== 529,
    requestId: shown(failure.request_id ?? facts.requestId ?? hints.requestId),
  })
}

const shown = (name: string | undefined) => (name === undefined ? undefined : shownName(name))

const maxMessageLength = 500

/** The provider's message, unless it is a page that a gateway put into the JSON. */
const messageOf = (text: string | undefined, param: string | undefined) => {
  if (text === undefined || text.trimStart().startsWith('<')) return undefined
  const clean = scrub(text.slice(0, 4 * maxMessageLength))
  const cut = clean.length > maxMessageLength ? `${clean.slice(0, maxMessageLength - 1)}…` : clean
  return param === undefined || text.includes(param) ? cut : `${cut} (${shownName(param)})`
}

const classOfCode = (codes: readonly string[], { codes: own = {} }: ErrorTable) => {
  for (const code of codes) {
    // own properties only: a code such as "constructor" is inherited
    const found = Object.hasOwn(own, code) ? own[code] : commonCodes.get(code)
    if (found) return found
  }
  return undefined
}

const classOfText = (text: string | undefined, status: number, { texts = [] }: ErrorTable) =>
  text === undefined
    ? undefined
    : [...texts, ...commonTexts].find(
        ({ pattern, statuses = vagueStatuses }) => statuses.includes(status) && pattern.test(text),
      )?.error

/** `x-should-retry` decides, except for an exhausted quota. */
const isRetryable = (Class: ErrorClass, status: number, headers: ResponseHeaders | undefined) => {
  if (Class === QuotaExceededError) return false
  const wish = headers?.get('x-should-retry')
  if (wish === 'true' || wish === 'false') return wish === 'true'
  return hopelessStatuses.has(status) ? false : undefined
}

const vagueStatuses = [400, 413, 422]

/** 499: a canceled call (Google); 525, 526: the certificate behind a gateway. */
const hopelessStatuses = new Set([499, 501, 505, 525, 526])

/** Codes and types of all providers; a provider overrides those that differ in its table. */
const commonCodes: ReadonlyMap<string, ErrorClass> = new Map(
  (
    [
      [
        AuthenticationError,
        'invalid_api_key API_KEY_INVALID API_KEY_EXPIRED authentication_error invalid_authentication_error',
      ],
      [PermissionDeniedError, 'data_residency_mismatch'],
      [
        NotFoundError,
        'model_not_found model_decommissioned model_not_available resource_not_found_error DeploymentNotFound',
      ],
      [
        BadRequestError,
        'invalid_prompt invalid_encrypted_content invalid_image invalid_image_format invalid_base64_image invalid_image_url image_too_large image_too_small image_parse_error invalid_image_mode image_file_too_large unsupported_image_media_type empty_image_file failed_to_download_image image_file_not_found',
      ],
      [
        ContextWindowExceededError,
        'context_length_exceeded context_window_exceeded exceed_context_size_error',
      ],
      [
        ContentPolicyViolationError,
        'content_policy_violation content_filter bio_policy misalignment_policy_violation image_content_policy_violation moderation_blocked ResponsibleAIPolicyViolation data_inspection_failed',
      ],
      [
        QuotaExceededError,
        'insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded enforced_spend_limit_reached contract_spend_limit_reached billing_error billing_hard_limit_reached exceeded_current_quota_error insufficient_balance',
      ],
      [RateLimitError, 'rate_limit_exceeded rate_limit_reached_error'],
      [UnprocessableEntityError, 'tool_use_failed'],
      [BadGatewayError, 'network_error'],
      [
        ServiceUnavailableError,
        'overloaded_error engine_overloaded_error insufficient_system_resource',
      ],
    ] as const
  ).flatMap(([error, codes]) => codes.split(' ').map((code) => [code, error] as const)),
)

const commonTexts: readonly TextRule[] = [
  {
    pattern:
      /maximum (context|prompt) length|context (window|length) (of|is|exceeded)|prompt is too long|exceeds? the (maximum number of tokens|context window|model'?s (maximum )?context)|exceed(s|ed)? (the )?context (limit|window)|input tokens exceed|token count .{0,200}exceeds/i,
    error: ContextWindowExceededError,
  },
  {
    pattern:
      /content[ _-]policy|usage polic(y|ies)|safety system|content filter|(prompt|response|content) (was|is) blocked/i,
    error: ContentPolicyViolationError,
  },
  {
    pattern: /incorrect api key|invalid api key|api key (not valid|not found|expired)/i,
    error: AuthenticationError,
  },
  {
    pattern:
      /credit balance is too low|specified API usage limits|insufficient (balance|credits?|funds)/i,
    error: QuotaExceededError,
  },
]
