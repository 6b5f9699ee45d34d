/** The adapter for xAI: OpenAI's Responses API, with Grok's differences. */
import type { ProviderAdapter } from '../../core/index.js'
import { onDemand } from '../../core/on-demand.js'
import { createAdapter } from '../adapter.js'
import { responsesDialect } from '../openai/openai.js'
import { clientFetch, type ResponsesClient } from '../openai/sdk.js'
import type { Profile } from '../openai/wire.js'
import { type ProviderOptions, providerTransport, readEnv } from '../provider-transport.js'
import { toError } from './errors.js'
import { capabilities, effortsOf, models } from './models.js'
import { fields } from './request.js'
import { toUsage } from './usage.js'

/** All are optional. */
export interface XaiOptions extends ProviderOptions {
  /** Including the version. @default XAI_BASE_URL, then https://api.x.ai/v1 */
  readonly baseURL?: string | undefined
  /**
   * The official client of OpenAI, `new OpenAI({ baseURL: 'https://api.x.ai/v1', apiKey })`, to
   * send requests.
   */
  readonly client?: ResponsesClient | undefined
}

/**
 * xAI's models. Without `apiKey`, XAI_API_KEY is read at each call.
 *
 * @example
 * const ai = createClient({ providers: [xai()] })
 * await ai.generate({ model: 'xai/grok-4.7', messages, tools: [{ type: 'x_search' }] })
 */
export function xai(options: XaiOptions = {}): ProviderAdapter {
  const { client, baseURL, maxArgumentsLength } = options
  const transport = providerTransport(options, {
    provider: 'xai',
    baseURL: () => baseURL ?? readEnv('XAI_BASE_URL') ?? 'https://api.x.ai/v1',
    apiKeyVariables: ['XAI_API_KEY'],
    client: client && clientFetch(client),
    toError,
  })
  const dialect = responsesDialect({ ...profile, maxArgumentsLength })
  return createAdapter({ ...dialect, models }, transport)
}

const schemas = onDemand(() => import('../../schema/xai.js'))

/** xAI's own variant of the wire. */
export const profile: Profile = {
  provider: 'xai',
  capabilities,
  effortsOf,
  toError,
  toUsage,
  // `instructions` excludes previous_response_id, and there is no developer role
  systemRole: () => 'system',
  // documents only by id or address
  takesInlineFiles: false,
  takesAudio: () => false,
  messageMembers: [],
  takesCacheMarks: () => false,
  fields,
  schemas,
  toolSchema: (schema, { warn }) => schemas.part.xaiToolSchema(schema, warn),
  answerSchema: (schema, { warn }) => schemas.part.xaiAnswerSchema(schema, warn),
  // summaries are always sent
  asksForSummary: () => false,
  samplesByItself: () => false,
  // tools are always strict
  hasStrictTools: false,
  choosesFreely: false,
  includable: [
    'reasoning.encrypted_content',
    'web_search_call.action.sources',
    'code_interpreter_call.outputs',
    'file_search_call.results',
  ],
  searchOptions: ['filters'],
  // x_keyword_search and the like run at xAI
  runsCustomCalls: true,
}
