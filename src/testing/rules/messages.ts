/** Rules of Anthropic's Messages API: https://docs.anthropic.com/en/api/messages, and its error messages. */
import { asParts, isObject, type JsonObject } from '../../chat/index.js'
import { firstIn, firstOf, isEmptyList, objectsOf, type Rule, type Turn, turnsOf } from './rule.js'

const turnsIn = ({ messages }: JsonObject) =>
  turnsOf(objectsOf(messages).map(({ role, content }) => ({ role, parts: asParts(content) })))

const isOf = (type: string) => (block: JsonObject) => block.type === type

const required: Rule = ({ body, headers }) => {
  if (headers['anthropic-version'] === undefined) return 'anthropic-version: header is required'
  if (typeof body.model !== 'string') return 'model: Field required'
  if (!Number.isInteger(body.max_tokens)) return 'max_tokens: Field required'
  if (Number(body.max_tokens) < 1) return 'max_tokens: must be greater than or equal to 1'
  if (isEmptyList(body.messages)) return 'messages: at least one message is required'
  return undefined
}

const contents: Rule = ({ body }) => {
  const messages = objectsOf(body.messages)
  return firstIn(messages, ({ role, content }, index) => {
    if (role !== 'user' && role !== 'assistant' && role !== 'system')
      return `messages: Unexpected role "${role}".`
    const isLastAnswer = index === messages.length - 1 && role === 'assistant'
    if (!isLastAnswer && (content === '' || (Array.isArray(content) && content.length === 0)))
      return `messages.${index}: all messages must have non-empty content except for the optional final assistant message`
    return firstIn(objectsOf(content), textObjection)
  })
}

function textObjection({ type, text }: JsonObject): string | undefined {
  if (type !== 'text') return undefined
  if (text === '') return 'messages: text content blocks must be non-empty'
  if (typeof text === 'string' && text.trim() === '')
    return 'messages: text content blocks must contain non-whitespace text'
  return undefined
}

const lastAnswer: Rule = ({ body }) => {
  const last = turnsIn(body).at(-1)
  const text = last?.parts.at(-1)?.text
  if (last?.role !== 'assistant' || typeof text !== 'string' || !/\s$/.test(text)) return undefined
  return 'messages: final assistant content cannot end with trailing whitespace'
}

const calls: Rule = ({ body }) => {
  const turns = turnsIn(body)
  return firstIn(turns, ({ role, parts: blocks }, index) => {
    if (role === 'assistant') return callObjection(blocks, turns[index + 1], index)
    return resultObjection(blocks, turns[index - 1], index)
  })
}

function callObjection(
  blocks: readonly JsonObject[],
  next: Turn | undefined,
  index: number,
): string | undefined {
  const uses = blocks.filter(isOf('tool_use'))
  const odd = uses.find(({ id }) => !/^[a-zA-Z0-9_-]+$/.test(String(id)))
  if (odd)
    return `messages.${index}.content: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`
  if (uses.some(({ input }) => !isObject(input)))
    return `messages.${index}.content: tool_use.input: Input should be a valid dictionary`
  const ids = uses.map(({ id }) => id)
  if (new Set(ids).size < ids.length) return 'messages: `tool_use` ids must be unique'
  const answered = new Set(
    next?.parts.filter(isOf('tool_result')).map((block) => block.tool_use_id),
  )
  const open = ids.filter((id) => !answered.has(id))
  return open.length > 0
    ? `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(', ')}.`
    : undefined
}

function resultObjection(
  blocks: readonly JsonObject[],
  before: Turn | undefined,
  index: number,
): string | undefined {
  const results = blocks.filter(isOf('tool_result'))
  const known = new Set(before?.parts.filter(isOf('tool_use')).map(({ id }) => id))
  const unknown = results.find(({ tool_use_id }) => !known.has(tool_use_id))
  if (unknown)
    return `messages.${index}.content: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${unknown.tool_use_id}.`
  const isFirst = blocks.slice(0, results.length).every(isOf('tool_result'))
  return isFirst
    ? undefined
    : `messages.${index}: \`tool_result\` blocks must come first in the content`
}

const thoughts: Rule = ({ body }) =>
  firstIn(turnsIn(body), ({ role, parts: blocks }, index) =>
    firstIn(blocks, ({ type, signature, data }) => {
      const isThought = type === 'thinking' || type === 'redacted_thinking'
      if (!isThought) return undefined
      if (role !== 'assistant') return `messages.${index}: ${type} blocks are for the assistant`
      const proof = type === 'thinking' ? signature : data
      return typeof proof === 'string' && proof !== ''
        ? undefined
        : `messages.${index}.content: Invalid \`signature\` in \`${type}\` block`
    }),
  )

const thinking: Rule = ({ body }) => {
  if (!isObject(body.thinking) || body.thinking.type !== 'enabled') return undefined
  const budget = Number(body.thinking.budget_tokens)
  if (!(budget >= 1024))
    return 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024'
  if (budget >= Number(body.max_tokens))
    return '`max_tokens` must be greater than `thinking.budget_tokens`.'
  if (body.temperature !== undefined && body.temperature !== 1)
    return '`temperature` may only be set to 1 when thinking is enabled.'
  const choice = isObject(body.tool_choice) ? body.tool_choice.type : undefined
  if (choice === 'any' || choice === 'tool')
    return 'Thinking may not be enabled when tool_choice forces tool use.'
  return undefined
}

const tools: Rule = ({ body }) => {
  const names = objectsOf(body.tools).flatMap(({ name }) =>
    name === undefined ? [] : [String(name)],
  )
  if (new Set(names).size < names.length) return 'tools: Tool names must be unique.'
  const odd = names.find((name) => !/^[a-zA-Z0-9_-]{1,128}$/.test(name))
  return odd === undefined
    ? undefined
    : "tools: name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"
}

const cacheMarks: Rule = ({ body }) => {
  const marks = countMarks([body.tools, body.system, body.messages])
  return marks > 4
    ? `A maximum of 4 blocks with cache_control may be provided. Found ${marks}.`
    : undefined
}

/** Counts marks on blocks, tools and results, not those inside a tool's input or schema. */
function countMarks(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMarks(item), 0)
  if (!isObject(value)) return 0
  return (isObject(value.cache_control) ? 1 : 0) + countMarks(value.content)
}

export const messagesRules = firstOf(
  required,
  contents,
  calls,
  lastAnswer,
  thoughts,
  thinking,
  tools,
  cacheMarks,
)
