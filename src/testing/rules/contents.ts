/** Rules of Gemini's generateContent: https://ai.google.dev/gemini-api/docs/function-calling and thought-signatures, and its error messages. */
import type { JsonObject } from '../../chat/index.js'
import { firstIn, firstOf, isEmptyList, objectsOf, type Rule, turnsOf } from './rule.js'

/** The wire accepts camelCase and snake_case. */
const member = (object: JsonObject, name: string): unknown =>
  object[name] ?? object[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]

const has = (name: string) => (part: JsonObject) => member(part, name) !== undefined

const isCall = has('functionCall')
const isResponse = has('functionResponse')

const dataFields = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
]

/** Function responses may have a separate role. */
const turnsIn = ({ contents }: JsonObject) =>
  turnsOf(
    objectsOf(contents).map(({ role, parts: list }) => ({
      role: role === 'model' ? role : 'user',
      parts: objectsOf(list),
    })),
  )

const required: Rule = ({ body }) =>
  isEmptyList(body.contents)
    ? '* GenerateContentRequest.contents: contents is not specified'
    : undefined

const parts: Rule = ({ body }) =>
  firstIn(objectsOf(body.contents), ({ role, parts: list }, index) => {
    const at = `* GenerateContentRequest.contents[${index}]`
    if (role !== undefined && !['user', 'model', 'function'].includes(String(role)))
      return 'Please use a valid role: user, model.'
    if (isEmptyList(list)) return `${at}.parts: contents.parts must not be empty.`
    return firstIn(objectsOf(list), (part, place) => {
      const data = dataFields.filter((name) => has(name)(part))
      return data.length === 1
        ? undefined
        : `${at}.parts[${place}].data: required oneof field 'data' must have one initialized field`
    })
  })

/** Calls must follow a user turn or function responses; all their responses must follow next. */
const calls: Rule = ({ body }) => {
  const turns = turnsIn(body)
  return firstIn(turns, (turn, index) => {
    const calledBefore = turns[index - 1]?.parts.filter(isCall).length ?? 0
    const responses = turn.parts.filter(isResponse).length
    if (turn.role === 'model')
      return index === 0 && turn.parts.some(isCall)
        ? 'Please ensure that function call turn comes immediately after a user turn or after a function response turn.'
        : undefined
    if (responses > 0 && calledBefore === 0)
      return 'Please ensure that function response turn comes immediately after a function call turn.'
    return responses === calledBefore
      ? undefined
      : 'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.'
  })
}

/** Gemini 3 requires the signature of the first call of each step since the last user text. */
const signatures: Rule = ({ body, model }) => {
  if (!/gemini-[3-9]/.test(model)) return undefined
  const turns = turnsIn(body)
  const asked = turns.findLastIndex(
    ({ role, parts: list }) => role === 'user' && list.some(has('text')),
  )
  return firstIn(turns.slice(asked + 1), ({ role, parts: list }) => {
    const first = role === 'model' ? list.find(isCall) : undefined
    return !first || has('thoughtSignature')(first)
      ? undefined
      : 'Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly.'
  })
}

const tools: Rule = ({ body }) =>
  firstIn(objectsOf(body.tools), (tool, index) =>
    firstIn(objectsOf(member(tool, 'functionDeclarations')), ({ name }, place) =>
      /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/.test(String(name))
        ? undefined
        : `* GenerateContentRequest.tools[${index}].function_declarations[${place}].name: Invalid function name. Must start with a letter or an underscore.`,
    ),
  )

export const contentsRules = firstOf(required, parts, calls, signatures, tools)
