/** Gemini's generateContent wire. Shapes from recorded responses of gemini-2.0-flash to gemini-3.5-flash (2025-05 to 2026-08). */
import {
  defined,
  type FinishReason,
  isObject,
  type JsonObject,
  parseJson,
  type TokenLogprob,
} from '../../chat/index.js'
import type { MakeId } from '../random.js'
import type {
  Answer,
  AnswerUsage,
  Call,
  Citation,
  Failure,
  FailureKind,
  Hosted,
  Part,
  SseEvent,
  Text,
} from '../script.js'
import type { RenderContext, Wire } from './wire.js'

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
  // it tells none: this one is seen in the log of a script only
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
    status: statusOf(failure),
    headers: { ...failure.headers },
    body: errorBody(failure, context.model),
  }),
  failureEvents: (failure, context): readonly SseEvent[] => [
    { data: errorBody(failure, context.model) },
  ],
  count: (tokens) => ({
    totalTokens: tokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: tokens }],
  }),
}

type GeminiPart = JsonObject

/** The candidates of one response; the last one of a stream says why it ended. */
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

/** Arguments are an object on this wire; what is none never gets out. */
const isMalformed = (call: Call) => !call.custom && !isObject(parseJson(call.arguments))

/** One group of parts an event, or all that a whole body holds. */
function partsOf(
  answer: Answer,
  context: RenderContext,
  mode: 'chunks' | 'whole',
): readonly (readonly GeminiPart[])[] {
  const signatures = signaturesOf(answer.parts, context)
  return answer.parts.flatMap((part) => {
    const signature = signatures.get(part)
    if (part.type !== 'thought') return groupsOf(part, context, mode, signature)
    const groups = part.redacted ? [] : thoughtGroups(part.summaries, mode)
    // nothing follows the thought: an empty text carries its signature
    return signature === undefined
      ? groups
      : [...groups, [{ text: '', thoughtSignature: signature }]]
  })
}

/** The signature of a thought stands on the first call after it, else on what comes next, else on a part of its own. */
function signaturesOf(parts: readonly Part[], context: RenderContext): ReadonlyMap<Part, string> {
  const signatures = new Map<Part, string>()
  parts.forEach((thought, index) => {
    if (thought.type !== 'thought') return
    const after = parts.slice(index + 1)
    const next = after.findIndex(({ type }) => type === 'thought')
    const turn = (next < 0 ? after : after.slice(0, next)).filter(carriesSignature)
    const bearer = turn.find(({ type }) => type === 'call') ?? turn[0] ?? thought
    signatures.set(bearer, thought.signature ?? context.id('Eq', 120))
  })
  return signatures
}

const carriesSignature = (part: Part) =>
  part.type !== 'refusal' && !(part.type === 'call' && isMalformed(part))

function thoughtGroups(
  summaries: readonly (readonly string[])[],
  mode: 'chunks' | 'whole',
): GeminiPart[][] {
  const chunks = summaries.flatMap((summary, index) =>
    index === 0 ? summary : ['\n\n', ...summary],
  )
  const texts = mode === 'chunks' ? chunks : [chunks.join('')]
  return texts.filter((text) => text !== '').map((text) => [{ text, thought: true }])
}

function groupsOf(
  part: Exclude<Part, { type: 'thought' }>,
  context: RenderContext,
  mode: 'chunks' | 'whole',
  signature: string | undefined,
): GeminiPart[][] {
  const signed = signature !== undefined && { thoughtSignature: signature }
  switch (part.type) {
    case 'text':
      return textGroups(part, mode, signature)
    case 'call':
      return isMalformed(part) ? [] : [[callPart(part, context, signature)]]
    case 'media': {
      const inlineData = { mimeType: part.media_type, data: part.data }
      return [[{ inlineData, ...signed }]]
    }
    case 'hosted':
      return hostedGroups(part, context.id, signed || {})
    case 'refusal':
      return []
  }
}

function textGroups(
  text: Text,
  mode: 'chunks' | 'whole',
  signature: string | undefined,
): GeminiPart[][] {
  const signed = signature !== undefined && { thoughtSignature: signature }
  if (mode === 'whole') return [[{ text: text.text, ...signed }]]
  const groups: GeminiPart[][] = text.chunks.map((chunk) => [{ text: chunk }])
  return signed ? [...groups, [{ text: '', ...signed }]] : groups
}

