/** Rules of the Responses API: https://platform.openai.com/docs/api-reference/responses, and its error messages. */
import { isObject, type JsonObject } from '../../chat/index.js'
import { firstIn, firstOf, objectsOf, type Rule, temperature } from './rule.js'

const required: Rule = ({ body }) => {
  if (typeof body.model !== 'string') return "Missing required parameter: 'model'."
  const isElsewhere = body.previous_response_id ?? body.conversation ?? body.prompt
  const isMissing =
    body.input === undefined || (Array.isArray(body.input) && body.input.length === 0)
  return isMissing && !isElsewhere ? "Missing required parameter: 'input'." : undefined
}

const outputs: Readonly<Record<string, string>> = {
  function_call: 'function_call_output',
  custom_tool_call: 'custom_tool_call_output',
}

/** Every call must have its output, every output its call. */
const calls: Rule = ({ body, provider }) => {
  const items = objectsOf(body.input)
  const isContinued = (body.previous_response_id ?? body.conversation) !== undefined
  const idsOf = (types: readonly string[]) =>
    new Set(items.filter(({ type }) => types.includes(String(type))).map(({ call_id }) => call_id))
  const called = idsOf(Object.keys(outputs))
  const answered = idsOf(Object.values(outputs))
  return firstIn(items, ({ type, call_id }) => {
    const kind = String(type)
    if (Object.values(outputs).includes(kind) && !called.has(call_id) && !isContinued)
      return `No tool call found for function call output with call_id ${call_id}.`
    // custom calls of xAI are run by xAI
    const isOurs = kind === 'function_call' || (kind === 'custom_tool_call' && provider !== 'xai')
    if (isOurs && !answered.has(call_id))
      return `No tool output found for function call ${call_id}.`
    return isOurs && String(call_id).length > 64
      ? "Invalid 'input': call_id is too long. Expected a string with maximum length 64."
      : undefined
  })
}

/** A reasoning item must be directly followed by its output. */
const thoughts: Rule = ({ body, provider }) => {
  if (provider !== 'openai') return undefined
  const items = objectsOf(body.input)
  return firstIn(items, ({ type, id }, index) => {
    if (type !== 'reasoning') return undefined
    const next = items.slice(index + 1).find((item) => item.type !== 'reasoning')
    const isFollowed = next && (isItem(next) || next.role === 'assistant')
    return isFollowed
      ? undefined
      : `Item '${id}' of type 'reasoning' was provided without its required following item.`
  })
}

const isItem = ({ type }: JsonObject) =>
  type !== undefined && type !== 'message' && !String(type).endsWith('_output')

const prefixes: Readonly<Record<string, string>> = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  custom_tool_call: 'ctc',
  web_search_call: 'ws',
}

const ids: Rule = ({ body, provider }) => {
  if (provider !== 'openai') return undefined
  return firstIn(objectsOf(body.input), ({ type, id }, index) => {
    const prefix = prefixes[String(type)]
    if (prefix === undefined || typeof id !== 'string' || id.startsWith(prefix)) return undefined
    return `Invalid 'input[${index}].id': '${id}'. Expected an ID that begins with '${prefix}'.`
  })
}

const contents: Rule = ({ body }) =>
  firstIn(objectsOf(body.input), ({ role, content }, index) => {
    if (role === undefined) return undefined
    const isAnswer = role === 'assistant'
    return firstIn(objectsOf(content), ({ type }, part) => {
      const isOutput = type === 'output_text' || type === 'refusal'
      return isOutput === isAnswer
        ? undefined
        : `Invalid value: '${type}' for 'input[${index}].content[${part}].type'.`
    })
  })

const tools: Rule = ({ body }) =>
  firstIn(objectsOf(body.tools), ({ type, name }, index) => {
    if (type !== 'function' && type !== 'custom') return undefined
    return /^[a-zA-Z0-9_-]{1,128}$/.test(String(name))
      ? undefined
      : `Invalid 'tools[${index}].name': string does not match pattern '^[a-zA-Z0-9_-]+$'.`
  })

const limits: Rule = ({ body, provider }) => {
  if (provider !== 'openai') return undefined
  if (typeof body.max_output_tokens === 'number' && body.max_output_tokens < 16)
    return "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16."
  if (isObject(body.metadata) && Object.keys(body.metadata).length > 16)
    return "Invalid 'metadata': too many properties. Expected an object with at most 16 properties."
  return undefined
}

const format: Rule = ({ body }) => {
  const told = isObject(body.text) && isObject(body.text.format) ? body.text.format : {}
  if (told.type !== 'json_schema') return undefined
  if (typeof told.name !== 'string') return "Missing required parameter: 'text.format.name'."
  return isObject(told.schema) ? undefined : "Missing required parameter: 'text.format.schema'."
}

export const responsesRules = firstOf(
  required,
  contents,
  calls,
  thoughts,
  ids,
  tools,
  limits,
  format,
  temperature,
)
