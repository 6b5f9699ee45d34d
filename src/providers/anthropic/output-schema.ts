/** JSON Schema as `output_config.format` and strict tools take it. */
import { isObject, type JsonObject } from '../../chat/index.js'
import type { Note } from './notes.js'

/** The schema in the API's dialect; what it cannot enforce is told. */
export function toOutputSchema(schema: JsonObject, note: Note): Record<string, unknown> {
  void note
  const { $schema: _, ...rest } = schema
  return rest
}

/** Any JSON Schema of an object will do for a tool that is not strict; a union at the root is the one thing refused. */
export function toInputSchema(schema: JsonObject | undefined, note: Note): InputSchema {
  const { $schema: _, ...root } = schema ?? {}
  const merged = unionKeywords.some((keyword) => Array.isArray(root[keyword]))
    ? withoutUnion(root, note)
    : root
  const properties = isObject(merged.properties) ? merged.properties : {}
  return { ...merged, type: 'object', properties }
}

export type InputSchema = { readonly type: 'object'; readonly [keyword: string]: unknown }

const unionKeywords = ['anyOf', 'oneOf', 'allOf'] as const

/** One object with the properties of all members; of alternatives only what each requires stays required. */
function withoutUnion(root: JsonObject, note: Note): JsonObject {
  note(
    'changed',
    'A tool whose parameters are a union was sent with the properties of all its members',
  )
  const { anyOf, oneOf, allOf, ...rest } = root
  const choices = [...objects(anyOf), ...objects(oneOf)]
  const all = objects(allOf)
  const members = [rest, ...all, ...choices]
  const required = new Set([rest, ...all].flatMap(requiredOf))
  for (const name of choices[0] ? requiredOf(choices[0]) : [])
    if (choices.every((choice) => requiredOf(choice).includes(name))) required.add(name)
  return {
    ...rest,
    properties: Object.assign({}, ...members.map(({ properties }) => properties)),
    ...(required.size > 0 && { required: [...required] }),
  }
}

const objects = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : []

const requiredOf = ({ required }: JsonObject): readonly string[] =>
  Array.isArray(required) ? required.filter((name) => typeof name === 'string') : []
