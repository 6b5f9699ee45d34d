/** Converts a client's Chat Completions body to a chat request: only known, valid members pass. */
import type {
  ChatRequest,
  FunctionTool,
  JsonObject,
  ReasoningEffort,
  ResponseFormat,
  Thinking,
  ToolChoice,
  ToolDefinition,
} from '../chat/index.js'
import { isObject } from '../chat/index.js'
import {
  boolean,
  type Check,
  count,
  either,
  filled,
  integer,
  invalid,
  listOf,
  members,
  number,
  object,
  oneOf,
  recordOf,
  required,
  string,
} from './check.js'
import { readMessages } from './request-messages.js'

export interface FromOpenAIOptions {
  /** Further keys to pass unchanged, for your own clients: `top_k`, `drop_params`. */
  readonly allow?: readonly string[] | undefined
}

export interface OpenAIRequest {
  readonly request: ChatRequest
  /** The client requested a stream. */
  readonly streaming: boolean
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean
  /** The client sent legacy `functions`, and expects a `function_call`. */
  readonly functionCall: boolean
}

/**
 * Reads a body. Rejects unknown keys, among them those that could redirect the call or add to it
 * (`extra_body`, `extra_headers`, `api_base` …). Throws `BadRequestError` with the path of the
 * invalid member and the expected value.
 *
 * @example
 * const { request, streaming, includeUsage } = fromOpenAI(await req.json())
 */
export function fromOpenAI(body: unknown, { allow = [] }: FromOpenAIOptions = {}): OpenAIRequest {
  const source = object(body, 'body')
  refuseUnknown(source, allow)
  const { functions, function_call, ...params } = members<Params>(source, '', paramChecks)
  const { stream, stream_options } = members<StreamParams>(source, '', streamChecks)
  return {
    request: {
      model: required(source, '', 'model', filled),
      messages: required(source, '', 'messages', readMessages),
      ...(functions && { tools: functions }),
      ...(function_call && { tool_choice: function_call }),
      ...params,
      ...Object.fromEntries(
        allow.flatMap((key) =>
          Object.hasOwn(source, key) && !renamed.has(key) ? [[key, source[key]]] : [],
        ),
      ),
    },
    streaming: stream ?? false,
    includeUsage: stream_options?.include_usage ?? false,
    functionCall: functions !== undefined,
  }
}

/** Already passed as `tools` and `tool_choice`: no wire accepts both. */
const renamed: ReadonlySet<string> = new Set(['functions', 'function_call'])

function refuseUnknown(source: JsonObject, allow: readonly string[]): void {
  for (const key of Object.keys(source))
    if (!known.has(key) && !allow.includes(key))
      throw invalid(key, 'this server does not support the parameter')
}

type Taken = Omit<
  ChatRequest,
  | 'model'
  | 'messages'
  | 'drop_params'
  | 'additional_drop_params'
  | 'allowed_openai_params'
  | 'extra_body'
  | 'extra_headers'
  | 'provider_options'
  // could name a response that another client stored
  | 'previous_response_id'
  | 'top_k'
>

interface Params extends Required<{ [Key in keyof Taken]: NonNullable<Taken[Key]> }> {
  readonly functions: readonly FunctionTool[]
  readonly function_call: ToolChoice
  /** Keys of OpenAI without a counterpart in the chat request: they pass unchanged. */
  readonly audio: JsonObject
  readonly prediction: JsonObject
  readonly moderation: JsonObject
  readonly prompt_cache_options: JsonObject
  readonly prompt_cache_retention: string
}

interface StreamParams {
  readonly stream: boolean
  readonly stream_options: { readonly include_usage?: boolean }
}

const named: Check<string> = (value, path) => required(object(value, path), path, 'name', filled)

const functionDefinition: Check<FunctionTool> = (value, path) => {
  const source = object(value, path)
  return {
    type: 'function',
    function: {
      name: required(source, path, 'name', filled),
      ...members<{ description: string; parameters: JsonObject; strict: boolean }>(source, path, {
        description: string,
        parameters: object,
        strict: boolean,
      }),
    },
  }
}

