/** The adapter for xAI: OpenAI's Responses API as Grok speaks it. */
import type { ProviderAdapter } from '../../core/index.js'
import { type HttpOptions, httpTransport } from '../../transport/index.js'
import { createAdapter } from '../adapter.js'
import { onDemand } from '../on-demand.js'
import { environment, responsesDialect } from '../openai/openai.js'
import { type ResponsesClient, sdkTransport } from '../openai/sdk.js'
import { maxArgumentsLengthDefault, type Profile } from '../openai/wire.js'
import { toError } from './errors.js'
import { capabilities, effortsOf, models } from './models.js'
import { fields } from './request.js'
import { toUsage } from './usage.js'

/** All of it may be left out. */
export interface XaiOptions
  extends Pick<
    HttpOptions,
    'apiKey' | 'dangerouslyAllowBrowser' | 'headers' | 'fetch' | 'maxEventBytes' | 'maxBodyBytes'
  > {
  /** Up to the version. @default XAI_BASE_URL, then https://api.x.ai/v1 */
  readonly baseURL?: string | undefined
  /** Characters of one tool call's arguments. @default 16_777_216 */
  readonly maxArgumentsLength?: number | undefined
  /** The official client of OpenAI, `new OpenAI({ baseURL: 'https://api.x.ai/v1', apiKey })`: it then carries the requests. */
  readonly client?: ResponsesClient | undefined
}

/**
 * xAI's models. The key is read from XAI_API_KEY at the call, if it is not given.
 *
 * @example
 * const ai = createClient({ providers: [xai()] })
 * await ai.generate({ model: 'xai/grok-4.7', messages, tools: [{ type: 'x_search' }] })
 */
export function xai(options: XaiOptions = {}): ProviderAdapter {
  const { client, baseURL, maxArgumentsLength = profile.maxArgumentsLength } = options
  const transport = client
    ? sdkTransport(client, { ...options, provider: profile.provider, toError })
    : httpTransport({
        ...options,
        provider: profile.provider,
        baseURL: () => baseURL ?? environment('XAI_BASE_URL') ?? 'https://api.x.ai/v1',
        authorize: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
        apiKeyVariables: ['XAI_API_KEY'],
        toError,
        requestIdHeader: 'x-request-id',
      })
  return createAdapter(
    { ...responsesDialect({ ...profile, maxArgumentsLength }), models },
    transport,
  )
}

const schemas = onDemand(() => import('../../schema/xai.js'))

/** xAI's own ways with the wire. */
export const profile: Profile = {
  provider: 'xai',
  capabilities,
  effortsOf,
  toError,
  toUsage,
  // `instructions` cannot go with previous_response_id, and there is no developer
  systemRole: () => 'system',
  // documents go by id or address only
  takesInlineFiles: false,
  takesAudio: () => false,
  messageMembers: [],
  takesCacheMarks: () => false,
  fields,
  schemas,
  toolSchema: (schema, { warn }) => schemas.part.xaiToolSchema(schema, warn),
  answerSchema: (schema, { warn }) => schemas.part.xaiAnswerSchema(schema, warn),
  // summaries come by themselves
  asksForSummary: () => false,
  samplesByItself: () => false,
  // tools are always strict
  saysStrict: false,
  choosesFreely: false,
  includable: [
    'reasoning.encrypted_content',
    'web_search_call.action.sources',
    'code_interpreter_call.outputs',
    'file_search_call.results',
  ],
  searchOptions: ['filters'],
  // x_keyword_search and its like run at xAI
  runsCustomCalls: true,
  maxArgumentsLength: maxArgumentsLengthDefault,
}