function callPart(call: Call, context: RenderContext, signature: string | undefined): GeminiPart {
  const args = call.custom ? { input: call.arguments } : parseJson(call.arguments)
  const id = call.id ?? (tellsCallIds(context.model) ? context.id('', 8) : undefined)
  return defined({
    functionCall: defined({ id, name: call.name, args }),
    thoughtSignature: call.signature ?? signature,
  })
}

/** Models before Gemini 3 give a call no id. */
const tellsCallIds = (model: string) => /gemini-[3-9]/.test(model)

function hostedGroups(tool: Hosted, makeId: MakeId, signed: JsonObject): GeminiPart[][] {
  const id = tool.id ?? makeId('', 8)
  if (tool.name === 'code_execution' || tool.name === 'code_interpreter') {
    const code = isObject(tool.input) ? tool.input.code : tool.input
    const outcome = tool.failed ? 'OUTCOME_FAILED' : 'OUTCOME_OK'
    return [
      [{ executableCode: { id, language: 'PYTHON', code: code ?? '' }, ...signed }],
      [{ codeExecutionResult: { id, outcome, output: tool.output ?? '' } }],
    ]
  }
  const toolType = tool.name === 'web_search' ? 'GOOGLE_SEARCH_WEB' : tool.name.toUpperCase()
  const args = isObject(tool.input) ? tool.input : {}
  const response = isObject(tool.output) ? tool.output : { output: tool.output ?? null }
  return [
    [{ toolCall: { id, toolType, args }, ...signed }],
    [{ toolResponse: { id, toolType, response } }],
  ]
}

/** Grounding and log probabilities stand beside the content of the last response. */
function evidence(parts: readonly Part[]): JsonObject {
  const texts = parts.filter((part): part is Text => part.type === 'text')
  const logprobs = texts.flatMap((text) => text.logprobs ?? [])
  return {
    ...groundingOf(texts),
    ...(logprobs.length > 0 && {
      avgLogprobs: logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length,
      logprobsResult: {
        topCandidates: logprobs.map(({ top_logprobs = [] }) => ({
          candidates: top_logprobs.map(candidateOf),
        })),
        chosenCandidates: logprobs.map(candidateOf),
      },
    }),
  }
}

const candidateOf = ({ token, logprob }: Pick<TokenLogprob, 'token' | 'logprob'>) => ({
  token,
  logProbability: logprob,
})

function groundingOf(texts: readonly Text[]): JsonObject {
  const chunks: JsonObject[] = []
  const supports: JsonObject[] = []
  let offset = 0
  for (const text of texts) {
    for (const citation of text.citations) {
      supports.push(supportOf(citation, text, offset, chunks.length))
      chunks.push({ web: { uri: citation.url ?? '', title: citation.title ?? '' } })
    }
    offset += byteLength(text.text)
  }
  if (chunks.length === 0) return {}
  return { groundingMetadata: { groundingChunks: chunks, groundingSupports: supports } }
}

/** Positions are UTF-8 bytes on this wire, over the text of all parts. */
function supportOf(citation: Citation, { text }: Text, offset: number, index: number): JsonObject {
  const { start_index = 0, end_index = text.length } = citation
  return {
    segment: defined({
      // zero is not told
      startIndex: offset + byteLength(text.slice(0, start_index)) || undefined,
      endIndex: offset + byteLength(text.slice(0, end_index)),
      text: text.slice(start_index, end_index),
    }),
    groundingChunkIndices: [index],
  }
}

const byteLength = (text: string) => new TextEncoder().encode(text).length

/** `candidatesTokenCount` leaves out the thoughts, `promptTokenCount` what hosted tools fed back. */
function usageMetadata(usage: AnswerUsage, answer: Answer): JsonObject {
  const thoughts = usage.completion_tokens_details?.reasoning_tokens
  const tools = usage.tool_prompt_tokens
  const prompt = usage.prompt_tokens - (tools ?? 0)
  const cached = usage.prompt_tokens_details?.cached_tokens
  const candidates = usage.completion_tokens - (thoughts ?? 0)
  return defined({
    promptTokenCount: prompt,
    cachedContentTokenCount: cached,
    candidatesTokenCount: candidates > 0 ? candidates : undefined,
    totalTokenCount: usage.total_tokens,
    promptTokensDetails: modalities(prompt, usage.prompt_tokens_details),
    cacheTokensDetails: cached === undefined ? undefined : modalities(cached),
    candidatesTokensDetails: usage.completion_tokens_details?.image_tokens
      ? modalities(candidates, usage.completion_tokens_details)
      : undefined,
    toolUsePromptTokenCount: tools,
    toolUsePromptTokensDetails: tools === undefined ? undefined : modalities(tools),
    thoughtsTokenCount: thoughts,
    serviceTier: answer.serviceTier,
  })
}

