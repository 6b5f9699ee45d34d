/** Parses the text of a structured answer to its value, or to its defect. */
import { parseJson, type ResponseFormat, type SchemaIssue } from '../chat/index.js'
import { checkJson } from './check.js'
import { restoreAnswer } from './restore.js'
import { sourceOf, validate } from './standard.js'

/** `defect` is a text that the model can act on. */
export type AnswerReading =
  | { readonly value: unknown; readonly defect?: undefined }
  | { readonly defect: string; readonly code: 'bad_json' | 'schema_mismatch' }

/**
 * Parses the answer for this format, validated by the Standard Schema it was created from, else by
 * its JSON Schema. Accepts JSON in a fence or after invisible marks.
 */
export async function readAnswer(text: string, format: ResponseFormat): Promise<AnswerReading> {
  if (format.type === 'text') return { value: text }
  const given = parseJson(text) ?? parseFenced(text.replace(marks, '').trim())
  if (given === undefined) return { code: 'bad_json', defect: 'it is not JSON' }
  if (format.type === 'json_object') return { value: given }
  const { schema = {} } = format.json_schema
  const value = restoreAnswer(given, schema)
  const source = sourceOf(format)
  if (!source) return misfit(checkJson(schema, value)) ?? { value }
  const result = await validate(source, value)
  if (!result.issues) return { value: result.value }
  return misfit(result.issues.map(describeIssue)) ?? { value }
}

function misfit(issues: readonly string[]): AnswerReading | undefined {
  if (issues.length === 0) return undefined
  return { code: 'schema_mismatch', defect: issues.slice(0, 10).join('; ').slice(0, 500) }
}

/** The path and message of an issue: `items.2.price: expected number`. */
export function describeIssue({ message, path = [] }: SchemaIssue): string {
  const place = path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  return place ? `${place}: ${message}` : message
}

/** Blanks, byte order marks and zero-width characters. */
const marks = /^[\s\u200b\u2060\ufeff]+/

/** Parses text that may stand in a fence. */
function parseFenced(text: string): unknown {
  const [fence = ''] = /^(`{3,9}|~{3,9})/.exec(text) ?? []
  if (fence === '' || !text.endsWith(fence)) return parseJson(text)
  const body = text.slice(fence.length, -fence.length)
  return parseJson(body) ?? parseJson(body.replace(/^[\w+-]{1,20}/, ''))
}