const tool: Check<ToolDefinition> = (value, path) => {
  const source = object(value, path)
  const type = required(source, path, 'type', oneOf('function', 'custom'))
  if (type === 'function') return required(source, path, 'function', functionDefinition)
  const custom = required(source, path, 'custom', object)
  const at = `${path}.custom`
  return {
    type,
    custom: {
      name: required(custom, at, 'name', filled),
      ...members<{ description: string; format: JsonObject }>(custom, at, {
        description: string,
        format: object,
      }),
    },
  }
}

const modes = oneOf('none', 'auto', 'required')

const choice: Check<ToolChoice> = (value, path) => {
  if (!isObject(value)) return modes(value, path)
  const type = required(value, path, 'type', oneOf('function', 'custom', 'allowed_tools'))
  if (type !== 'allowed_tools') {
    const name = required(value, path, type, named)
    return type === 'function' ? { type, function: { name } } : { type, custom: { name } }
  }
  const at = `${path}.allowed_tools`
  const allowed = required(value, path, 'allowed_tools', object)
  return {
    type,
    allowed_tools: {
      mode: required(allowed, at, 'mode', oneOf('auto', 'required')),
      tools: required(allowed, at, 'tools', listOf(object)),
    },
  }
}

const format: Check<ResponseFormat> = (value, path) => {
  const source = object(value, path)
  const type = required(source, path, 'type', oneOf('text', 'json_object', 'json_schema'))
  if (type !== 'json_schema') return { type }
  const at = `${path}.json_schema`
  const schema = required(source, path, 'json_schema', object)
  return {
    type,
    json_schema: {
      name: required(schema, at, 'name', filled),
      ...members<{ schema: JsonObject; description: string; strict: boolean }>(schema, at, {
        schema: object,
        description: string,
        strict: boolean,
      }),
    },
  }
}

const thinking: Check<Thinking> = (value, path) => {
  const source = object(value, path)
  return {
    type: required(source, path, 'type', oneOf('enabled', 'disabled', 'adaptive')),
    ...members<{ budget_tokens: number }>(source, path, { budget_tokens: count }),
  }
}

const isString = (value: unknown) => typeof value === 'string'

const paramChecks: { readonly [Key in keyof Params]: Check<Params[Key]> } = {
  temperature: number,
  top_p: number,
  max_tokens: count,
  max_completion_tokens: count,
  stop: either(isString, string, listOf(string)),
  seed: integer,
  n: integer,
  presence_penalty: number,
  frequency_penalty: number,
  logit_bias: recordOf(number),
  logprobs: boolean,
  top_logprobs: count,
  tools: listOf(tool),
  tool_choice: choice,
  parallel_tool_calls: boolean,
  response_format: format,
  reasoning_effort: oneOf<ReasoningEffort>(
    'none',
    'minimal',
    'low',
    'medium',
    'high',
    'xhigh',
    'max',
  ),
  thinking,
  verbosity: oneOf('low', 'medium', 'high'),
  modalities: listOf(oneOf('text', 'image', 'audio')),
  user: string,
  metadata: recordOf(string),
  store: boolean,
  service_tier: string,
  safety_identifier: string,
  prompt_cache_key: string,
  web_search_options: object,
  functions: listOf(functionDefinition),
  function_call: (value, path) =>
    isObject(value)
      ? { type: 'function', function: { name: named(value, path) } }
      : oneOf('none', 'auto')(value, path),
  audio: object,
  prediction: object,
  moderation: object,
  prompt_cache_options: object,
  prompt_cache_retention: string,
}

const streamChecks: { readonly [Key in keyof StreamParams]: Check<StreamParams[Key]> } = {
  stream: boolean,
  stream_options: (value, path) =>
    members<{ include_usage: boolean }>(object(value, path), path, { include_usage: boolean }),
}

const known = new Set([
  'model',
  'messages',
  ...Object.keys(paramChecks),
  ...Object.keys(streamChecks),
])
