/** The adapter for OpenAI, on the Responses API. */
import { plainNames } from '../../chat/tool-names.js'
import type { ProviderAdapter } from '../../core/index.js'
import { onDemand } from '../../core/on-demand.js'
import { createAdapter, type Dialect } from '../adapter.js'
import { readCount } from '../answers.js'
import { bearer, type ProviderOptions, providerTransport, readEnv } from '../provider-transport.js'
import { toError } from './errors.js'
import {
  capabilities,
  effortsOf,
  givesSummary,
  models,
  takesAudio,
  takesCacheMarks,
} from './models.js'
import { countWriter, fields, requestWriter } from './request.js'
import { clientFetch, type ResponsesClient } from './sdk.js'
import { responseReader, streamReader } from './stream.js'
import { contextOf, toInput } from './turns.js'
import { toUsage } from './usage.js'
import type { Profile } from './wire.js'

/** All are optional. */
export interface OpenAIOptions extends ProviderOptions {
  /** Including the version. @default OPENAI_BASE_URL, then https://api.openai.com/v1 */
  readonly baseURL?: string | undefined
  /** @default OPENAI_ORG_ID */
  readonly organization?: string | undefined
  /** @default OPENAI_PROJECT_ID */
  readonly project?: string | undefined
  /** The official client, `new OpenAI()`, to send requests with its key, address and fetch. */
  readonly client?: ResponsesClient | undefined
  /**
   * Requests reasoning summaries wherever a request asks for reasoning. OpenAI refuses them to
   * unverified organizations: set false there. @default true
   */
  readonly reasoningSummary?: boolean | undefined
}

/**
 * OpenAI's models. Without `apiKey`, OPENAI_API_KEY is read at each call.
 *
 * @example
 * const ai = createClient({ providers: [openai()] })
 * await ai.generate({ model: 'openai/gpt-5-mini', messages, reasoning_effort: 'low' })
 */
export function openai(options: OpenAIOptions = {}): ProviderAdapter {
  const { client, organization, project, baseURL } = options
  const dialect = responsesDialect({
    ...profile,
    ...(options.reasoningSummary === false && { asksForSummary: () => false }),
    maxArgumentsLength: options.maxArgumentsLength,
  })
  const count: Dialect['count'] = {
    toWire: countWriter(profile),
    fromWire: (body) => readCount(body, 'input_tokens', 'openai'),
  }
  const transport = providerTransport(options, {
    provider: 'openai',
    baseURL: () => baseURL ?? readEnv('OPENAI_BASE_URL') ?? 'https://api.openai.com/v1',
    apiKeyVariables: ['OPENAI_API_KEY'],
    client: client && clientFetch(client),
    authorize: (apiKey) => ({
      ...bearer(apiKey),
      ...(!client && {
        ...named('openai-organization', organization ?? readEnv('OPENAI_ORG_ID')),
        ...named('openai-project', project ?? readEnv('OPENAI_PROJECT_ID')),
      }),
    }),
    toError,
  })
  return createAdapter({ ...dialect, models, count }, transport)
}

const schemas = onDemand(() => import('../../schema/openai.js'))

/** OpenAI's own variant of the wire. */
export const profile: Profile = {
  fields,
  provider: 'openai',
  capabilities,
  effortsOf,
  toError,
  toUsage,
  // reasoning models take instructions as developer, others accept both roles
  systemRole: (model) => (capabilities(model).reasoning ? 'developer' : undefined),
  takesInlineFiles: true,
  takesAudio,
  messageMembers: ['phase'],
  takesCacheMarks,
  schemas,
  toolSchema: (schema, options) => schemas.part.openaiToolSchema(schema, options),
  answerSchema: (schema, options) => schemas.part.openaiAnswerSchema(schema, options),
  asksForSummary: givesSummary,
  samplesByItself: (model) => capabilities(model).reasoning === true,
  hasStrictTools: true,
  choosesFreely: true,
  runsCustomCalls: false,
}

export const responsesDialect = (server: Profile): Dialect => ({
  name: server.provider,
  toolNames: plainNames,
  schemas: server.schemas,
  capabilities: server.capabilities,
  convertMessages: (messages, model) => toInput(messages, contextOf(server, model)),
  toWire: requestWriter(server),
  fromWire: responseReader(server),
  streamReader: streamReader(server),
})

const named = (name: string, value: string | undefined) => (value ? { [name]: value } : {})
