/** Converts call options of the AI SDK to a request. */
import {
  type ChatRequest,
  defined,
  isObject,
  type JsonObject,
  type ToolChoice,
  type ToolDefinition,
} from '../chat/index.js'
import { cacheControlOf, toMessages } from './prompt.js'
import type { ModelCallOptions, ModelFormat, ModelTool, WithOptions } from './types.js'

/**
 * `providerOptions.tetrad` holds members of our request and takes precedence. Options under a
 * provider's name are those of the AI SDK's own provider: those with a member in our request are
 * set if the model is of that provider, all others are sent to that provider under the wire's name.
 */
export function toRequest(model: string, options: ModelCallOptions): ChatRequest {
  const { prompt, tools, toolChoice, reasoning, responseFormat, providerOptions = {} } = options
  return defined({
    model,
    messages: toMessages(prompt, model.split('/', 1)[0] ?? ''),
    temperature: options.temperature,
    top_p: options.topP,
    top_k: options.topK,
    max_tokens: options.maxOutputTokens,
    stop: options.stopSequences?.length ? options.stopSequences : undefined,
    seed: options.seed,
    presence_penalty: options.presencePenalty,
    frequency_penalty: options.frequencyPenalty,
    response_format: responseFormat && toFormat(responseFormat),
    tools: tools?.length ? tools.map(toTool) : undefined,
    tool_choice: tools?.length && toolChoice ? toChoice(toolChoice) : undefined,
    // the values are the same except the one that requests nothing
    reasoning_effort: reasoning === 'provider-default' ? undefined : reasoning,
    ...fromProviders(model, providerOptions),
    ...providerOptions.tetrad,
    // the client validates the request as from an untyped caller
  }) as ChatRequest
}

function toFormat({ type, schema, name = 'response', description }: ModelFormat) {
  if (type !== 'json') return undefined
  if (!schema) return { type: 'json_object' }
  return { type: 'json_schema', json_schema: { name, schema, ...defined({ description }) } }
}

const toChoice = ({ type, toolName }: NonNullable<ModelCallOptions['toolChoice']>) =>
  // the other types have the same names
  (type === 'tool' ? { type: 'function', function: { name: toolName } } : type) as ToolChoice

function toTool(tool: ModelTool): ToolDefinition {
  const { type, name, description, inputSchema, strict, inputExamples } = tool
  if (type !== 'function') return toHosted(tool)
  return {
    type: 'function',
    // JSON Schema is an object of any members
    function: { name, ...defined({ description, strict, parameters: inputSchema as JsonObject }) },
    // Anthropic's; other adapters report dropping it
    ...(inputExamples && { input_examples: inputExamples.map(({ input }) => input) }),
    ...cacheControlOf(tool),
  }
}

/** `openai.web_search`, `anthropic.web_search_20250305`, `google.google_search`: wire tools. */
function toHosted({ id = '', args = {} }: ModelTool): ToolDefinition {
  const [provider, ...rest] = id.split('.')
  const type = rest.join('.')
  return provider === 'google' ? { [camelCase(type)]: args } : { ...snakeCased(args), type }
}

// -- options of one provider -------------------------------------------------------------------------------------------

const providers: Readonly<Record<string, string>> = {
  openai: 'openai',
  anthropic: 'anthropic',
  google: 'gemini',
  xai: 'xai',
}

/** Options that are members of our request. */
const members =
  'logit_bias metadata parallel_tool_calls previous_response_id prompt_cache_key reasoning_effort safety_identifier service_tier store thinking user verbosity'.split(
    ' ',
  )
const renamed: Readonly<Record<string, string>> = {
  effort: 'reasoning_effort',
  text_verbosity: 'verbosity',
}

/** Options that steer the AI SDK's own providers and are not part of a body. */
const steering =
  'cache_control force_reasoning pass_through_unsupported_files reasoning_summary send_reasoning strict_json_schema structured_output_mode structured_outputs system_message_mode tool_streaming'.split(
    ' ',
  )

function fromProviders(model: string, given: NonNullable<WithOptions['providerOptions']>) {
  const own: Record<string, unknown> = {}
  const perProvider: Record<string, Record<string, unknown>> = {}
  for (const [name, provider] of Object.entries(providers))
    for (const [key, value] of Object.entries(given[name] ?? {})) {
      const snake = snakeCase(key)
      const member = Object.hasOwn(renamed, snake) ? String(renamed[snake]) : snake
      if (members.includes(member)) {
        if (isFor(provider, model)) own[member] = snakeCased(value)
      } else if (key === 'disableParallelToolUse') own.parallel_tool_calls = value !== true
      else if (!steering.includes(snake)) {
        perProvider[provider] ??= {}
        if (provider === 'gemini') perProvider[provider][key] = value
        else perProvider[provider][snake] = snakeCased(value)
      }
    }
  return { ...own, ...(Object.keys(perProvider).length > 0 && { provider_options: perProvider }) }
}

/** A model without a provider may be one of this provider, or an alias. */
const isFor = (provider: string, model: string) =>
  !model.includes('/') || model.startsWith(`${provider}/`)

const snakeCase = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const camelCase = (key: string) =>
  key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

function snakeCased<T>(value: T): T
function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => snakeCased(item))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [snakeCase(key), snakeCased(one)]),
  )
}