function modalities(
  total: number,
  details: { readonly audio_tokens?: number; readonly image_tokens?: number } = {},
): readonly JsonObject[] {
  const { audio_tokens = 0, image_tokens = 0 } = details
  return [
    { modality: 'TEXT', tokenCount: total - audio_tokens - image_tokens },
    { modality: 'AUDIO', tokenCount: audio_tokens },
    { modality: 'IMAGE', tokenCount: image_tokens },
  ].filter(({ tokenCount, modality }) => tokenCount > 0 || modality === 'TEXT')
}

/** Cumulative: while it thinks only the prompt is told, then the candidates grow. */
function usageProgress(
  steps: readonly (readonly GeminiPart[])[],
  answer: Answer,
): readonly (JsonObject | undefined)[] {
  const { usage } = answer
  if (!usage) return []
  const whole = usageMetadata(usage, answer)
  const thoughts = usage.completion_tokens_details?.reasoning_tokens ?? 0
  const spoken = usage.completion_tokens - thoughts
  return steps.map((parts, index) => {
    if (index === steps.length - 1) return whole
    const isThinking = parts.every(({ thought }) => thought === true)
    const share = isThinking ? 0 : Math.floor((spoken * (index + 1)) / steps.length)
    const total = usage.prompt_tokens + (isThinking ? 0 : thoughts + share)
    const { candidatesTokenCount: _, thoughtsTokenCount, ...rest } = whole
    return defined({
      ...rest,
      candidatesTokenCount: share > 0 ? share : undefined,
      thoughtsTokenCount: isThinking ? undefined : thoughtsTokenCount,
      totalTokenCount: total,
    })
  })
}

interface GeminiFailure {
  readonly status: number
  readonly name: string
  readonly message: (model: string) => string
}

const failures: Readonly<Record<FailureKind, GeminiFailure>> = {
  bad_request: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () => '* GenerateContentRequest.contents: contents is not specified',
  },
  context_window: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () =>
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
  },
  content_policy: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () => 'The request was blocked by the usage policy.',
  },
  auth: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () => 'API key not valid. Please pass a valid API key.',
  },
  permission: {
    status: 403,
    name: 'PERMISSION_DENIED',
    message: () => 'The caller does not have permission',
  },
  not_found: {
    status: 404,
    name: 'NOT_FOUND',
    message: (model) => `models/${model} is not found for API version v1beta.`,
  },
  conflict: { status: 409, name: 'ABORTED', message: () => 'The operation was aborted.' },
  too_large: {
    status: 413,
    name: 'INVALID_ARGUMENT',
    message: () => 'Request payload size exceeds the limit: 20971520 bytes.',
  },
  unprocessable: {
    status: 422,
    name: 'FAILED_PRECONDITION',
    message: () => 'The request could not be processed.',
  },
  rate_limit: {
    status: 429,
    name: 'RESOURCE_EXHAUSTED',
    message: () => 'You exceeded your current quota, please check your plan and billing details.',
  },
  quota: {
    status: 429,
    name: 'RESOURCE_EXHAUSTED',
    message: () => 'You exceeded your current quota, please check your plan and billing details.',
  },
  server_error: { status: 500, name: 'INTERNAL', message: () => 'An internal error has occurred.' },
  bad_gateway: { status: 502, name: 'UNAVAILABLE', message: () => 'Bad gateway.' },
  overloaded: {
    status: 503,
    name: 'UNAVAILABLE',
    message: () => 'The model is overloaded. Please try again later.',
  },
  timeout: {
    status: 504,
    name: 'DEADLINE_EXCEEDED',
    message: () => 'Deadline expired before operation could complete.',
  },
}

const statusOf = (failure: Failure) => failure.status ?? failures[failure.kind].status

function errorBody(failure: Failure, model: string): JsonObject {
  const known = failures[failure.kind]
  const details = detailsOf(failure, model)
  return {
    error: {
      code: statusOf(failure),
      message: failure.message ?? known.message(model),
      status: failure.code ?? known.name,
      ...(details.length > 0 && { details }),
    },
  }
}

const google = (type: string) => `type.googleapis.com/google.rpc.${type}`

/** What tells a wrong key from a wrong argument, a day's quota from a minute's, and how long to wait. */
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
