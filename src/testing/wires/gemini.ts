/** Gemini's generateContent wire. Shapes from recorded responses of gemini-2.0-flash to gemini-3.5-flash (2025-05 to 2026-08). */
import type { FinishReason, JsonObject } from '../../chat/index.js'
import type { Answer, Call, Failure } from '../script.js'
import { refusalOf } from './failures.js'
import { evidence } from './gemini-evidence.js'
import { type GeminiPart, isMalformed, partsOf } from './gemini-parts.js'
import { usageMetadata, usageProgress } from './gemini-usage.js'
import type { Wire } from './wire.js'

const finishReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tool_calls: 'STOP',
  content_filter: 'SAFETY',
}

const blocked = [
  { category: 'HARM_CATEGORY_DANGEROUS_CONTENT', probability: 'HIGH', blocked: true },
  { category: 'HARM_CATEGORY_HATE_SPEECH', probability: 'NEGLIGIBLE' },
]

export const gemini: Wire = {
  contentType: { json: 'application/json; charset=UTF-8', stream: 'text/event-stream' },
  lineEnd: '\r\n',
  // Gemini sends none: used in the record of a script only
  requestId: (id) => id('', 23),
  headers: () => ({
    vary: 'Origin, X-Origin, Referer',
    'x-content-type-options': 'nosniff',
    'server-timing': 'gfet4t7; dur=21',
  }),

  body(answer, context) {
    const responseId = context.id('', 23)
    const { usage } = answer
    return {
      ...contentOf(answer, partsOf(answer, context, 'whole').flat(), true),
      ...(usage && { usageMetadata: usageMetadata(usage, answer) }),
      modelVersion: context.model,
      responseId,
    }
  },

  events(answer, context) {
    const responseId = context.id('', 23)
    const groups = partsOf(answer, context, 'chunks')
    const steps = groups.length === 0 ? [[]] : groups
    const progress = usageProgress(steps, answer)
    return steps.map((parts, index) => {
      const usageNow = progress[index]
      const data = {
        ...contentOf(answer, parts, index === steps.length - 1),
        ...(usageNow && { usageMetadata: usageNow }),
        modelVersion: context.model,
        responseId,
      }
      return { data }
    })
  },

  failure: (failure, context) => ({
    status: refusalOf('gemini', failure, context.model).status,
    headers: { ...failure.headers },
    body: errorOf(failure, context.model),
  }),
  failureEvents: (failure, context) => [{ data: errorOf(failure, context.model) }],
  count: (tokens) => ({
    totalTokens: tokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: tokens }],
  }),
}

/** The candidates of one response; the last one of a stream has the finish reason. */
function contentOf(answer: Answer, parts: readonly GeminiPart[], isLast: boolean): JsonObject {
  const refusal = answer.parts.find(({ type }) => type === 'refusal')
  if (refusal?.type === 'refusal' && refusal.ofPrompt)
    return { promptFeedback: { blockReason: 'PROHIBITED_CONTENT', safetyRatings: blocked } }
  const candidate = {
    content: parts.length > 0 ? { parts, role: 'model' } : {},
    ...(isLast && ending(answer, refusal !== undefined)),
    index: 0,
    ...(isLast && evidence(answer.parts)),
  }
  return { candidates: [candidate] }
}

function ending(answer: Answer, isRefused: boolean): JsonObject {
  const calls = answer.parts.filter((part): part is Call => part.type === 'call')
  if (calls.some(isMalformed))
    return {
      finishReason: 'MALFORMED_FUNCTION_CALL',
      finishMessage: `Malformed function call: ${calls.find(isMalformed)?.arguments ?? ''}`,
    }
  const finishReason = answer.nativeFinish ?? (isRefused ? 'SAFETY' : finishReasons[answer.finish])
  return {
    finishReason,
    ...(calls.length > 0 && { finishMessage: 'Model generated function call(s).' }),
    ...(finishReason === 'SAFETY' && { safetyRatings: blocked }),
  }
}

/** google.rpc.Status as JSON. */
function errorOf(failure: Failure, model: string): JsonObject {
  const { status, code, message } = refusalOf('gemini', failure, model)
  const details = detailsOf(failure, model)
  return { error: { code: status, message, status: code, ...(details.length > 0 && { details }) } }
}

const google = (type: string) => `type.googleapis.com/google.rpc.${type}`

/**
 * Details that distinguish a wrong key from a wrong argument and a daily quota from one per minute,
 * and the retry delay.
 */
function detailsOf(failure: Failure, model: string): readonly JsonObject[] {
  if (failure.kind === 'auth' && (failure.status ?? 400) === 400)
    return [
      {
        '@type': google('ErrorInfo'),
        reason: 'API_KEY_INVALID',
        domain: 'googleapis.com',
        metadata: { service: 'generativelanguage.googleapis.com' },
      },
    ]
  if (failure.kind !== 'rate_limit' && failure.kind !== 'quota') return retryInfo(failure)
  const period = failure.kind === 'quota' ? 'PerDay' : 'PerMinute'
  const violation = {
    quotaMetric: 'generativelanguage.googleapis.com/generate_content_free_tier_requests',
    quotaId: `GenerateRequests${period}PerProjectPerModel-FreeTier`,
    quotaDimensions: { location: 'global', model },
    quotaValue: '50',
  }
  return [{ '@type': google('QuotaFailure'), violations: [violation] }, ...retryInfo(failure)]
}

const retryInfo = ({ retryAfter }: Failure): readonly JsonObject[] =>
  retryAfter === undefined ? [] : [{ '@type': google('RetryInfo'), retryDelay: `${retryAfter}s` }]
